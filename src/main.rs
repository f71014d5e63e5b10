//! The `mstack` binary: operator and command line.
fn main() {}
