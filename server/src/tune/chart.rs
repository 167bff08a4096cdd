//! One upstream as a picture: a box for each part of the time, a line at what is slow, a strip of
//! failures below, and shades where its tasks would have been held. It is written by hand, in SVG, and
//! looks right on light and dark paper.

mod axes;

use super::report::seconds;
use super::slots::Slot;
use axes::{Decades, Times};
use overtime_protocol::UnixMillis;
use std::fmt::Write;
use std::time::Duration;

const STYLE: &str = include_str!("chart/style.css");
const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 440.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = WIDTH - 92.0;
const TOP: f64 = 76.0;
const BOTTOM: f64 = 340.0;
/// The strip of failures.
const STRIP: (f64, f64) = (356.0, 392.0);
const BOX_MAX: f64 = 16.0;

/// What is drawn.
#[derive(Debug)]
pub(super) struct Picture<'a> {
    pub(super) name: &'a str,
    pub(super) slots: Vec<Slot>,
    /// From when until when it would have been shed.
    pub(super) shed: Vec<(UnixMillis, UnixMillis)>,
    pub(super) slow: Duration,
    /// Whether the parts are hours of which no single calls are known.
    pub(super) by_hours: bool,
}

impl Picture<'_> {
    /// The picture; `None` if there was no call.
    pub(super) fn draw(&self) -> Option<String> {
        let (first, last) = (self.slots.first()?, self.slots.last()?);
        let times = Times::new(first.from, last.until());
        let decades = self.decades();
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" \
             aria-label=\"{}\">\n<style>\n{STYLE}</style>\n",
            escape(&format!("How long calls to {} took", self.name))
        );
        rectangle(&mut svg, "paper", (0.0, 0.0), (WIDTH, HEIGHT));
        text(&mut svg, "title", (LEFT, 28.0), self.name);
        text(&mut svg, "told", (LEFT, 48.0), &self.caption(first));
        self.shades(&mut svg, &times);
        grid(&mut svg, &times, &decades);
        for slot in &self.slots {
            draw_slot(&mut svg, slot, &times, &decades);
        }
        let slow = y(decades.place(self.slow));
        line(&mut svg, "slow", (LEFT, slow), (RIGHT, slow));
        text(
            &mut svg,
            "slow-name",
            (RIGHT + 8.0, slow + 4.0),
            &format!("slow: {}", seconds(self.slow)),
        );
        svg.push_str("</svg>\n");
        Some(svg)
    }

    fn decades(&self) -> Decades {
        let low = self.slots.iter().map(|slot| slot.p10).min().unwrap_or_default();
        let high = self.slots.iter().map(|slot| slot.p90).max().unwrap_or_default();
        Decades::around(low.min(self.slow), high.max(self.slow))
    }

    fn caption(&self, &Slot { from, length, .. }: &Slot) -> String {
        let calls: u64 = self.slots.iter().map(|slot| slot.calls).sum();
        let shade = match self.by_hours {
            true => "shaded: nine of ten slow",
            false => "shaded: would be shed",
        };
        let from = from.to_string();
        let from = from.get(..16).unwrap_or_default().replace('T', " ");
        format!(
            "{calls} calls from {from} on, parts of {} · box 25–75 %, whiskers 10–90 %, bar the \
             median · {shade}",
            super::report::long(length)
        )
    }

    fn shades(&self, svg: &mut String, times: &Times) {
        for &(from, until) in &self.shed {
            let (left, right) = (x(times.place(from)), x(times.place(until)));
            rectangle(svg, "shed", (left, TOP), (right.max(left + 1.0), STRIP.1));
        }
    }
}

fn grid(svg: &mut String, times: &Times, decades: &Decades) {
    for (at, name) in decades.ticks() {
        let y = y(decades.place(at));
        line(svg, "grid", (LEFT, y), (RIGHT, y));
        text(svg, "tick end", (LEFT - 8.0, y + 4.0), &name);
    }
    for (at, name) in times.ticks() {
        let x = x(times.place(at));
        line(svg, "grid", (x, TOP), (x, STRIP.1));
        text(svg, "tick middle", (x, STRIP.1 + 18.0), &name);
    }
    rectangle(svg, "strip", (LEFT, STRIP.0), (RIGHT, STRIP.1));
    text(svg, "tick end", (LEFT - 8.0, STRIP.0 + 12.0), "100 %");
    text(svg, "tick end", (LEFT - 8.0, STRIP.1), "0");
    text(svg, "tick", (RIGHT + 8.0, (STRIP.0 + STRIP.1) / 2.0 + 4.0), "failed");
    text(svg, "tick middle", ((LEFT + RIGHT) / 2.0, HEIGHT - 8.0), "UTC");
}

