//! What refusals cost, as a page.

use super::Options;
use super::report::{Contest, Report, cpu_micros};
use crate::report::{Headline, Page, Tone, spoken_count};

pub(super) fn draw(options: &Options, report: &Report) -> Page {
    let mut page = Page::new("The price of a no", &story(options));
    page.headlines(&report.refusals.iter().map(headline).collect::<Vec<_>>());
    let columns = ["refused with", "µs of processor time", "a bare answer", "times", "requests"];
    page.table(&columns, &report.refusals.iter().map(row).collect::<Vec<_>>());
    page
}

fn story(options: &Options) -> String {
    format!(
        "{} requests a second over {} connections, and every one of them is refused. What that \
         costs the server is put beside the cost of an answer from an HTTP server that does nothing \
         else, in turns of a quarter of a second; the figures are medians of those of {} runs. \
         Whoever refuses cheaply cannot be brought down by those whom it refuses.",
        spoken_count(f64::from(options.rate.get())),
        options.connections,
        options.runs
    )
}

fn headline(contest: &Contest) -> Headline {
    Headline {
        figure: format!("{:.2} ×", contest.ratio()),
        caption: format!("{}, beside a bare HTTP answer", contest.why),
        tone: Tone::Ours,
    }
}

fn row(contest: &Contest) -> Vec<String> {
    let requests: u64 = contest.refused().iter().map(|sample| sample.right).sum();
    vec![
        contest.why.to_string(),
        format!("{:.2}", cpu_micros(&contest.refused())),
        format!("{:.2}", cpu_micros(&contest.floor())),
        format!("{:.2}", contest.ratio()),
        spoken_count(requests as f64),
    ]
}
