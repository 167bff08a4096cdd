//! What a plot shows: measured runs, each with a name and a colour, side by side or one after the
//! other.

use crate::latency::Latency;
use crate::measurement::Measured;
use crate::timeline::Moment;
use std::time::Duration;

/// A colour that means the same everywhere on a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// The task server.
    Ours,
    /// What is the least possible.
    Floor,
    /// What must not be.
    Control,
    /// Another kind of work.
    Second,
    /// Another.
    Third,
    /// And another.
    Fourth,
}

impl Tone {
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Floor => "floor",
            Self::Control => "control",
            Self::Second => "second",
            Self::Third => "third",
            Self::Fourth => "fourth",
        }
    }
}

/// How the line of a run is drawn by percentile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dash {
    /// Under pressure.
    Solid,
    /// At rest.
    Dashed,
}

/// One measured run.
#[derive(Clone, Debug)]
pub struct Series {
    /// Whose it is.
    pub name: String,
    /// What is behind the name by percentile, such as `flooded`.
    pub part: &'static str,
    /// Its colour.
    pub tone: Tone,
    /// Its line.
    pub dash: Dash,
    pub(super) moments: Vec<Moment>,
    pub(super) latency: Latency,
}

impl Series {
    /// The run `measured`, which began `offset` after the start of the picture.
    pub fn new(name: &str, tone: Tone, measured: &Measured, offset: Duration) -> Self {
        let shift = |moment: Moment| Moment { at: moment.at + offset.as_secs_f64(), ..moment };
        Self {
            name: name.to_owned(),
            part: "",
            tone,
            dash: Dash::Solid,
            moments: measured.timeline.moments().map(shift).collect(),
            latency: measured.latency.clone(),
        }
    }

    /// The same, told apart from others of its name.
    pub fn part(self, part: &'static str, dash: Dash) -> Self {
        Self { part, dash, ..self }
    }

    pub(super) fn label(&self) -> String {
        if self.part.is_empty() {
            self.name.clone()
        } else {
            format!("{}, {}", self.name, self.part)
        }
    }
}

/// A part of the time, with a name.
#[derive(Clone, Debug)]
pub struct Phase {
    /// What happens.
    pub name: String,
    /// From when on.
    pub from: Duration,
    /// Until when.
    pub until: Duration,
}

/// All that is in one pair of plots.
#[derive(Clone, Debug, Default)]
pub struct Picture {
    /// The runs.
    pub series: Vec<Series>,
    /// The parts of the time.
    pub phases: Vec<Phase>,
}

impl Picture {
    /// The series in the order in which they are drawn: our own lie on top.
    pub(super) fn ours_last(&self) -> impl Iterator<Item = &Series> {
        let is_ours = |series: &&Series| series.tone == Tone::Ours;
        let others = self.series.iter().filter(move |series| !is_ours(series));
        others.chain(self.series.iter().filter(is_ours))
    }

    /// The shortest and the longest latency, a little apart even if there is only one.
    pub(super) fn range_ms(&self) -> (f64, f64) {
        // Who answered nothing has no latencies, which is not the same as short ones.
        let told = || self.series.iter().filter(|series| series.latency.count() > 0);
        let shortest = told().map(|series| series.latency.at_ms(0.0));
        let longest = told().map(|series| series.latency.at_ms(1.0));
        let low = shortest.reduce(f64::min).unwrap_or(1.0).clamp(0.001, 1e6);
        let high = longest.fold(0.0, f64::max).clamp(low * 10.0, 1e7);
        (low, high)
    }
}