fn draw_slot(svg: &mut String, slot: &Slot, times: &Times, decades: &Decades) {
    let (left, right) = (x(times.place(slot.from)), x(times.place(slot.until())));
    let (middle, half) = ((left + right) / 2.0, ((right - left) * 0.35).clamp(0.5, BOX_MAX / 2.0));
    let place = |at| y(decades.place(at));
    svg.push_str("<g>");
    let told = format!(
        "{}: {} calls, {} failed, p10 {}, p25 {}, p50 {}, p75 {}, p90 {}",
        slot.from,
        slot.calls,
        slot.failed,
        seconds(slot.p10),
        seconds(slot.p25),
        seconds(slot.p50),
        seconds(slot.p75),
        seconds(slot.p90)
    );
    let _ = writeln!(svg, "<title>{}</title>", escape(&told));
    line(svg, "whisker", (middle, place(slot.p90)), (middle, place(slot.p75)));
    line(svg, "whisker", (middle, place(slot.p25)), (middle, place(slot.p10)));
    for end in [slot.p10, slot.p90] {
        line(svg, "whisker", (middle - half / 2.0, place(end)), (middle + half / 2.0, place(end)));
    }
    let (top, bottom) = (place(slot.p75), place(slot.p25));
    rectangle(svg, "box", (middle - half, top), (middle + half, bottom.max(top + 1.0)));
    line(svg, "median", (middle - half, place(slot.p50)), (middle + half, place(slot.p50)));
    if slot.failed > 0 {
        let share = slot.failed as f64 / slot.calls.max(1) as f64;
        let top = STRIP.1 - (share * (STRIP.1 - STRIP.0)).max(1.0);
        rectangle(svg, "failed", (middle - half, top), (middle + half, STRIP.1));
    }
    svg.push_str("</g>\n");
}

/// Where a share of the width is.
fn x(share: f64) -> f64 {
    LEFT + share.clamp(0.0, 1.0) * (RIGHT - LEFT)
}

/// Where a share of the height is.
fn y(share: f64) -> f64 {
    BOTTOM - share.clamp(0.0, 1.0) * (BOTTOM - TOP)
}

type Point = (f64, f64);

fn line(svg: &mut String, class: &str, from: Point, to: Point) {
    let ((x1, y1), (x2, y2)) = (from, to);
    let _ = writeln!(svg, "<path class=\"{class}\" d=\"M{x1:.1} {y1:.1}L{x2:.1} {y2:.1}\"/>");
}

fn rectangle(svg: &mut String, class: &str, (left, top): Point, (right, bottom): Point) {
    let (width, height) = (right - left, bottom - top);
    let _ = writeln!(
        svg,
        "<rect class=\"{class}\" x=\"{left:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" \
         height=\"{height:.1}\"/>"
    );
}

fn text(svg: &mut String, class: &str, (x, y): Point, text: &str) {
    let text = escape(text);
    let _ = writeln!(svg, "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{text}</text>");
}

/// Text as it may stand in SVG, which takes no control characters at all.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            letter if letter.is_control() => out.push(' '),
            letter => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot(minute: u64, median_ms: u64, failed: u64) -> Slot {
        let ms = |share: u64| Duration::from_millis(median_ms * share / 100);
        Slot {
            from: UnixMillis(1_795_000_020_000 + minute * 60_000),
            length: Duration::from_mins(1),
            calls: 10,
            failed,
            p10: ms(50),
            p25: ms(80),
            p50: ms(100),
            p75: ms(150),
            p90: ms(300),
        }
    }

    #[test]
    fn each_part_has_its_box_and_what_would_have_been_held_is_shaded() {
        let slots = vec![slot(0, 200, 0), slot(1, 5_000, 7), slot(3, 300, 0)];
        let shed = vec![(slots[1].from, slots[1].until())];
        let slow = Duration::from_secs(3);
        let picture = Picture { name: "<bank>", slots, shed, slow, by_hours: false };
        let svg = picture.draw().unwrap();
        let count = |what: &str| svg.matches(what).count();
        assert_eq!((count("class=\"box\""), count("class=\"median\"")), (3, 3));
        assert_eq!((count("class=\"shed\""), count("class=\"failed\"")), (1, 1));
        for told in [
            "&lt;bank&gt;</text>",
            "30 calls from 2026-11-18 11:07 on, parts of 1m",
            ">slow: 3 s<",
            "p90 15 s<",
        ] {
            assert!(svg.contains(told), "{told} is not in {svg}");
        }
        assert!(!svg.contains("<bank>") && !svg.contains("NaN") && !svg.contains("inf"));
    }

    #[test]
    fn a_single_call_that_took_no_time_can_be_drawn() {
        let slots = vec![slot(0, 0, 0)];
        let slow = Duration::from_millis(1);
        let picture = Picture { name: "x", slots, shed: Vec::new(), slow, by_hours: true };
        let svg = picture.draw().unwrap();
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        assert!(Picture { slots: Vec::new(), ..picture }.draw().is_none());
    }
}
