//! The incident as a page: what happened to small calls when somebody sent bulk.

use super::report::Contest;
use super::{Options, RISE};
use crate::report::{Headline, Page, Phase, Picture, spoken_count, spoken_ms};
use crate::rival::Rival;

pub(super) fn draw(options: &Options, contests: &[Contest]) -> Page {
    let mut page = Page::new("Small calls in a flood of bulk", &story(options, contests));
    page.headlines(&headlines(contests));
    page.picture(&picture(options, contests));
    let columns =
        ["", "quiet p50", "p99", "flooded p50", "p99", "p99.9", "slowest", "bulk items/s"];
    page.table(&columns, &contests.iter().rev().map(row).collect::<Vec<_>>());
    page
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
            Rival::Control => format!(
                " On a server that parses on its event loop, one caller in a hundred now waits \
                 {waited} or longer: {times:.0} times what it was."
            ),
            Rival::Overtime => format!(" With overtime it is {waited}."),
            Rival::Floor => format!(
                " If a process of its own does nothing but parse the bulk, and a bare relay \
                 answers the small calls, it is {waited}: that is what busy processors cost anyone."
            ),
        };
        // The control first: it is the incident, and the others are told beside it.
        if contest.name == Rival::Control {
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
        tone: contest.name.tone(),
    };
    contests.iter().rev().map(headline).collect()
}

fn picture(options: &Options, contests: &[Contest]) -> Picture {
    let flooded = format!("bulk from all sides (for {} s already)", RISE.as_secs());
    let parts = [("small calls alone".to_owned(), options.seconds), (flooded, options.seconds)];
    let mut picture = Picture::of(Phase::in_turn(parts));
    for contest in contests {
        let name = contest.name.to_string();
        let runs = [("quiet", &contest.quiet), ("flooded", &contest.flooded)];
        picture.pair((&name, contest.name.tone()), runs);
    }
    picture
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
