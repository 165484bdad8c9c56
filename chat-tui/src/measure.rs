//! What the benchmark measures.

/// Nothing yet.
pub fn run() {}
