//! From what users wrote to what is true: one checked stack, or everything that is wrong with it.
use super::{Facts, Stack, Violations};
use crate::api::MicroserviceStack;

/// Checks a stack against what is known of the cluster.
///
/// # Errors
/// All violations of the spec together (rule 15).
pub fn check(_object: &MicroserviceStack, _facts: &Facts) -> Result<Stack, Violations> {
    Err(Violations::default())
}
