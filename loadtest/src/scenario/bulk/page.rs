//! Bulk as a page: how fast it went, and what single callers noticed of it.

use super::Options;
use super::report::Played;
use crate::report::{Dash, Headline, Page, Phase, Picture, Series, Tone, spoken_count, spoken_ms};
use std::time::Duration;

const TONES: [Tone; 4] = [Tone::Ours, Tone::Second, Tone::Third, Tone::Fourth];

pub(super) fn draw(options: &Options, played: &[Played]) -> Page {
    let mut page = Page::new("Bulk, to the end of the work", &story(options, played));
    let headlines: Vec<Headline> = played.iter().zip(TONES).flat_map(headlines).collect();
    page.headlines(&headlines);
    page.picture(&picture(played));
    let columns = [
        "round",
        "items",
        "items/s",
        "MB/s",
        "body p50",
        "slowest body",
        "singles p50",
        "p99",
        "peak",
    ];
    page.table(&columns, &played.iter().map(row).collect::<Vec<_>>());
    page
}

fn story(options: &Options, played: &[Played]) -> String {
    let mut story = format!(
        "{} contacts a round, in bodies of {:.0} MB over {} connections. What counts is the last \
         item on disk, not the first 202. Beside it, {} single upserts a second, measured from \
         when they were due.",
        spoken_count(f64::from(options.items)),
        options.body_bytes as f64 / 1e6,
        options.streams,
        options.singles
    );
    for one in played {
        let sentence = format!(" Round “{:?}” took {:.1} seconds.", one.round, one.bulk.seconds);
        story.push_str(&sentence);
    }
    story
}

fn headlines((played, tone): (&Played, Tone)) -> Vec<Headline> {
    let rate = Headline {
        figure: format!("{}/s", spoken_count(played.bulk.items_per_second)),
        caption: format!("{:?}: items, end to end", played.round),
        tone,
    };
    let single = played.singles.as_ref().map(|singles| Headline {
        figure: spoken_ms(singles.summary.latency.p99_ms),
        caption: format!("{:?}: p99 of single upserts beside", played.round),
        tone,
    });
    [Some(rate), single].into_iter().flatten().collect()
}

/// The single calls of all rounds, one round after the other.
fn picture(played: &[Played]) -> Picture {
    let mut picture = Picture::default();
    let mut from = Duration::ZERO;
    for (one, tone) in played.iter().zip(TONES.into_iter().cycle()) {
        let Some(singles) = &one.singles else { continue };
        let until = from + Duration::from_secs_f64(one.bulk.seconds.max(0.0));
        let name = format!("{:?}", one.round);
        let series = Series::new(&name, tone, singles, from);
        picture.series.push(series.part("singles beside", Dash::Solid));
        picture.phases.push(Phase { name, from, until });
        from = until;
    }
    picture
}

fn row(played: &Played) -> Vec<String> {
    let (bulk, singles) = (&played.bulk, played.singles.as_ref());
    let single = |figure: fn(&crate::latency::Quantiles) -> f64| {
        singles.map_or("–".into(), |measured| spoken_ms(figure(&measured.summary.latency)))
    };
    vec![
        format!("{:?}", played.round),
        spoken_count(bulk.items as f64),
        spoken_count(bulk.items_per_second),
        format!("{:.1}", bulk.megabytes_per_second),
        spoken_ms(bulk.body_latency.p50_ms),
        spoken_ms(bulk.body_latency.max_ms),
        single(|latency| latency.p50_ms),
        single(|latency| latency.p99_ms),
        format!("{:.0} MB", played.peak_bytes as f64 / 1e6),
    ]
}
