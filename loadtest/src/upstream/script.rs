//! How an upstream behaves in the course of time. It knows no clock: all times are spans from when the
//! script began.

use super::behaviour::Behaviour;
use crate::argument::span;
use std::str::FromStr;
use std::time::Duration;

/// The course.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// From when on it behaves how; in order of time, the first from the beginning.
    stages: Vec<(Duration, Behaviour)>,
}

impl Script {
    /// The same all the time.
    pub fn always(behaviour: Behaviour) -> Self {
        Self { stages: vec![(Duration::ZERO, behaviour)] }
    }

    /// How it behaves then.
    pub fn at(&self, elapsed: Duration) -> &Behaviour {
        let begun = self.stages.iter().rev().find(|(from, _)| *from <= elapsed);
        &begun.unwrap_or(&self.stages[0]).1
    }

    /// When it changes for the next time.
    pub fn next_after(&self, elapsed: Duration) -> Option<Duration> {
        self.stages.iter().map(|(from, _)| *from).find(|from| *from > elapsed)
    }
}

impl FromStr for Script {
    type Err = String;

    /// From stages such as `fast; 30s 60% hang; 2m heal`, each with the time from which it counts.
    /// Before the first of them all is fast.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut stages = vec![(Duration::ZERO, Behaviour::slow(Duration::ZERO))];
        for stage in text.split(';').map(str::trim) {
            let (from, behaviour) = read_stage(stage)?;
            match stages.last() {
                Some((before, _)) if from < *before => {
                    return Err(format!("{stage:?} is earlier than the stage before it"));
                }
                Some((before, _)) if from == *before && stages.len() > 1 => {
                    return Err(format!("{stage:?} begins when the stage before it does"));
                }
                _ => stages.push((from, behaviour)),
            }
        }
        Ok(Self { stages })
    }
}

fn read_stage(stage: &str) -> Result<(Duration, Behaviour), String> {
    match stage.split_once(' ').map(|(first, rest)| (span(first), rest)) {
        Some((Ok(from), rest)) => Ok((from, Behaviour::read(rest)?)),
        _ => Ok((Duration::ZERO, Behaviour::read(stage)?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Script {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    fn behaviour(text: &str) -> Behaviour {
        Behaviour::read(text).unwrap()
    }

    #[test]
    fn a_stage_counts_from_its_time_until_the_next() {
        let script = read("slow 20ms; 30s 60% hang; 2m heal");
        let at = |seconds| script.at(Duration::from_secs(seconds));
        assert_eq!(*at(0), behaviour("slow 20ms"));
        assert_eq!(*at(29), behaviour("slow 20ms"));
        assert_eq!(*at(30), behaviour("60% hang"));
        assert_eq!(*at(120), behaviour("heal"));
        let next = |seconds| script.next_after(Duration::from_secs(seconds));
        assert_eq!(next(0), Some(Duration::from_secs(30)));
        assert_eq!(next(30), Some(Duration::from_secs(120)));
        assert_eq!(next(120), None);
    }

    #[test]
    fn before_its_first_stage_all_is_fast() {
        let script = read("500ms refuse");
        assert_eq!(*script.at(Duration::ZERO), behaviour("fast"));
        assert_eq!(*script.at(Duration::from_millis(500)), Behaviour::Refuse);
        assert_eq!(*read("503").at(Duration::ZERO), behaviour("503"));
        assert_eq!(*Script::always(Behaviour::Refuse).at(Duration::MAX), Behaviour::Refuse);
    }

    #[test]
    fn stages_out_of_order_or_not_understood_are_told() {
        for wrong in ["", "fast;", "10s hang; 5s heal", "5s hang; 5s heal", "soon hang", "5 hang"] {
            assert!(wrong.parse::<Script>().is_err(), "{wrong:?}");
        }
    }
}
