//! Latency by percentile, with room for the rare: one in ten, one in a hundred and one in a
//! thousand are equally far apart.

use super::canvas::Point;
use super::frame::Frame;
use super::series::{Dash, Picture, Series};

/// Steps of a line from one power of ten to the next.
const STEPS: f64 = 40.0;
const TICKS: [(f64, &str); 7] = [
    (0.0, "0 %"),
    (0.5, "50 %"),
    (0.9, "90 %"),
    (0.99, "99 %"),
    (0.999, "99.9 %"),
    (0.9999, "99.99 %"),
    (0.99999, "99.999 %"),
];

pub(super) fn draw(picture: &Picture) -> String {
    let length = picture.series.iter().map(nines).fold(1.0, f64::max);
    let mut frame = Frame::of(picture);
    for (quantile, name) in TICKS {
        let place = nines_of(quantile) / length;
        if place <= 1.0 {
            frame.tick(place, name);
        }
    }
    frame.axis_title("share of the calls that were not slower");
    for series in picture.ours_last() {
        let points = points(&frame, series, length);
        let dash = match series.dash {
            Dash::Solid => "line",
            Dash::Dashed => "line dashed",
        };
        frame.canvas.line(&format!("{dash} {}", series.tone.class()), &points);
        if let Some(end) = points.last() {
            frame.label(series.tone, *end, series.label());
        }
    }
    frame.into_svg("Latency by percentile")
}

/// How many nines a quantile has.
fn nines_of(quantile: f64) -> f64 {
    -(1.0 - quantile).log10()
}

/// How many nines a series can tell.
fn nines(series: &Series) -> f64 {
    (series.latency.count().max(2) as f64).log10()
}

fn points(frame: &Frame, series: &Series, length: f64) -> Vec<Point> {
    if series.latency.count() == 0 {
        return Vec::new();
    }
    let last = nines(series);
    let steps = (last * STEPS).ceil() as u32;
    (0..=steps)
        .map(|step| (f64::from(step) / STEPS).min(last))
        .map(|nines| {
            let ms = series.latency.at_ms(1.0 - 10_f64.powf(-nines));
            (frame.x(nines / length), frame.y(ms))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_nine_is_as_far_as_the_one_before() {
        for (quantile, nines) in [(0.0, 0.0), (0.9, 1.0), (0.99, 2.0), (0.999, 3.0)] {
            assert!((nines_of(quantile) - nines).abs() < 1e-9);
        }
    }
}
