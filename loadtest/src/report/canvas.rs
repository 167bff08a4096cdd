//! A picture in SVG: elements with a class each, and their looks in the style sheet. Coordinates
//! have one decimal, which is finer than a screen.

use std::fmt::Write;

/// An SVG in the making.
#[derive(Debug)]
pub(super) struct Canvas {
    elements: String,
    width: f64,
    height: f64,
}

/// A point.
pub(super) type Point = (f64, f64);

impl Canvas {
    pub(super) fn new(width: f64, height: f64) -> Self {
        Self { elements: String::new(), width, height }
    }

    /// A line through all points.
    pub(super) fn line(&mut self, class: &str, points: &[Point]) {
        self.shape(class, points, "");
    }

    /// The area within all points.
    pub(super) fn area(&mut self, class: &str, points: &[Point]) {
        self.shape(class, points, "Z");
    }

    fn shape(&mut self, class: &str, points: &[Point], end: &str) {
        if points.len() < 2 {
            return;
        }
        let mut path = String::new();
        for (number, (x, y)) in points.iter().enumerate() {
            let letter = if number == 0 { 'M' } else { 'L' };
            write_to(&mut path, format_args!("{letter}{x:.1} {y:.1}"));
        }
        self.add(format_args!("<path class=\"{class}\" d=\"{path}{end}\"/>\n"));
    }

    pub(super) fn dot(&mut self, class: &str, (x, y): Point) {
        self.add(format_args!(
            "<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"1.4\"/>\n"
        ));
    }

    pub(super) fn rectangle(&mut self, class: &str, (left, top): Point, (right, bottom): Point) {
        let (width, height) = (right - left, bottom - top);
        self.add(format_args!(
            "<rect class=\"{class}\" x=\"{left:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" \
             height=\"{height:.1}\"/>\n"
        ));
    }

    /// A text that starts, is centred or ends at a point, as its class says.
    pub(super) fn text(&mut self, class: &str, (x, y): Point, text: &str) {
        let text = escape(text);
        self.add(format_args!("<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{text}</text>\n"));
    }

    /// The whole of it; `title` is for who cannot see it.
    pub(super) fn into_svg(self, title: &str) -> String {
        let Self { elements, width, height } = self;
        let title = escape(title);
        format!(
            "<svg viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{title}\">\n\
             {elements}</svg>\n"
        )
    }

    fn add(&mut self, arguments: std::fmt::Arguments<'_>) {
        write_to(&mut self.elements, arguments);
    }
}

fn write_to(out: &mut String, arguments: std::fmt::Arguments<'_>) {
    out.write_fmt(arguments).expect("a string takes all that is written");
}

/// Text as it may stand in HTML and SVG.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_become_an_element() {
        let mut canvas = Canvas::new(10.0, 10.0);
        canvas.text("label", (1.0, 2.0), "<b> & \"c\"");
        let svg = canvas.into_svg("x");
        assert!(svg.contains("&lt;b&gt; &amp; &quot;c&quot;</text>"), "{svg}");
    }

    #[test]
    fn one_point_is_no_line() {
        let mut canvas = Canvas::new(10.0, 10.0);
        canvas.line("a", &[(1.0, 1.0)]);
        canvas.line("b", &[(1.0, 1.0), (2.0, 2.25)]);
        let svg = canvas.into_svg("x");
        assert!(!svg.contains("class=\"a\"") && svg.contains("d=\"M1.0 1.0L2.0 2.2\""), "{svg}");
    }
}
