//! The curves of a course: second by second, what was done, what was sent, and how slow it was.

use super::callers::Course;
use super::tally::{Slice, quantile_ms};
use crate::report::{Curve, Dash, Tone};
use std::time::Duration;

/// Operations whose result has come.
pub fn done(name: &str, tone: Tone, course: &Course) -> Curve {
    curve(name, tone, course, |second| second.done as f64)
}

/// Calls that were sent.
pub fn offered(name: &str, tone: Tone, course: &Course) -> Curve {
    curve(name, tone, course, |second| second.offered as f64)
}

/// The 99th percentile of the answers 200 to calls, in milliseconds.
pub fn slowest(name: &str, tone: Tone, course: &Course) -> Curve {
    curve(name, tone, course, |second| quantile_ms(&second.admitted, 0.99))
}

/// Resident memory in megabytes.
pub fn memory(name: &str, tone: Tone, course: &Course) -> Curve {
    let megabytes = |(at, bytes): &(Duration, u64)| (at.as_secs_f64(), *bytes as f64 / 1e6);
    let points = course.footprint.looks().iter().map(megabytes).collect();
    Curve { name: name.to_owned(), tone, dash: Dash::Solid, points }
}

fn curve(name: &str, tone: Tone, course: &Course, of: impl Fn(&Slice) -> f64) -> Curve {
    let seconds = course.tally.seconds(Duration::ZERO, course.tally.length());
    let points = seconds.enumerate().map(|(second, told)| (second as f64 + 0.5, of(&told)));
    Curve { name: name.to_owned(), tone, dash: Dash::Solid, points: points.collect() }
}
