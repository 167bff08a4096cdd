//! What all plots have: a frame with an axis for latencies or for counts, and labels at the right end of
//! the lines that do not lie on top of each other.

use super::axis::{LogAxis, steps, tick_ms};
use super::canvas::{Canvas, Point};
use super::series::{Picture, Tone};

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 380.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = WIDTH - 180.0;
const TOP: f64 = 24.0;
const BOTTOM: f64 = HEIGHT - 40.0;
/// The least distance between two labels.
const LINE_HEIGHT: f64 = 15.0;

/// The frame, and what is drawn in it.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) canvas: Canvas,
    scale: Scale,
    labels: Vec<Label>,
}

/// Where a value is above the axis.
#[derive(Clone, Copy, Debug)]
enum Scale {
    /// A latency in milliseconds.
    Latency(LogAxis),
    /// Anything from 0 up to this.
    Even(f64),
}

#[derive(Debug)]
struct Label {
    y: f64,
    tone: Tone,
    text: String,
}

impl Frame {
    /// An empty frame with the latency axis of a picture.
    pub(super) fn of(picture: &Picture) -> Self {
        let (low, high) = picture.range_ms();
        let latency = LogAxis::around(low, high);
        let mut frame = Self::with(Scale::Latency(latency));
        for tick in latency.minor() {
            let y = frame.y(tick);
            frame.canvas.line("grid minor", &[(LEFT, y), (RIGHT, y)]);
        }
        for tick in latency.decades() {
            let y = frame.y(tick);
            frame.canvas.line("grid", &[(LEFT, y), (RIGHT, y)]);
            frame.canvas.text("tick end", (LEFT - 8.0, y + 4.0), &tick_ms(tick));
        }
        frame
    }

    /// An empty frame for counts from 0 up to `high`.
    pub(super) fn linear(high: f64, unit: &str) -> Self {
        let mut frame = Self::with(Scale::Even(high * 1.05));
        for tick in steps(high * 1.05) {
            let y = frame.y(tick);
            frame.canvas.line("grid", &[(LEFT, y), (RIGHT, y)]);
            frame.canvas.text("tick end", (LEFT - 8.0, y + 4.0), &format!("{tick}{unit}"));
        }
        frame
    }

    fn with(scale: Scale) -> Self {
        Self { canvas: Canvas::new(WIDTH, HEIGHT), scale, labels: Vec::new() }
    }

    /// Where a share of the width is.
    pub(super) fn x(&self, share: f64) -> f64 {
        LEFT + share.clamp(0.0, 1.0) * (RIGHT - LEFT)
    }

    /// Where a latency is, or a count.
    pub(super) fn y(&self, value: f64) -> f64 {
        let place = match self.scale {
            Scale::Latency(axis) => axis.place(value),
            Scale::Even(high) => (value / high).clamp(0.0, 1.0),
        };
        BOTTOM - place * (BOTTOM - TOP)
    }

    /// A tick of the axis below.
    pub(super) fn tick(&mut self, share: f64, text: &str) {
        let x = self.x(share);
        self.canvas.line("grid", &[(x, TOP), (x, BOTTOM)]);
        self.canvas.text("tick middle", (x, BOTTOM + 18.0), text);
    }

    /// What the axis below is.
    pub(super) fn axis_title(&mut self, text: &str) {
        self.canvas.text("tick middle", ((LEFT + RIGHT) / 2.0, HEIGHT - 4.0), text);
    }

    /// Shades a part of the width and names it at the top.
    pub(super) fn phase(&mut self, class: &str, (from, until): (f64, f64), name: &str) {
        let (left, right) = (self.x(from), self.x(until));
        self.canvas.rectangle(class, (left, TOP), (right, BOTTOM));
        self.canvas.text("phase-name", (left + 8.0, TOP - 8.0), name);
    }

    /// Names a line at its right end.
    pub(super) fn label(&mut self, tone: Tone, (_, y): Point, text: String) {
        self.labels.push(Label { y, tone, text });
    }

    /// The finished plot.
    pub(super) fn into_svg(mut self, title: &str) -> String {
        self.labels.sort_by(|one, other| one.y.total_cmp(&other.y));
        spread(&mut self.labels);
        for Label { y, tone, text } in &self.labels {
            let class = format!("label {}", tone.class());
            self.canvas.text(&class, (RIGHT + 10.0, y + 4.0), text);
        }
        self.canvas.into_svg(title)
    }
}

/// Moves labels down, and all of them up if the last would leave the frame.
fn spread(labels: &mut [Label]) {
    let mut lowest = TOP;
    for label in labels.iter_mut() {
        label.y = label.y.max(lowest);
        lowest = label.y + LINE_HEIGHT;
    }
    let mut highest = BOTTOM;
    for label in labels.iter_mut().rev() {
        label.y = label.y.min(highest);
        highest = label.y - LINE_HEIGHT;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_keep_their_distance_and_stay_inside() {
        let label = |y| Label { y, tone: Tone::Ours, text: String::new() };
        let mut labels = [label(100.0), label(101.0), label(BOTTOM - 2.0), label(BOTTOM)];
        spread(&mut labels);
        for pair in labels.windows(2) {
            assert!(pair[1].y - pair[0].y >= LINE_HEIGHT - 1e-9, "{labels:?}");
        }
        assert!(labels[3].y <= BOTTOM && labels[0].y == 100.0);
    }
}
