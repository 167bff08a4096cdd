//! Bulk in front of everybody, as a page.

use super::report::Contest;
use super::{Options, QUEUE_WORKERS};
use crate::contestant::Contestant;
use crate::report::{Headline, Page, Phase, Picture, spoken_count, spoken_ms, spoken_quantile};

pub(super) fn draw(options: &Options, contests: &[Contest]) -> Page {
    let mut page = Page::new("The many in front of the few", &story(options));
    page.headlines(&contests.iter().map(headline).collect::<Vec<_>>());
    page.picture(&picture(options, contests));
    let columns = [
        "interactive calls",
        "alone p50",
        "p99",
        "beside bulk p50",
        "p99",
        "p99.9",
        "served",
        "bulk items/s",
        "longest rest",
    ];
    page.table(&columns, &contests.iter().map(row).collect::<Vec<_>>());
    page
}

fn story(options: &Options) -> String {
    format!(
        "{} calls a second have somebody who waits for them. Then {} bulk bodies are under way at any \
         time, {} for each worker that bulk has, and whenever one is done the next one comes. The \
         control is a queue with {QUEUE_WORKERS} workers in which all stand in one row, with bulk at \
         {} times a tenth of what it can do: there the many stand in front of the few.",
        options.rate,
        options.streams(),
        options.times,
        options.times
    )
}

fn headline(contest: &Contest) -> Headline {
    let what = match contest.name {
        Contestant::Overtime => "overtime",
        Contestant::Bare | Contestant::Queue => "one row for all",
    };
    let p99 = spoken_quantile(&contest.beside.latency(), 0.99);
    Headline {
        figure: format!("{:.2} %", contest.beside.served_percent()),
        caption: format!("{what}: calls served within a second beside bulk, p99 {p99}"),
        tone: contest.name.tone(),
    }
}

fn picture(options: &Options, contests: &[Contest]) -> Picture {
    let parts = ["calls alone", "bulk without a pause"].map(|name| (name, options.seconds));
    let mut picture = Picture::of(Phase::in_turn(parts));
    for contest in contests {
        let (alone, beside) = (contest.alone.shown(), contest.beside.shown());
        let named = (contest.name.name(), contest.name.tone());
        picture.pair(named, [("alone", &alone), ("beside bulk", &beside)]);
    }
    picture
}

fn row(contest: &Contest) -> Vec<String> {
    let (alone, beside) = (contest.alone.latency(), contest.beside.latency());
    let times = [(&alone, 0.5), (&alone, 0.99), (&beside, 0.5), (&beside, 0.99), (&beside, 0.999)];
    let mut row = vec![contest.name.name().to_owned()];
    row.extend(times.map(|(latency, quantile)| spoken_quantile(latency, quantile)));
    row.push(format!("{:.3} %", contest.beside.served_percent()));
    row.extend(contest.progress.map_or(["–".into(), "–".into()], |progress| {
        let rate = progress.items as f64 / progress.span.as_secs_f64();
        [spoken_count(rate), spoken_ms(progress.longest_rest.as_secs_f64() * 1e3)]
    }));
    row
}
