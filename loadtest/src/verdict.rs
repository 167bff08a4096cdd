//! How a run ended, for the exit code.

use std::process::ExitCode;

/// Whether all bars were met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All were: exit code 0.
    Met,
    /// At least one was not: exit code 1.
    Missed,
}

impl Verdict {
    /// Met, if `is_met`.
    pub fn of(is_met: bool) -> Self {
        if is_met { Self::Met } else { Self::Missed }
    }
}

impl From<Verdict> for ExitCode {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Met => Self::SUCCESS,
            Verdict::Missed => Self::from(1),
        }
    }
}
