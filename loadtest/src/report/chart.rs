//! Anything over time on an even scale from 0: answers a second, memory. Each curve has a name at
//! its end, and a level that must be kept is a line across.

use super::axis::steps;
use super::frame::Frame;
use super::series::{Dash, Phase, Tone};

/// What one plot shows.
#[derive(Clone, Debug)]
pub struct Chart {
    /// What is above it.
    pub title: String,
    /// How to read it.
    pub caption: String,
    /// What stands behind a number, such as `/s`.
    pub unit: &'static str,
    /// The lines.
    pub curves: Vec<Curve>,
    /// Where a line goes across, and its name.
    pub level: Option<(f64, String)>,
    /// The parts of the time.
    pub phases: Vec<Phase>,
}

/// One line.
#[derive(Clone, Debug)]
pub struct Curve {
    /// What stands at its end.
    pub name: String,
    /// Its colour.
    pub tone: Tone,
    /// How it is drawn.
    pub dash: Dash,
    /// Seconds from the start, and what was counted.
    pub points: Vec<(f64, f64)>,
}

pub(super) fn draw(chart: &Chart) -> String {
    let points = || chart.curves.iter().flat_map(|curve| &curve.points);
    let phases = chart.phases.iter().map(|phase| phase.until.as_secs_f64());
    let seconds = points().map(|point| point.0).chain(phases).fold(0.1, f64::max);
    let level = chart.level.iter().map(|(level, _)| *level);
    let high = points().map(|point| point.1).chain(level).fold(0.1, f64::max);
    let mut frame = Frame::linear(high, chart.unit);
    for (number, phase) in chart.phases.iter().enumerate() {
        let (from, until) = (phase.from.as_secs_f64(), phase.until.as_secs_f64());
        let class = if number % 2 == 0 { "phase" } else { "phase pressed" };
        frame.phase(class, (from / seconds, until / seconds), &phase.name);
    }
    for tick in steps(seconds) {
        frame.tick(tick / seconds, &format!("{tick} s"));
    }
    frame.axis_title("time");
    if let Some((level, name)) = &chart.level {
        let ends = [0.0, 1.0].map(|share| (frame.x(share), frame.y(*level)));
        frame.canvas.line("line dashed floor", &ends);
        frame.label(Tone::Floor, ends[1], name.clone());
    }
    for curve in &chart.curves {
        draw_curve(&mut frame, curve, seconds);
    }
    frame.into_svg(&chart.title)
}

fn draw_curve(frame: &mut Frame, curve: &Curve, seconds: f64) {
    let dash = if curve.dash == Dash::Dashed { "dashed " } else { "" };
    let class = format!("line {dash}{}", curve.tone.class());
    let points: Vec<_> =
        curve.points.iter().map(|(at, value)| (frame.x(at / seconds), frame.y(*value))).collect();
    frame.canvas.line(&class, &points);
    if let Some(last) = points.last() {
        frame.label(curve.tone, *last, curve.name.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_curve_is_drawn_and_named_and_so_is_the_level() {
        let curve = |name: &str, dash, points: &[(f64, f64)]| Curve {
            name: name.into(),
            tone: Tone::Ours,
            dash,
            points: points.to_vec(),
        };
        let chart = Chart {
            title: "Work done".into(),
            caption: String::new(),
            unit: "/s",
            curves: vec![
                curve("done", Dash::Solid, &[(0.0, 100.0), (10.0, 200.0)]),
                curve("offered", Dash::Dashed, &[(0.0, 0.0), (10.0, 50.0)]),
            ],
            level: Some((180.0, "P".into())),
            phases: Vec::new(),
        };
        let svg = draw(&chart);
        for told in [">done<", ">offered<", ">P<", ">200/s<", "line dashed ours", "10 s"] {
            assert!(svg.contains(told), "{told} is not in {svg}");
        }
    }
}
