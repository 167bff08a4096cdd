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

impl Phase {
    /// Parts of the time one behind the other, from the start on, each with its length.
    pub fn in_turn<N: Into<String>>(parts: impl IntoIterator<Item = (N, Duration)>) -> Vec<Self> {
        let follow = |from: &mut Duration, (name, span): (N, Duration)| {
            let began = std::mem::replace(from, *from + span);
            Some(Self { name: name.into(), from: began, until: *from })
        };
        parts.into_iter().scan(Duration::ZERO, follow).collect()
    }
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
    /// A picture of those parts of the time, in which nothing runs yet.
    pub fn of(phases: Vec<Phase>) -> Self {
        Self { phases, series: Vec::new() }
    }

    /// Adds a run of each of the first two parts of the time: at rest, then under pressure.
    pub fn pair(&mut self, (name, tone): (&str, Tone), runs: [(&'static str, &Measured); 2]) {
        let dashes = [Dash::Dashed, Dash::Solid];
        for ((phase, (part, measured)), dash) in self.phases.iter().zip(runs).zip(dashes) {
            let series = Series::new(name, tone, measured, phase.from).part(part, dash);
            self.series.push(series);
        }
    }

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
