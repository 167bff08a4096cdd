//! The plots of a course: second by second, what was done, what was sent, how slow it was, and how
//! much memory it took. Several courses lie over each other.

use super::callers::Course;
use super::tally::{Slice, quantile_ms};
use crate::report::{Chart, Curve, Dash, Page, Phase, Tone};
use std::time::Duration;

/// One course and how it is shown.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its colour.
    pub tone: Tone,
    /// What happened.
    pub course: &'a Course,
}

/// Several courses of the same length.
#[derive(Clone, Debug)]
pub struct Plots<'a> {
    /// All of them.
    pub shown: Vec<Shown<'a>>,
    /// The parts of the time.
    pub phases: Vec<Phase>,
    /// What a server can do in a second.
    pub capacity: f64,
}

impl Plots<'_> {
    /// Draws all of them.
    pub fn draw(&self, page: &mut Page) {
        let done = Chart {
            caption: "Operations whose caller got the result, a second.".into(),
            level: Some((self.capacity, "capacity".to_owned())),
            ..self.chart("Work done", "/s", |shown| shown.curve(|second| second.done as f64))
        };
        page.chart(&done);
        page.chart(&Chart {
            caption: "What all callers sent a second: first calls and all others, polls apart."
                .into(),
            ..self.chart("Calls", "/s", |shown| shown.curve(|second| second.offered as f64))
        });
        let slowest = |second: &Slice| quantile_ms(&second.admitted, 0.99);
        page.chart(&Chart {
            caption: "The 99th percentile of the answers 200 of each second, from their own call."
                .into(),
            ..self.chart("The slowest of those served", " ms", |shown| shown.curve(slowest))
        });
        page.chart(&Chart {
            caption: "Resident memory of the server.".into(),
            ..self.chart("Memory", " MB", |shown| shown.memory())
        });
    }

    fn chart(&self, title: &str, unit: &'static str, of: impl Fn(&Shown<'_>) -> Curve) -> Chart {
        Chart {
            title: title.to_owned(),
            caption: String::new(),
            unit,
            curves: self.shown.iter().map(of).collect(),
            level: None,
            phases: self.phases.clone(),
        }
    }
}

impl Shown<'_> {
    fn curve(&self, of: impl Fn(&Slice) -> f64) -> Curve {
        let tally = &self.course.tally;
        let seconds = tally.seconds(Duration::ZERO, tally.length()).enumerate();
        self.named(seconds.map(|(second, told)| (second as f64 + 0.5, of(&told))).collect())
    }

    fn memory(&self) -> Curve {
        let megabytes = |(at, bytes): &(Duration, u64)| (at.as_secs_f64(), *bytes as f64 / 1e6);
        self.named(self.course.footprint.looks().iter().map(megabytes).collect())
    }

    fn named(&self, points: Vec<(f64, f64)>) -> Curve {
        Curve { name: self.name.to_owned(), tone: self.tone, dash: Dash::Solid, points }
    }
}
