//! A noisy tenant as a page: what the others noticed of it.

use super::report::Contest;
use super::{Options, SERVICE};
use crate::contestant::Contestant;
use crate::report::{Headline, Page, Phase, Picture, spoken_count, spoken_quantile};

pub(super) fn draw(options: &Options, contests: &[Contest]) -> Page {
    let mut page = Page::new("A noisy neighbour", &story(options));
    page.headlines(&contests.iter().map(headline).collect::<Vec<_>>());
    page.picture(&picture(options, contests));
    let columns = [
        "calm tenants",
        "alone p50",
        "p99",
        "beside p50",
        "p99",
        "done",
        "worst off",
        "noisy: offered",
        "done",
        "429",
    ];
    page.table(&columns, &contests.iter().map(row).collect::<Vec<_>>());
    page
}

fn story(options: &Options) -> String {
    format!(
        "{} tenants share {} workers, and each may make {} calls a second of {} ms. {} of them keep \
         to four fifths of that. The last one offers {} times what it may. In a single queue \
         everybody would wait behind it; with a rate and a row for each, it waits for itself.",
        options.tenants,
        options.workers,
        options.allowed(),
        SERVICE.as_millis(),
        options.tenants - 1,
        options.times
    )
}

fn headline(contest: &Contest) -> Headline {
    let what = match contest.name {
        Contestant::Overtime => "overtime",
        Contestant::Bare | Contestant::Queue => "one queue for all",
    };
    let p99 = spoken_quantile(&contest.beside.latency, 0.99);
    Headline {
        figure: format!("{:.1} %", contest.beside.sum().done_percent()),
        caption: format!(
            "{what}: work of the calm tenants done within a second beside the noisy one, p99 {p99}"
        ),
        tone: contest.name.tone(),
    }
}

fn picture(options: &Options, contests: &[Contest]) -> Picture {
    let noise = format!("the noisy one offers {} a second beside", options.noisy_rate());
    let parts = [("calm tenants alone".to_owned(), options.seconds), (noise, options.seconds)];
    let mut picture = Picture::of(Phase::in_turn(parts));
    for contest in contests {
        let (alone, beside) = (contest.alone.measured(), contest.beside.measured());
        let named = (contest.name.name(), contest.name.tone());
        picture.pair(named, [("alone", &alone), ("beside", &beside)]);
    }
    picture
}

fn row(contest: &Contest) -> Vec<String> {
    let (alone, beside) = (&contest.alone.latency, &contest.beside.latency);
    let (noisy, worst) = (contest.noisy.sum(), contest.beside.worst_percent());
    let mut row = vec![contest.name.name().to_owned()];
    let times = [(alone, 0.5), (alone, 0.99), (beside, 0.5), (beside, 0.99)];
    row.extend(times.map(|(latency, quantile)| spoken_quantile(latency, quantile)));
    row.push(format!("{:.2} %", contest.beside.sum().done_percent()));
    row.push(format!("{worst:.2} %"));
    let counts = [noisy.due, noisy.answered(200), noisy.answered(429)];
    row.extend(counts.map(|count| spoken_count(count as f64)));
    row
}
