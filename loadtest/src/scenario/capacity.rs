//! `capacity`: how much a server of so many workers does while it is still fast, and how many workers
//! a given load needs.

use crate::argument::per_second;
use crate::bar::Bar;
use crate::contestant::{Contestant, ServiceOptions};
use crate::crowd::LATE_MAX;
use crate::figures::Figures;
use crate::knee::{P99_MAX_MS, Probe, knee, search};
use crate::report::{Headline, Page, spoken_ms};
use crate::telling::Telling;
use crate::verdict::Verdict;
use anyhow::Context;

/// What is needed is told with this much to spare: a load is never as even as a measurement.
const SPARE: f64 = 1.25;

/// The highest load at which a server is still fast, and what a given load needs.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    #[command(flatten)]
    service: ServiceOptions,
    /// A load such as `500/s`: how many workers does it need? The answer is tried out.
    #[arg(long, value_parser = per_second)]
    need: Option<f64>,
    #[command(flatten)]
    telling: Telling,
}

/// Looks for the knee of each server, and prints.
pub fn run(options: &Options) -> anyhow::Result<Verdict> {
    let mut figures = Figures::default();
    let mut found = Vec::new();
    for contestant in options.service.contestants() {
        let probes = search(contestant, &options.service)?;
        let knee = knee(&probes).with_context(|| format!("{contestant} holds no rate at all"))?;
        figures.tell(contestant.name(), told(&knee, &options.service));
        figures.hold(Bar::at_most(
            format!("{contestant}: p99 at the knee, ms"),
            knee.p99_ms,
            P99_MAX_MS,
        ));
        found.push((contestant, probes, knee));
    }
    if let (Some(need), Some((contestant, _, knee))) = (options.need, found.first()) {
        let workers = workers_for(need, knee, options.service.workers);
        figures.tell("need", sentence(need, workers, &options.service));
        let service = ServiceOptions { workers, ..options.service.clone() };
        let probe = Probe::of(*contestant, &service, need)?;
        figures.hold(Bar::at_most(
            format!("p99 at {need}/s with them, ms"),
            probe.p99_ms,
            P99_MAX_MS,
        ));
        figures.hold(late(&probe));
    }
    options.telling.judge(&figures, figures.bars(), || {
        let mut page = Page::new("How much it can do", &story(options, &found));
        page.headlines(&found.iter().map(headline).collect::<Vec<_>>());
        page.table(&["", "arrive/s", "done/s", "p99", ""], &rows(&found));
        page
    })
}

type Found = (Contestant, Vec<Probe>, Probe);

/// So many workers are needed, if one does as much as it did at the knee.
fn workers_for(need: f64, knee: &Probe, workers: u32) -> u32 {
    let each = knee.done_per_second / f64::from(workers);
    (need * SPARE / each).ceil() as u32
}

fn late(probe: &Probe) -> Bar {
    let limit = LATE_MAX.as_secs_f64() * 1e3;
    Bar::at_most(
        "generator late by itself at p99, ms (above it the run is void)",
        probe.late_p99_ms,
        limit,
    )
}

fn told(knee: &Probe, service: &ServiceOptions) -> String {
    let Probe { done_per_second, p99_ms, .. } = knee;
    let (workers, each) = (service.workers, service.service.as_millis());
    format!("{done_per_second:.1}/s with {workers} workers of {each} ms, p99 {p99_ms:.1} ms")
}

fn sentence(need: f64, workers: u32, service: &ServiceOptions) -> String {
    let each = service.service.as_millis();
    format!(
        "{need}/s of requests that take {each} ms each need {workers} workers, a fifth of them to \
         spare"
    )
}

fn story(options: &Options, found: &[Found]) -> String {
    let mut story = format!(
        "Requests arrive at a steady rate, and each occupies one of {} workers for {} ms. The knee \
         is the highest rate at which 99 of 100 are answered within {P99_MAX_MS} ms.",
        options.service.workers,
        options.service.service.as_millis()
    );
    for (contestant, _, knee) in found {
        story.push_str(&format!(" {contestant}: {}.", told(knee, &options.service)));
    }
    if let (Some(need), Some((_, _, knee))) = (options.need, found.first()) {
        let workers = workers_for(need, knee, options.service.workers);
        story.push_str(&format!(" {}.", sentence(need, workers, &options.service)));
    }
    story
}

fn headline((contestant, _, knee): &Found) -> Headline {
    Headline {
        figure: format!("{:.0}/s", knee.done_per_second),
        caption: format!("{contestant}: at p99 {}", spoken_ms(knee.p99_ms)),
        tone: contestant.tone(),
    }
}

fn rows(found: &[Found]) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for (contestant, probes, _) in found {
        for probe in probes {
            rows.push(vec![
                contestant.to_string(),
                format!("{:.1}", probe.per_second),
                format!("{:.1}", probe.done_per_second),
                spoken_ms(probe.p99_ms),
                if probe.is_held() { "held" } else { "not held" }.to_owned(),
            ]);
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_needed_has_a_fifth_to_spare() {
        let knee =
            Probe { per_second: 190.0, done_per_second: 190.0, p99_ms: 60.0, late_p99_ms: 0.1 };
        // 500/s at 19/s each, and a quarter more.
        assert_eq!(workers_for(500.0, &knee, 10), 33);
    }
}
