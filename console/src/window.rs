//! What the console looks through: a trait, so that it knows none of what it shows.

use crate::sample::Family;

/// What the server shows. Called once for each look, on the console's thread: both functions read
/// what is there (atomics, a lock held shortly) and never wait for anything.
pub trait Window: Send + Sync + 'static {
    /// Every condition that must hold for the server to take work.
    fn checks(&self) -> Vec<Check>;

    /// Every metric, as it stands now.
    fn metrics(&self) -> Vec<Family>;
}

/// One condition that must hold for the server to take work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// A slug, unique among the checks.
    pub name: &'static str,
    /// Whether it holds.
    pub ok: bool,
    /// One sentence for a person; may be empty if it holds.
    pub detail: String,
}
