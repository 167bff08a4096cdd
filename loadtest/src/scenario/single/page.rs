//! A run of single calls as a page.

use super::Options;
use crate::measurement::Measured;
use crate::report::{Headline, Page, Picture, Series, Tone, spoken_count, spoken_ms};
use std::time::Duration;

pub(super) fn draw(options: &Options, measured: &Measured) -> Page {
    let summary = &measured.summary;
    let mut page = Page::new(&format!("Single calls: {}", options.kind), &story(options, measured));
    let headline = |figure: String, caption: &str| Headline {
        figure,
        caption: caption.into(),
        tone: Tone::Ours,
    };
    page.headlines(&[
        headline(format!("{}/s", spoken_count(summary.rate)), "answers"),
        headline(spoken_ms(summary.latency.p50_ms), "half waited no longer"),
        headline(spoken_ms(summary.latency.p99_ms), "99 in a hundred waited no longer"),
        headline(summary.error_count().to_string(), "went wrong"),
    ]);
    let kind = options.kind.to_string();
    let series = vec![Series::new(&kind, Tone::Ours, measured, Duration::ZERO)];
    page.picture(&Picture { series, phases: Vec::new() });
    let told = summary.latency;
    let times = [told.p50_ms, told.p90_ms, told.p99_ms, told.p999_ms, told.max_ms];
    let mut row = vec![kind, spoken_count(summary.ok as f64)];
    row.extend(times.map(spoken_ms));
    page.table(&["kind", "answered", "p50", "p90", "p99", "p99.9", "slowest"], &[row]);
    page
}

fn story(options: &Options, measured: &Measured) -> String {
    let pace = match options.rate {
        Some(rate) => format!(
            "{rate} calls a second were due, whatever the server did, and each latency counts \
             from when its call was due"
        ),
        None => "each caller sent its next call as soon as the last was answered".into(),
    };
    format!(
        "{} callers for {:.0} seconds; {pace}. {} answers, {} errors.",
        options.connections,
        measured.summary.seconds,
        spoken_count(measured.summary.ok as f64),
        measured.summary.error_count()
    )
}
