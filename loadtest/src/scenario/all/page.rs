//! All scenarios on one page: what came of each at a glance, and then chapter by chapter.

use super::chapter::Part;
use super::play::{Outcome, Played};
use super::{Report, spoken};
use crate::report::{ChapterHead, Headline, Page, Tone, spoken_count};
use serde_json::Value;
use std::time::Duration;

pub(super) fn draw(report: &Report) -> Page {
    let mut page = Page::new("What it bears", &story(report));
    page.headlines(&headlines(report));
    let parts = [Part::Overload, Part::Isolation, Part::Upstreams, Part::Speed, Part::Promises];
    let of = |part: Part| report.played.iter().filter(move |played| played.chapter.part == part);
    page.contents(parts.map(|part| (part.title(), of(part).map(head).collect::<Vec<_>>())));
    for part in parts.into_iter().filter(|part| of(*part).next().is_some()) {
        page.part(part.title());
        of(part).for_each(|played| chapter(&mut page, played));
    }
    page
}

fn story(report: &Report) -> String {
    let length = if report.is_quick {
        "This was the quick run, which shows that everything works; its figures say little."
    } else {
        "Each ran for as long as its figures need."
    };
    format!(
        "{} scenarios, one after the other, each against private servers of its own, on one machine \
         that the load shares with them. A bar is what a figure has to be; where there is a control, \
         it is a server that does what must not be done, and it has to fail. {length}",
        report.played.len()
    )
}

fn headlines(report: &Report) -> Vec<Headline> {
    let (bars, met) = report.bars();
    let is_met = report.count(Outcome::Met) == report.played.len();
    let tone = if is_met { Tone::Second } else { Tone::Control };
    let headline = |figure: String, caption: &str, tone| Headline {
        figure,
        caption: caption.to_owned(),
        tone,
    };
    let of = format!("{} of {}", report.count(Outcome::Met), report.played.len());
    vec![
        headline(of, "scenarios met all their bars", tone),
        headline(format!("{met} of {bars}"), "bars met", tone),
        headline(spoken(report.span()), "in all", Tone::Floor),
    ]
}

fn head(played: &Played) -> ChapterHead {
    let met = played.bars.iter().filter(|bar| bar.is_met).count();
    ChapterHead {
        name: played.name.to_owned(),
        question: played.question.to_owned(),
        outcome: played.outcome.word(),
        bars: match played.bars.len() {
            0 => "–".to_owned(),
            bars => format!("{met} of {bars}"),
        },
        span: spoken(Duration::from_secs_f64(played.seconds)),
    }
}

fn chapter(page: &mut Page, played: &Played) {
    page.begin_chapter(&head(played), &played.command);
    if let Some(why) = &played.why {
        page.note(why);
    }
    match &played.drawn {
        Some(drawn) => page.drawn(drawn),
        None => {
            let rows = figures(&played.told);
            if !rows.is_empty() {
                page.table(&["figure", "found"], &rows);
            }
            page.bars(&played.bars);
        }
    }
    page.end_chapter();
}

/// The figures that a scenario told, those within others by both names.
fn figures(told: &Value) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    collect("", told, &mut rows);
    rows
}

fn collect(name: &str, value: &Value, rows: &mut Vec<Vec<String>>) {
    match value {
        Value::Object(members) => {
            for (member, value) in members.iter().filter(|(member, _)| *member != "bars") {
                let spoken = member.replace('_', " ");
                let name = if name.is_empty() { spoken } else { format!("{name}: {spoken}") };
                collect(&name, value, rows);
            }
        }
        Value::Array(values) => {
            for (value, number) in values.iter().zip(1..) {
                collect(&format!("{name} {number}"), value, rows);
            }
        }
        Value::Null => {}
        Value::String(text) if text.is_empty() => {}
        Value::String(text) => rows.push(vec![name.to_owned(), text.clone()]),
        Value::Number(number) => {
            rows.push(vec![name.to_owned(), number.as_f64().map_or_else(String::new, figure)]);
        }
        Value::Bool(is_so) => rows.push(vec![name.to_owned(), is_so.to_string()]),
    }
}

fn figure(number: f64) -> String {
    match number {
        number if number.fract() == 0.0 => spoken_count(number),
        number if number.abs() >= 1_000.0 => spoken_count(number),
        number => format!("{number:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bar::Bar;
    use crate::scenario::all::chapter::CHAPTERS;
    use serde_json::json;

    fn played(number: usize, outcome: Outcome, drawn: Option<&str>) -> Played {
        let chapter = &CHAPTERS[number];
        Played {
            name: chapter.name,
            question: chapter.question,
            chapter,
            outcome,
            seconds: 61.0,
            command: format!("loadtest {}", chapter.name),
            bars: vec![Bar::none("lost", 0), Bar::none("wrong", 1)],
            why: (outcome == Outcome::Failed).then(|| "no <binary>".to_owned()),
            told: json!({ "calls_made": 12_345, "latency": { "p99_ms": 1.5 }, "bars": [] }),
            drawn: drawn.map(str::to_owned),
        }
    }

    #[test]
    fn a_page_has_every_chapter_and_leads_to_it() {
        let played = vec![
            played(0, Outcome::Met, Some("<h2>Drawn</h2>")),
            played(1, Outcome::Void, None),
            played(4, Outcome::Failed, None),
        ];
        let report = Report { is_quick: true, seconds: 754.0, played };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.html");
        draw(&report).write(&path).unwrap();
        let html = std::fs::read_to_string(path).unwrap();
        for number in [0, 1, 4] {
            let name = CHAPTERS[number].name;
            assert!(html.contains(&format!("href=\"#{name}\"")), "{name}");
            assert!(html.contains(&format!("id=\"{name}\"")), "{name}");
        }
        let parts = ["<h2>Drawn</h2>", "12,345", "latency: p99 ms", "12 min 34 s", "no &lt;binary"];
        for part in parts.into_iter().chain(["1 of 3", "3 of 6", ">void<", ">failed<"]) {
            assert!(html.contains(part), "{part}");
        }
        assert_eq!(html.matches("<footer>").count(), 1);
    }
}
