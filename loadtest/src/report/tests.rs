//! A page made from a made-up run: all of it is there, and it needs nothing from elsewhere.

use super::*;
use crate::latency::Latency;
use crate::measurement::{Measured, Summary};
use crate::timeline::Timeline;
use std::time::Duration;

fn measured(base_ms: u64) -> Measured {
    let (mut latency, mut timeline) = (Latency::default(), Timeline::default());
    for call in 0..2_000_u64 {
        let span = Duration::from_micros(base_ms * 1_000 + call * call % 997);
        latency.record(span);
        timeline.record(Duration::from_millis(call * 5), span);
    }
    Measured { summary: Summary::default(), latency, timeline }
}

fn picture() -> Picture {
    let parts = ["quiet", "flooded"].map(|name| (name, Duration::from_secs(10)));
    let mut picture = Picture::of(Phase::in_turn(parts));
    for (name, tone, base_ms) in [("ours", Tone::Ours, 2), ("control", Tone::Control, 900)] {
        let runs = [("quiet", &measured(1)), ("flooded", &measured(base_ms))];
        picture.pair((name, tone), runs);
    }
    picture
}

#[test]
fn parts_of_the_time_follow_each_other() {
    let picture = picture();
    let spans = picture.phases.iter().map(|phase| (phase.from.as_secs(), phase.until.as_secs()));
    assert_eq!(spans.collect::<Vec<_>>(), [(0, 10), (10, 20)]);
    let begun = picture.series.iter().map(|series| series.moments[0].at >= 10.0);
    assert_eq!(begun.collect::<Vec<_>>(), [false, true, false, true]);
}

#[test]
fn a_page_has_all_it_was_given_and_needs_nothing_else() {
    let mut page = Page::new("A <title>", "What happened.");
    page.headlines(&[Headline {
        figure: "4 ms".into(),
        caption: "waited".into(),
        tone: Tone::Ours,
    }]);
    page.picture(&picture());
    page.table(&["server", "p50"], &[vec!["ours".into(), "1".into()]]);
    page.bars(&[Bar::none("errors", 0), Bar::none("lost", 1)]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.html");
    page.write(&path).unwrap();
    let html = std::fs::read_to_string(path).unwrap();
    for part in ["A &lt;title&gt;", "What happened.", "4 ms", "<td>ours</td>", "class=\"missed\""] {
        assert!(html.contains(part), "{part}");
    }
    assert_eq!(html.matches("<svg").count(), 2);
    assert!(!html.contains("http://") && !html.contains("https://") && !html.contains("<script"));
}

#[test]
fn over_time_each_server_is_named_once_and_by_percentile_each_part() {
    let over_time = over_time::draw(&picture());
    let percentiles = percentiles::draw(&picture());
    assert_eq!(over_time.matches("class=\"label ").count(), 2);
    assert_eq!(percentiles.matches("class=\"label ").count(), 4);
    assert!(percentiles.contains("control, flooded") && percentiles.contains("99.9 %"));
    assert!(!over_time.contains("NaN") && !percentiles.contains("NaN"));
}

#[test]
fn a_picture_of_nothing_is_still_a_picture() {
    let picture = Picture::default();
    assert!(over_time::draw(&picture).contains("<svg"));
    assert!(percentiles::draw(&picture).contains("<svg"));
}

#[test]
fn spans_are_told_as_a_person_says_them() {
    let told: Vec<String> = [0.165, 7.356, 14.2, 702.0, 1_420.0, 21_000.0].map(spoken_ms).into();
    assert_eq!(told, ["0.17 ms", "7.36 ms", "14.2 ms", "702 ms", "1.4 s", "21 s"]);
}

#[test]
fn thousands_stand_apart() {
    let told: Vec<String> = [0.4, 999.0, 1_000.0, 1_914_388.0].map(spoken_count).into();
    assert_eq!(told, ["0", "999", "1,000", "1,914,388"]);
}
