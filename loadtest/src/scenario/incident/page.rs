//! The incident as a page: what happened to small calls when somebody sent bulk.

use super::contender::Name;
use super::report::{Contest, Report};
use super::{Options, RISE};
use crate::report::{Dash, Headline, Page, Phase, Picture, Series, Tone, spoken_count, spoken_ms};
use std::path::Path;
use std::time::Duration;

pub(super) fn write(
    path: &Path,
    options: &Options,
    contests: &[Contest],
    report: &Report,
) -> anyhow::Result<()> {
    let mut page = Page::new("Small calls in a flood of bulk", &story(options, contests));
    page.headlines(&headlines(contests));
    page.picture(&picture(options, contests));
    let columns =
        ["", "quiet p50", "p99", "flooded p50", "p99", "p99.9", "slowest", "bulk items/s"];
    page.table(&columns, &contests.iter().rev().map(row).collect::<Vec<_>>());
    page.bars(&report.bars);
    page.write(path)
}

fn tone(name: Name) -> Tone {
    match name {
        Name::Overtime => Tone::Ours,
        Name::Floor => Tone::Floor,
        Name::Control => Tone::Control,
    }
}

fn story(options: &Options, contests: &[Contest]) -> String {
    let small = if options.durable {
        "change one contact each, on disk before they are answered"
    } else {
        "ask for something small each"
    };
    let mut story = format!(
        "{} callers a second {small}. After {} seconds, {} clients begin to stream bodies of \
         {:.0} MB with contacts, back to back.",
        options.rate,
        options.seconds.as_secs(),
        options.streams,
        options.body_bytes as f64 / 1e6
    );
    for contest in contests {
        let (quiet, flooded) =
            (contest.quiet.summary.latency.p99_ms, contest.flooded.summary.latency.p99_ms);
        let (waited, times) = (spoken_ms(flooded), flooded / quiet);
        let sentence = match contest.name {
            Name::Control => format!(
                " On a server that parses on its event loop, one caller in a hundred now waits \
                 {waited} or longer: {times:.0} times what it was."
            ),
            Name::Overtime => format!(" With overtime it is {waited}."),
            Name::Floor => format!(
                " If a process of its own does nothing but parse the bulk, and a bare relay \
                 answers the small calls, it is {waited}: that is what busy processors cost anyone."
            ),
        };
        // The control first: it is the incident, and the others are told beside it.
        if contest.name == Name::Control {
            let beginning = story.find("back to back.").map_or(0, |at| at + "back to back.".len());
            story.insert_str(beginning, &sentence);
        } else {
            story.push_str(&sentence);
        }
    }
    story
}

fn headlines(contests: &[Contest]) -> Vec<Headline> {
    let headline = |contest: &Contest| Headline {
        figure: spoken_ms(contest.flooded.summary.latency.p99_ms),
        caption: format!("{}: p99 of small calls while flooded", contest.name),
        tone: tone(contest.name),
    };
    contests.iter().rev().map(headline).collect()
}

fn picture(options: &Options, contests: &[Contest]) -> Picture {
    let half = options.seconds;
    let series = |contest: &Contest| {
        let (name, tone) = (contest.name.to_string(), tone(contest.name));
        let quiet = Series::new(&name, tone, &contest.quiet, Duration::ZERO);
        let flooded = Series::new(&name, tone, &contest.flooded, half);
        [quiet.part("quiet", Dash::Dashed), flooded.part("flooded", Dash::Solid)]
    };
    let flooded = format!("bulk from all sides (for {} s already)", RISE.as_secs());
    Picture {
        series: contests.iter().flat_map(series).collect(),
        phases: vec![
            Phase { name: "small calls alone".into(), from: Duration::ZERO, until: half },
            Phase { name: flooded, from: half, until: 2 * half },
        ],
    }
}

fn row(contest: &Contest) -> Vec<String> {
    let (quiet, flooded) = (contest.quiet.summary.latency, contest.flooded.summary.latency);
    let times = [
        quiet.p50_ms,
        quiet.p99_ms,
        flooded.p50_ms,
        flooded.p99_ms,
        flooded.p999_ms,
        flooded.max_ms,
    ];
    let mut row = vec![contest.name.to_string()];
    row.extend(times.map(spoken_ms));
    row.push(spoken_count(contest.bulk.items_per_second));
    row
}
