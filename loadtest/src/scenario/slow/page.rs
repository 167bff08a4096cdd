//! Slow clients as a page: what good calls noticed of them, and what became of them.

use super::desk::Seen;
use super::report::Contest;
use super::toll::TollSummary;
use super::{ARRIVAL, Options};
use crate::report::{Headline, Page, Phase, Picture, spoken_count, spoken_ms, spoken_quantile};
use crate::rival::Rival;

pub(super) fn draw(options: &Options, contests: &[Contest]) -> Page {
    let title = format!("{} who are only slow", spoken_count(options.clients as f64));
    let mut page = Page::new(&title, &story(options));
    page.headlines(&contests.iter().map(headline).collect::<Vec<_>>());
    page.picture(&picture(options, contests));
    let columns = ["", "answered", "quiet p50", "p99", "among the slow p50", "p99", "slowest"];
    page.table(&columns, &contests.iter().map(calls_row).collect::<Vec<_>>());
    let columns = ["", "asked", "not answered", "p50", "p99", "slowest"];
    page.table(&columns, &contests.iter().flat_map(desk_rows).collect::<Vec<_>>());
    let columns =
        ["slow clients of overtime", "opened", "closed", "limit", "p50", "longest", "how"];
    page.table(&columns, &toll_rows(options, contests));
    page
}

fn story(options: &Options) -> String {
    format!(
        "{} clients connect, and none of them does anything wrong: some send the head of a request \
         byte by byte, some a body, some say nothing at all, and some ask for eight megabytes and do \
         not read them. Whoever is closed comes again. Beside them {} echoes and {} upserts a second \
         are due.",
        spoken_count(options.clients as f64),
        options.rate,
        options.rate
    )
}

fn headline(contest: &Contest) -> Headline {
    let (answered, latency) = (contest.slow.answered_percent(), contest.slow.latency());
    let what = match contest.name {
        Rival::Overtime => "overtime",
        Rival::Floor => "one thread that only answers",
        Rival::Control => "200 threads, one for each connection",
    };
    Headline {
        figure: format!("{answered:.2} %"),
        caption: format!(
            "{what}: good calls answered among the slow, p99 {}",
            spoken_quantile(&latency, 0.99)
        ),
        tone: contest.name.tone(),
    }
}

fn picture(options: &Options, contests: &[Contest]) -> Picture {
    let among = format!("slow clients on every side (for at most {} s already)", ARRIVAL.as_secs());
    let parts = [("echoes alone".to_owned(), options.quiet), (among, options.seconds)];
    let mut picture = Picture::of(Phase::in_turn(parts));
    for contest in contests {
        let (quiet, among) = (&contest.quiet.echoes, &contest.slow.echoes);
        let name = contest.name.to_string();
        picture.pair((&name, contest.name.tone()), [("quiet", quiet), ("among slow", among)]);
    }
    picture
}

fn calls_row(contest: &Contest) -> Vec<String> {
    let (quiet, slow) = (contest.quiet.latency(), contest.slow.latency());
    let times = [(&quiet, 0.5), (&quiet, 0.99), (&slow, 0.5), (&slow, 0.99), (&slow, 1.0)];
    let mut row = vec![
        format!("{}: echoes and upserts", contest.name),
        format!("{:.2} %", contest.slow.answered_percent()),
    ];
    row.extend(times.map(|(latency, quantile)| spoken_quantile(latency, quantile)));
    row
}

fn desk_rows(contest: &Contest) -> Vec<Vec<String>> {
    let Some(desks) = &contest.slow.desks else { return Vec::new() };
    let row = |name: &str, seen: &Seen| {
        let asked = seen.answered + seen.fault_count();
        let mut row = vec![name.to_owned(), asked.to_string(), seen.fault_count().to_string()];
        row.extend([0.5, 0.99, 1.0].map(|quantile| spoken_quantile(&seen.latency, quantile)));
        row
    };
    vec![
        row("looks and cancellations", &desks.control),
        row("questions to the admin port", &desks.admin),
    ]
}

fn toll_rows(options: &Options, contests: &[Contest]) -> Vec<Vec<String>> {
    let ours = contests.iter().filter(|contest| contest.name == Rival::Overtime);
    let tolls = ours.flat_map(|contest| TollSummary::all(&contest.toil.tolls, &options.limits()));
    let row = |toll: TollSummary| {
        vec![
            toll.habit.to_string(),
            spoken_count(toll.opened as f64),
            spoken_count(toll.closed() as f64),
            spoken_ms(toll.limit_seconds * 1e3),
            spoken_age(&toll, toll.age.p50_ms),
            spoken_age(&toll, toll.age.max_ms),
            toll.told(),
        ]
    };
    tolls.map(row).collect()
}

/// Who was never closed has no age at which that happened.
fn spoken_age(toll: &TollSummary, ms: f64) -> String {
    if toll.closed() == 0 { "–".to_owned() } else { spoken_ms(ms) }
}
