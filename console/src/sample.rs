//! Metrics as values: what the server fills in at each look. A family has one type by its making,
//! so a counter cannot get a gauge's sample.
//!
//! Names carry their unit, as in `overtime_turn_cpu_seconds`. A counter is named without its
//! `_total`, which the text format adds.

use std::borrow::Cow;
use std::time::Duration;

/// All samples of one metric.
#[derive(Clone, Debug, PartialEq)]
pub struct Family {
    pub(crate) name: &'static str,
    pub(crate) help: &'static str,
    pub(crate) samples: Samples,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Samples {
    Counters(Vec<Sample<Total>>),
    Gauges(Vec<Sample<f64>>),
    Histograms(Vec<Sample<Histogram>>),
}

impl Family {
    /// What only grows, such as `overtime_tasks_completed`.
    pub fn counter(
        name: &'static str,
        help: &'static str,
        samples: impl IntoIterator<Item = Sample<Total>>,
    ) -> Self {
        Self { name, help, samples: Samples::Counters(samples.into_iter().collect()) }
    }

    /// What goes up and down, such as `overtime_tasks_queued`.
    pub fn gauge(
        name: &'static str,
        help: &'static str,
        samples: impl IntoIterator<Item = Sample<f64>>,
    ) -> Self {
        Self { name, help, samples: Samples::Gauges(samples.into_iter().collect()) }
    }

    /// How something is distributed, such as `overtime_turn_cpu_seconds`.
    pub fn histogram(
        name: &'static str,
        help: &'static str,
        samples: impl IntoIterator<Item = Sample<Histogram>>,
    ) -> Self {
        Self { name, help, samples: Samples::Histograms(samples.into_iter().collect()) }
    }
}

/// One value and its labels.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample<T> {
    pub(crate) value: T,
    pub(crate) labels: Vec<(&'static str, Cow<'static, str>)>,
}

impl<T> Sample<T> {
    /// A value without labels.
    pub fn new(value: impl Into<T>) -> Self {
        Self { value: value.into(), labels: Vec::new() }
    }

    /// The same with one label more.
    #[must_use]
    pub fn label(mut self, name: &'static str, value: impl Into<Cow<'static, str>>) -> Self {
        self.labels.push((name, value.into()));
        self
    }
}

/// The value of a counter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Total {
    /// So many.
    Count(u64),
    /// So long; shown in seconds.
    Span(Duration),
}

impl From<u64> for Total {
    fn from(count: u64) -> Self {
        Self::Count(count)
    }
}

impl From<Duration> for Total {
    fn from(span: Duration) -> Self {
        Self::Span(span)
    }
}

/// How often something fell into each of a row of buckets.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    pub(crate) sum: f64,
    pub(crate) buckets: Vec<(f64, u64)>,
}

impl Histogram {
    /// The sum of all that was observed; for each bucket its highest value and how many fell into
    /// it and not into the one before; and how many were above all buckets. In the metric's unit,
    /// by rising bounds.
    pub fn new(sum: f64, buckets: impl IntoIterator<Item = (f64, u64)>, above: u64) -> Self {
        let mut buckets: Vec<_> = buckets.into_iter().collect();
        debug_assert!(buckets.is_sorted_by(|a, b| a.0 < b.0), "the bounds rise");
        buckets.push((f64::INFINITY, above));
        Self { sum, buckets }
    }
}
