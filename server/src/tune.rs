//! Tuning: what the gate of an upstream would have done with calls of the past. They are given to the
//! gate itself, at the times at which they were made, with each of its rules alone and with all, and
//! for several spans as the one above which a call is slow. It calls nobody and changes no setting.
//!
//! - `calls` are read from a file, `moment` is a point in time in it.
//! - `replay` gives them to the gate.
//! - `slots` are equal parts of the time, `chart` draws them.
//! - `report` says what came of it.

mod calls;
mod chart;
mod moment;
mod replay;
mod report;
mod slots;

pub(crate) use calls::{end, read};
pub(crate) use report::{json, text};

use chart::Picture;
use overtime_engine::gate::{Rule, Rules, Sample};
use overtime_protocol::{Hour, UnixMillis};
use replay::{Replayed, replay};
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

/// Above which spans a call is slow, by turns.
const SLOW: [Duration; 5] = [
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(3),
    Duration::from_secs(5),
    Duration::from_secs(8),
];

/// What is known of one upstream.
#[derive(Clone, Debug)]
pub(crate) struct Past {
    pub(crate) name: String,
    /// Calls one by one, in the order in which they began.
    pub(crate) calls: Vec<Sample>,
    /// Hours in which it was called, the oldest first.
    pub(crate) hours: Vec<Hour>,
}

/// What the gate would have done with them.
#[derive(Clone, Debug)]
pub(crate) struct Study {
    pub(crate) past: Past,
    pub(crate) trials: Vec<Trial>,
}

/// One way to judge, and what would have come of it.
#[derive(Clone, Debug)]
pub(crate) struct Trial {
    pub(crate) slow: Duration,
    /// `None` judges by all.
    pub(crate) rule: Option<Rule>,
    pub(crate) replayed: Replayed,
}

impl Study {
    /// Tries all spans, and `slow` if it is none of them.
    pub(crate) fn of(past: Past, slow: Duration) -> Self {
        let trials = spans(slow).into_iter().flat_map(|slow| {
            let rules = std::iter::once(None).chain(Rule::JUDGED.map(Some));
            rules.map(move |rule| (slow, rule))
        });
        let tried = |(slow, rule): (Duration, Option<Rule>)| {
            let rules = rule.map_or(Rules::ALL, Rules::only);
            Trial { slow, rule, replayed: replay(&past.calls, rules, slow) }
        };
        Self { trials: trials.map(tried).collect(), past }
    }

    /// What came of judging by all rules.
    fn by_all(&self, slow: Duration) -> Option<&Replayed> {
        let trial = self.trials.iter().find(|trial| trial.rule.is_none() && trial.slow == slow);
        trial.map(|trial| &trial.replayed)
    }

    fn picture(&self, slow: Duration) -> Picture<'_> {
        let Past { name, calls, hours } = &self.past;
        let (slots, shed) = if hours.is_empty() {
            let sheds = self.by_all(slow).map(|replayed| replayed.sheds.as_slice());
            let shed = sheds.unwrap_or_default().iter().map(|shed| (shed.from, shed.until));
            (slots::of_calls(calls), shed.collect())
        } else {
            let slots = slots::of_hours(hours);
            let is_bad = |slot: &&slots::Slot| slot.p10 > slow;
            let shed = slots.iter().filter(is_bad).map(|slot| (slot.from, slot.until()));
            let shed: Vec<(UnixMillis, UnixMillis)> = shed.collect();
            (slots, shed)
        };
        Picture { name, slots, shed, slow, by_hours: !hours.is_empty() }
    }
}

fn spans(slow: Duration) -> Vec<Duration> {
    let mut spans = SLOW.to_vec();
    spans.push(slow);
    spans.sort_unstable();
    spans.dedup();
    spans
}

/// Draws each study of which there is something to be seen; the files that were written come back.
///
/// # Errors
/// If one cannot be written.
pub(crate) fn draw(studies: &[Study], folder: &Path, slow: Duration) -> io::Result<Vec<PathBuf>> {
    fs::create_dir_all(folder)?;
    let mut taken = HashSet::new();
    let mut written = Vec::new();
    for study in studies {
        if let Some(svg) = study.picture(slow).draw() {
            let file = folder.join(format!("{}.svg", free_name(&study.past.name, &mut taken)));
            fs::write(&file, svg)?;
            written.push(file);
        }
    }
    Ok(written)
}

/// What a file may be called wherever it is: names from a file can be anything.
fn free_name(name: &str, taken: &mut HashSet<String>) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
    let plain = |letter| if is_plain(letter) { letter } else { '-' };
    let plain: String = name.chars().map(plain).take(64).collect();
    let plain = match plain.trim_start_matches('.') {
        "" => "upstream".to_owned(),
        plain => plain.to_owned(),
    };
    let numbered = (2..).map(|number| format!("{plain}-{number}"));
    let mut names = std::iter::once(plain.clone()).chain(numbered);
    names.find(|name| taken.insert(name.to_ascii_lowercase())).unwrap_or(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_upstream_has_a_file_of_its_own_in_the_folder() {
        let mut taken = HashSet::new();
        let names = ["billing", "Billing", "a/b", "../../etc", "a b", ".."];
        let names = names.map(|name| free_name(name, &mut taken));
        let expected = ["billing", "Billing-2", "a-b", "-..-etc", "a-b-2", "upstream"];
        assert_eq!(names, expected);
    }

    #[test]
    fn the_span_that_is_asked_for_is_among_those_that_are_tried() {
        assert_eq!(spans(Duration::from_secs(3)), SLOW);
        let spans = spans(Duration::from_millis(2_500));
        assert_eq!((spans.len(), spans[2]), (6, Duration::from_millis(2_500)));
    }
}
