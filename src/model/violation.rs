//! What is wrong with a spec, in the user's words: path, reason, fix.
use std::fmt;

use crate::codes::Code;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// Where, such as `spec.services.api.uses[0]`.
    pub path: String,
    /// What is wrong and why, such as "`oders` is not a component of this stack".
    pub reason: String,
    /// What to do, such as "did you mean `orders`?".
    pub fix: String,
    /// Which kind of mistake it is; `mstack explain` tells more of it.
    pub code: Code,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.path, self.reason, self.fix)
    }
}

/// Everything that is wrong, reported together (rule 15). Never empty when it is an error.
#[derive(Clone, Debug, Default, PartialEq, thiserror::Error)]
pub struct Violations(pub Vec<Violation>);

impl Violations {
    /// Adds one.
    pub fn add(&mut self, code: Code, path: impl Into<String>, reason: impl Into<String>, fix: impl Into<String>) {
        self.0.push(Violation { path: path.into(), reason: reason.into(), fix: fix.into(), code });
    }
}

impl fmt::Display for Violations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, violation) in self.0.iter().enumerate() {
            let separator = if n == 0 { "" } else { "\n" };
            write!(f, "{separator}{violation}")?;
        }
        Ok(())
    }
}
