//! Who is compared in one scenario: the task server, what is the least possible, and what must not be.
//! What each of them does is the scenario's own.

use crate::report::Tone;
use std::fmt::{Display, Formatter};

/// Which servers take part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Against {
    Overtime,
    Floor,
    Control,
    All,
}

impl Against {
    /// Their names; `all` of them in the order in which they have their turns.
    pub(crate) fn names(self, all: [Rival; 3]) -> Vec<Rival> {
        match self {
            Self::Overtime => vec![Rival::Overtime],
            Self::Floor => vec![Rival::Floor],
            Self::Control => vec![Rival::Control],
            Self::All => all.to_vec(),
        }
    }
}

/// Who a server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Rival {
    /// The task server.
    Overtime,
    /// What is the least possible.
    Floor,
    /// What must not be.
    Control,
}

impl Rival {
    /// Its colour on a page.
    pub(crate) fn tone(self) -> Tone {
        match self {
            Self::Overtime => Tone::Ours,
            Self::Floor => Tone::Floor,
            Self::Control => Tone::Control,
        }
    }
}

impl Display for Rival {
    fn fmt(&self, out: &mut Formatter<'_>) -> std::fmt::Result {
        out.pad(match self {
            Self::Overtime => "overtime",
            Self::Floor => "floor",
            Self::Control => "control",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_take_part_in_the_order_that_is_asked_for() {
        let all = [Rival::Floor, Rival::Overtime, Rival::Control];
        assert_eq!(Against::All.names(all), all);
        assert_eq!(Against::Control.names(all), [Rival::Control]);
    }
}
