//! How a scenario that can be drawn tells what it found: to people or programs, and as a page if one
//! is wanted. What the page shows is the scenario's own.

use crate::bar::{Bar, verdict};
use crate::output::Output;
use crate::report::Page;
use crate::verdict::Verdict;
use serde::Serialize;
use std::fmt::Display;
use std::path::PathBuf;

/// The options for that.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Telling {
    /// Write a page there.
    #[arg(long)]
    html: Option<PathBuf>,
    #[command(flatten)]
    output: Output,
}

impl Telling {
    /// Prints a report, and draws it if a page is wanted.
    pub fn tell(
        &self,
        report: &(impl Serialize + Display),
        draw: impl FnOnce() -> Page,
    ) -> anyhow::Result<()> {
        self.output.print(report)?;
        self.html.as_ref().map_or(Ok(()), |path| draw().write(path))
    }

    /// The same with the bars below it on the page, and whether they are met.
    pub fn judge(
        &self,
        report: &(impl Serialize + Display),
        bars: &[Bar],
        draw: impl FnOnce() -> Page,
    ) -> anyhow::Result<Verdict> {
        let with_bars = || {
            let mut page = draw();
            page.bars(bars);
            page
        };
        self.tell(report, with_bars)?;
        Ok(verdict(bars))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::Figures;

    #[test]
    fn a_page_is_drawn_only_where_one_is_wanted_and_has_the_bars() {
        let mut figures = Figures::default();
        figures.hold(Bar::none("lost", 1));
        let judge = |telling: &Telling, draw: fn() -> Page| {
            telling.judge(&figures, figures.bars(), draw).unwrap()
        };
        let nobody = || unreachable!("no page is wanted");
        assert_eq!(judge(&Telling::default(), nobody), Verdict::Missed);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.html");
        let telling = Telling { html: Some(path.clone()), ..Telling::default() };
        assert_eq!(judge(&telling, || Page::new("Drawn", "")), Verdict::Missed);
        let html = std::fs::read_to_string(path).unwrap();
        assert!(html.contains("Drawn") && html.contains("lost"), "{html}");
    }
}
