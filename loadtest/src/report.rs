//! A report as one page of HTML that needs nothing else: a story, plots, a table, the bars, and how
//! to repeat it. It shows what was measured and judges nothing.

mod axis;
mod canvas;
mod chapters;
mod chart;
mod frame;
mod machine;
mod over_time;
mod percentiles;
mod series;

pub use chapters::{ChapterHead, fragment};
pub use chart::{Chart, Curve};
pub use series::{Dash, Phase, Picture, Series, Tone};

use crate::bar::Bar;
use crate::latency::Latency;
use anyhow::Context;
use canvas::escape;
use std::fmt::Write;
use std::path::Path;

const STYLE: &str = include_str!("report/style.css");

/// A page in the making.
#[derive(Debug)]
pub struct Page {
    title: String,
    main: String,
}

/// A number worth a large font.
#[derive(Clone, Debug)]
pub struct Headline {
    /// The number with its unit.
    pub figure: String,
    /// What it is.
    pub caption: String,
    /// The colour of what it is about.
    pub tone: Tone,
}

impl Page {
    /// A page with a title and a paragraph that tells what happened.
    pub fn new(title: &str, story: &str) -> Self {
        let main = format!(
            "<header><h1>{}</h1><p class=\"story\">{}</p></header>\n",
            escape(title),
            escape(story)
        );
        Self { title: title.to_owned(), main }
    }

    /// Numbers in a large font.
    pub fn headlines(&mut self, headlines: &[Headline]) {
        self.main.push_str("<section class=\"headlines\">\n");
        for Headline { figure, caption, tone } in headlines {
            self.add(format_args!(
                "<div class=\"headline {}\"><b>{}</b><span>{}</span></div>\n",
                tone.class(),
                escape(figure),
                escape(caption)
            ));
        }
        self.main.push_str("</section>\n");
    }

    /// The two plots of a picture: over time, and by percentile.
    pub fn picture(&mut self, picture: &Picture) {
        let over_time = "Every tenth of a second: the line is the median, the band reaches up to \
                         the 99th percentile, the dots are the slowest answers.";
        self.figure("Latency over time", over_time, &over_time::draw(picture));
        let percentiles = "How long the slowest had to wait: each step to the right is ten times \
                           as rare.";
        self.figure("Latency by percentile", percentiles, &percentiles::draw(picture));
    }

    /// A plot of anything over time.
    pub fn chart(&mut self, chart: &Chart) {
        self.figure(&chart.title, &chart.caption, &chart::draw(chart));
    }

    fn figure(&mut self, title: &str, caption: &str, svg: &str) {
        self.add(format_args!(
            "<figure><figcaption><h2>{}</h2><p>{}</p></figcaption>\n{svg}</figure>\n",
            escape(title),
            escape(caption)
        ));
    }

    /// A table; the first column names the row.
    pub fn table(&mut self, columns: &[&str], rows: &[Vec<String>]) {
        self.main.push_str("<section class=\"table\"><table><thead><tr>");
        for column in columns {
            self.add(format_args!("<th>{}</th>", escape(column)));
        }
        self.main.push_str("</tr></thead><tbody>\n");
        for row in rows {
            self.main.push_str("<tr>");
            for cell in row {
                self.add(format_args!("<td>{}</td>", escape(cell)));
            }
            self.main.push_str("</tr>\n");
        }
        self.main.push_str("</tbody></table></section>\n");
    }

    /// What had to be met.
    pub fn bars(&mut self, bars: &[Bar]) {
        if bars.is_empty() {
            return;
        }
        self.main.push_str("<section><h2>What had to be met</h2><ul class=\"bars\">\n");
        for bar in bars {
            let class = if bar.is_met { "met" } else { "missed" };
            let told = escape(&bar.told());
            self.add(format_args!("<li class=\"{class}\">{told}</li>\n"));
        }
        self.main.push_str("</ul></section>\n");
    }

    /// Ends the page with how to repeat it, and writes it.
    pub fn write(mut self, path: &Path) -> anyhow::Result<()> {
        let (command, machine) = (machine::command(), machine::machine());
        self.add(format_args!(
            "<footer><h2>To repeat it</h2><pre>{}</pre><p>{}</p></footer>\n",
            escape(&command),
            escape(&machine)
        ));
        let page = format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <title>{}</title>\n<style>\n{STYLE}</style>\n</head>\n<body id=\"top\">\n<main>\n{}</main>\n\
             </body>\n</html>\n",
            escape(&self.title),
            self.main
        );
        std::fs::write(path, page).with_context(|| format!("cannot write {}", path.display()))?;
        eprintln!("report in {}", path.display());
        Ok(())
    }

    fn add(&mut self, arguments: std::fmt::Arguments<'_>) {
        self.main.write_fmt(arguments).expect("a string takes all that is written");
    }
}

/// A quantile as a person says it; of nothing there is none.
pub fn spoken_quantile(latency: &Latency, quantile: f64) -> String {
    if latency.count() == 0 { "–".to_owned() } else { spoken_ms(latency.at_ms(quantile)) }
}

/// A span of milliseconds as a person says it.
pub fn spoken_ms(ms: f64) -> String {
    match ms {
        ms if ms >= 9_950.0 => format!("{:.0} s", ms / 1e3),
        ms if ms >= 999.5 => format!("{:.1} s", ms / 1e3),
        ms if ms >= 99.5 => format!("{ms:.0} ms"),
        ms if ms >= 9.95 => format!("{ms:.1} ms"),
        ms => format!("{ms:.2} ms"),
    }
}

/// A number with its thousands apart.
pub fn spoken_count(count: f64) -> String {
    let digits = format!("{count:.0}");
    let mut told = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            told.push(',');
        }
        told.push(digit);
    }
    told
}

#[cfg(test)]
mod tests;
