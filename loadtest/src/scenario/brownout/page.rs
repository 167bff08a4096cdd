//! Brownouts as a page: how many workers the calls to the bad upstream held, with a gate and without.

use super::play::Played;
use super::{Caller, Options, Series};
use crate::report::{Chart, Curve, Dash, Headline, Page, Phase, Tone, spoken_count};
use std::time::Duration;

pub(super) fn draw(options: &Options, all: &[Series]) -> Page {
    let mut page = Page::new("A brownout", &story(options));
    page.headlines(&all.iter().filter_map(headline).collect::<Vec<_>>());
    let tones = [Tone::Ours, Tone::Second, Tone::Third, Tone::Fourth, Tone::Floor];
    let curves = all.iter().zip(tones.into_iter().cycle()).filter_map(|(series, tone)| {
        let tone = if series.caller == Caller::Control { Tone::Control } else { tone };
        let points = series.plays.first()?.under_way.clone();
        Some(Curve { name: name(series), tone, dash: Dash::Solid, points })
    });
    page.chart(&Chart {
        title: "Workers that the bad upstream holds".into(),
        caption: "Calls to it that are under way, twice a second, in the first run.".into(),
        unit: "",
        curves: curves.collect(),
        level: Some((options.workers as f64, "all workers".into())),
        phases: phases(options),
    });
    let columns = [
        "",
        "well within 1 s",
        "shed after",
        "times",
        "held at most",
        "full rate after",
        "lost",
        "attempts paid",
    ];
    let rows = all.iter().flat_map(|series| series.plays.iter().map(|played| row(series, played)));
    page.table(&columns, &rows.collect::<Vec<_>>());
    page
}

fn story(options: &Options) -> String {
    let per_second = |every: Duration| spoken_count(1.0 / every.as_secs_f64());
    format!(
        "Two services are called, one {} times a second and the other {} times. For {} seconds \
         something is wrong with the former. {} workers make all the calls: those that wait for \
         the one are missing for the other.",
        per_second(options.bad_every),
        per_second(options.well_every),
        options.bad_for.as_secs(),
        options.workers
    )
}

fn name(series: &Series) -> String {
    match series.caller {
        Caller::Overtime => series.fault.to_string(),
        Caller::Control => format!("{}, no gate", series.fault),
    }
}

fn headline(series: &Series) -> Option<Headline> {
    let well = series.plays.iter().map(|played| played.well_percent).reduce(f64::min)?;
    let tone = if series.caller == Caller::Control { Tone::Control } else { Tone::Ours };
    let caption = format!("{}: calls to the well upstream within a second", name(series));
    Some(Headline { figure: format!("{well:.1} %"), caption, tone })
}

fn row(series: &Series, played: &Played) -> Vec<String> {
    let told = |span: Option<f64>| span.map_or("–".to_owned(), |span| format!("{span:.1} s"));
    vec![
        name(series),
        format!("{:.2} %", played.well_percent),
        told(played.shed_after),
        played.episodes.to_string(),
        played.held_max.to_string(),
        told(played.full_after),
        played.lost.to_string(),
        played.burnt.to_string(),
    ]
}

fn phases(options: &Options) -> Vec<Phase> {
    Phase::in_turn([
        ("well", options.calm),
        ("bad", options.bad_for),
        ("well again", options.after),
    ])
}
