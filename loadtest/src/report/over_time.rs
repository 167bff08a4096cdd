//! Latency over time: a line for the median, a band up to the 99th percentile, and a dot for the
//! slowest of each slice.

use super::axis::steps;
use super::canvas::Point;
use super::frame::Frame;
use super::series::{Picture, Series};

pub(super) fn draw(picture: &Picture) -> String {
    let seconds = length(picture);
    let mut frame = Frame::of(picture);
    for (number, phase) in picture.phases.iter().enumerate() {
        let (from, until) = (phase.from.as_secs_f64(), phase.until.as_secs_f64());
        let class = if number % 2 == 0 { "phase" } else { "phase pressed" };
        frame.phase(class, (from / seconds, until / seconds), &phase.name);
    }
    for tick in steps(seconds) {
        frame.tick(tick / seconds, &format!("{tick} s"));
    }
    frame.axis_title("time at which a call was due");
    for series in picture.ours_last() {
        draw_series(&mut frame, series, seconds);
    }
    label(&mut frame, picture);
    frame.into_svg("Latency over time")
}

fn length(picture: &Picture) -> f64 {
    let phases = picture.phases.iter().map(|phase| phase.until.as_secs_f64());
    let last = picture.series.iter().filter_map(|series| series.moments.last());
    phases.chain(last.map(|moment| moment.at)).fold(0.1, f64::max)
}

fn draw_series(frame: &mut Frame, series: &Series, seconds: f64) {
    let class = series.tone.class();
    let moments = &series.moments;
    let points = |frame: &Frame, ms: fn(&crate::timeline::Moment) -> f64| -> Vec<Point> {
        moments.iter().map(|moment| (frame.x(moment.at / seconds), frame.y(ms(moment)))).collect()
    };
    let medians = points(frame, |moment| moment.p50_ms);
    let mut band = points(frame, |moment| moment.p99_ms);
    band.extend(medians.iter().rev());
    frame.canvas.area(&format!("band {class}"), &band);
    for point in points(frame, |moment| moment.max_ms) {
        frame.canvas.dot(&format!("dot {class}"), point);
    }
    frame.canvas.line(&format!("line {class}"), &medians);
}

/// Names each server once, where its last line ends.
fn label(frame: &mut Frame, picture: &Picture) {
    for (number, series) in picture.series.iter().enumerate() {
        let is_last = picture.series[number + 1..].iter().all(|later| later.name != series.name);
        if let Some(moment) = series.moments.last().filter(|_| is_last) {
            let y = frame.y(moment.p50_ms);
            frame.label(series.tone, (0.0, y), series.name.clone());
        }
    }
}
