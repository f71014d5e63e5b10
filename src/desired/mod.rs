//! From the model to the objects that are wanted. Infallible and deterministic: no client, no clock, no randomness.
pub mod meta;
pub mod object;

pub use object::Object;
