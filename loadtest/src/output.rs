//! How a scenario tells what it found: as a table for people or as JSON for programs, the same
//! numbers.

use anyhow::Context;
use serde::Serialize;
use std::fmt::Display;
use std::io::Write;

/// The options for that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::Args)]
pub struct Output {
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Output {
    /// Prints a report.
    pub fn print(self, report: &(impl Serialize + Display)) -> anyhow::Result<()> {
        let text = self.render(report)?;
        // Whoever reads it may have gone.
        std::io::stdout().write_all(text.as_bytes()).context("cannot tell what was found")
    }

    fn render(self, report: &(impl Serialize + Display)) -> serde_json::Result<String> {
        if self.json {
            serde_json::to_string_pretty(report).map(|text| text + "\n")
        } else {
            Ok(report.to_string())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct Report {
        count: u64,
    }

    impl Display for Report {
        fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            writeln!(out, "count {}", self.count)
        }
    }

    #[test]
    fn people_get_lines_and_programs_json() {
        let report = Report { count: 3 };
        assert_eq!(Output { json: false }.render(&report).unwrap(), "count 3\n");
        let json = Output { json: true }.render(&report).unwrap();
        assert_eq!(serde_json::from_str::<serde_json::Value>(&json).unwrap()["count"], 3);
    }
}
