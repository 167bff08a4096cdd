//! A mixed day as a page.

use super::report::Report;
use super::{OfKind, Options};
use crate::load::Work;
use crate::report::{Dash, Headline, Page, Phase, Picture, Series, Tone, spoken_count, spoken_ms};
use std::time::Duration;

pub(super) fn draw(
    options: &Options,
    (quiet, beside): (&[OfKind], &[OfKind]),
    report: &Report,
) -> Page {
    let mut page = Page::new("A mixed day", &story(options, report));
    page.headlines(&beside.iter().map(headline).collect::<Vec<_>>());
    page.picture(&picture(options, quiet, beside));
    let columns =
        ["kind", "per s", "alone p50", "p99", "beside bulk p50", "p99", "p99.9", "slowest"];
    page.table(&columns, &quiet.iter().zip(beside).map(row).collect::<Vec<_>>());
    page
}

fn tone(work: Work) -> Tone {
    match work {
        Work::Echo => Tone::Ours,
        Work::Upsert => Tone::Second,
        Work::Get => Tone::Third,
        Work::Sleep => Tone::Fourth,
    }
}

fn story(options: &Options, report: &Report) -> String {
    format!(
        "{} small calls a second of four kinds, each at its own rate: echoes, upserts, looks at a \
         contact, and sleeps of 5 ms. For {} seconds they are alone; then {} clients stream bulk \
         beside them, {} items a second.",
        options.rate,
        options.seconds.as_secs(),
        options.streams,
        spoken_count(report.bulk.items_per_second)
    )
}

fn headline((work, measured): &OfKind) -> Headline {
    Headline {
        figure: spoken_ms(measured.summary.latency.p99_ms),
        caption: format!("{work}: p99 beside bulk"),
        tone: tone(*work),
    }
}

fn picture(options: &Options, quiet: &[OfKind], beside: &[OfKind]) -> Picture {
    let half = options.seconds;
    let series =
        |kinds: &[OfKind], from: Duration, part: &'static str, dash: Dash| -> Vec<Series> {
            let one = |(work, measured): &OfKind| {
                Series::new(&work.to_string(), tone(*work), measured, from).part(part, dash)
            };
            kinds.iter().map(one).collect()
        };
    Picture {
        series: [
            series(quiet, Duration::ZERO, "alone", Dash::Dashed),
            series(beside, half, "beside", Dash::Solid),
        ]
        .concat(),
        phases: Phase::in_turn([("small calls alone", half), ("bulk beside", half)]),
    }
}

fn row(((work, quiet), (_, beside)): (&OfKind, &OfKind)) -> Vec<String> {
    let (alone, pressed) = (quiet.summary.latency, beside.summary.latency);
    let times = [
        alone.p50_ms,
        alone.p99_ms,
        pressed.p50_ms,
        pressed.p99_ms,
        pressed.p999_ms,
        pressed.max_ms,
    ];
    let mut row = vec![work.to_string(), format!("{:.0}", beside.summary.rate)];
    row.extend(times.map(spoken_ms));
    row
}
