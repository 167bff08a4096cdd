//! A long queue as a page.

use super::Options;
use super::depth::Window;
use crate::report::{Headline, Page, Tone, spoken_count};

pub(super) fn draw(options: &Options, (few, many): (&Window, &Window)) -> Page {
    let mut page = Page::new("A million in the queue", &story(options));
    let headline = |window: &Window, tone| Headline {
        figure: format!("{:.1} µs", window.cpu_micros()),
        caption: format!(
            "of the core's time for a task while {} wait",
            spoken_count(window.waiting as f64)
        ),
        tone,
    };
    page.headlines(&[headline(few, Tone::Floor), headline(many, Tone::Ours)]);
    let row = |name: &str, window: &Window| {
        vec![
            name.to_owned(),
            spoken_count(window.waiting as f64),
            spoken_count(window.tasks as f64),
            spoken_count(window.rate()),
            format!("{:.2}", window.cpu_micros()),
        ]
    };
    let columns = ["", "waiting", "looked at", "tasks/s", "µs of the core for each"];
    page.table(&columns, &[row("few", few), row("many", many)]);
    page
}

fn story(options: &Options) -> String {
    format!(
        "{} tasks of {} tenants wait, and {} workers take one after the other, each for {} ms. The one \
         thread that everything goes through hands each of them out in a fair order and writes down \
         its end: does it need longer because so many wait?",
        spoken_count(options.tasks as f64),
        spoken_count(options.tenants as f64),
        options.workers,
        options.service.as_millis()
    )
}
