//! A stampede as a page: what was done, second by second, and what was offered.

use super::report::{Report, Row};
use super::{Contest, Options};
use crate::contestant::Upbringing;
use crate::crowd::picture::{Plots, Shown};
use crate::report::{Headline, Page, Phase, Tone, spoken_count, spoken_ms};

pub(super) fn draw(options: &Options, contests: &[Contest], report: &Report) -> Page {
    let mut page = Page::new("A stampede", &story(options, report));
    page.headlines(&contests.iter().zip(&report.rows).map(headline).collect::<Vec<_>>());
    let shown = contests.iter().map(|contest| Shown {
        name: contest.name(),
        tone: tone(contest),
        course: &contest.course,
    });
    let capacity = report.rows.first().map_or(0.0, |row| row.capacity);
    Plots { shown: shown.collect(), phases: phases(options), capacity }.draw(&mut page);
    let columns = [
        "",
        "offered/s",
        "done/s",
        "p99 served",
        "p99 of 202",
        "p99 refused",
        "gave up",
        "itself after",
    ];
    page.table(&columns, &report.rows.iter().map(cells).collect::<Vec<_>>());
    page
}

fn tone(contest: &Contest) -> Tone {
    match contest.callers {
        Upbringing::Naive => contest.contestant.tone(),
        Upbringing::Mannered => Tone::Third,
    }
}

fn phases(options: &Options) -> Vec<Phase> {
    Phase::in_turn([
        ("calm", options.calm),
        ("the crowd", options.seconds),
        ("calm again", options.calm),
    ])
}

fn story(options: &Options, report: &Report) -> String {
    let mut story = format!(
        "For {} seconds, {} times as much as the server can do is asked of it: whoever is not \
         served within two to three seconds leaves and tries again, for ever.",
        options.seconds.as_secs(),
        options.times
    );
    for row in &report.rows {
        let share = 100.0 * row.done_per_second / row.capacity;
        story.push_str(&format!(" {}: {share:.0} % of what it can do is done.", row.name));
    }
    story
}

fn headline((contest, row): (&Contest, &Row)) -> Headline {
    Headline {
        figure: format!("{:.0} %", 100.0 * row.done_per_second / row.capacity),
        caption: format!("{}: share of its capacity done in the crowd", row.name),
        tone: tone(contest),
    }
}

fn cells(row: &Row) -> Vec<String> {
    vec![
        row.name.to_owned(),
        spoken_count(row.offered_per_second),
        format!("{:.1}", row.done_per_second),
        spoken_ms(row.admitted_p99_ms),
        spoken_ms(row.accepted_p99_ms),
        spoken_ms(row.refused_p99_ms),
        spoken_count(row.gave_up as f64),
        row.recovered_after.map_or("not seen".to_owned(), |after| format!("{after:.1} s")),
    ]
}
