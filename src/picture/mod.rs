//! Drawings of a stack: where each component stands, and the lines between them. Pure: the same graph is the same drawing,
//! on every page and in every command.
pub mod layout;
pub mod svg;

pub use layout::{Edge, Layout, Place, Route};
pub use svg::{Shape, draw, escape};

/// A number of columns or rows as a length.
pub fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}
