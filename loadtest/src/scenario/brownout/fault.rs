//! What may be wrong with an upstream, and what a gate has to make of it.

use crate::upstream::Behaviour;
use std::fmt::{Display, Formatter};

/// Which faults are played.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Faults {
    Hang,
    Slow60,
    Slow5s,
    Errors,
    Slow10,
    Slow30,
    All,
}

impl Faults {
    pub(super) fn all(self) -> &'static [Fault] {
        match self {
            Self::Hang => &[Fault::Hang],
            Self::Slow60 => &[Fault::Slow60],
            Self::Slow5s => &[Fault::Slow5s],
            Self::Errors => &[Fault::Errors],
            Self::Slow10 => &[Fault::Slow10],
            Self::Slow30 => &[Fault::Slow30],
            Self::All => &[
                Fault::Hang,
                Fault::Slow60,
                Fault::Slow5s,
                Fault::Errors,
                Fault::Slow10,
                Fault::Slow30,
            ],
        }
    }
}

/// One fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Fault {
    /// No call is answered.
    Hang,
    /// Six of ten are not.
    Slow60,
    /// All are answered, and late.
    Slow5s,
    /// All fail at once.
    Errors,
    /// One of ten is not answered: no reason to do without the others.
    Slow10,
    /// Three of ten: the same.
    Slow30,
}

/// What a gate has to make of a fault.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Due {
    /// It sheds within so many seconds, in the middle of all runs and in the worst.
    Shed { median: f64, worst: f64 },
    /// It never sheds.
    Bear,
}

impl Fault {
    /// The words of the script.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Hang => "hang",
            Self::Slow60 => "60% hang",
            Self::Slow5s => "slow 5s",
            Self::Errors => "503",
            Self::Slow10 => "10% hang",
            Self::Slow30 => "30% hang",
        }
    }

    pub(super) fn behaviour(self) -> anyhow::Result<Behaviour> {
        Behaviour::read(self.words()).map_err(anyhow::Error::msg)
    }

    pub(super) fn due(self) -> Due {
        match self {
            Self::Hang => Due::Shed { median: 6.0, worst: 8.0 },
            Self::Slow60 | Self::Slow5s | Self::Errors => Due::Shed { median: 10.0, worst: 10.0 },
            Self::Slow10 | Self::Slow30 => Due::Bear,
        }
    }
}

impl Display for Fault {
    fn fmt(&self, out: &mut Formatter<'_>) -> std::fmt::Result {
        out.pad(match self {
            Self::Hang => "hang",
            Self::Slow60 => "slow60",
            Self::Slow5s => "slow5s",
            Self::Errors => "errors",
            Self::Slow10 => "slow10",
            Self::Slow30 => "slow30",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_a_behaviour_that_there_is() {
        for fault in Faults::All.all() {
            assert!(fault.behaviour().is_ok(), "{fault}");
        }
        assert_eq!(Faults::Slow30.all(), [Fault::Slow30]);
    }
}
