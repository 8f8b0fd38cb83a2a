//! What one evaluation may use up.

/// Limits of one evaluation. Whatever would exceed one is refused before it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Steps: every tree node, element, character batch and regular expression step costs some.
    pub fuel: u64,
    /// Bytes allocated in all.
    pub memory_bytes: usize,
    /// Bytes of the result.
    pub output_bytes: usize,
    /// Calls within calls.
    pub depth: u32,
}

impl Default for Limits {
    /// About 50 ms of work, 16 MiB, 1 MiB of result, 128 nested calls.
    fn default() -> Self {
        Self { fuel: 5_000_000, memory_bytes: 16 << 20, output_bytes: 1 << 20, depth: 128 }
    }
}
