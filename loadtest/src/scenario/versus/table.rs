//! The figures of all runs, their medians, and what is divided by what.

use crate::measurement::Summary;
use serde::Serialize;
use serde::ser::SerializeStruct;
use std::fmt::{Display, Formatter};

/// One server and its runs, in order.
#[derive(Debug, Serialize)]
struct Row {
    server: &'static str,
    median: Figures,
    runs: Vec<Summary>,
}

/// The figures that are compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
struct Figures {
    rate: f64,
    p50_ms: f64,
    p99_ms: f64,
    p999_ms: f64,
}

/// A rate divided by another.
#[derive(Debug, PartialEq, Serialize)]
struct Ratio {
    of: &'static str,
    to: &'static str,
    rate: f64,
    p50: f64,
}

#[derive(Debug)]
pub(super) struct Table {
    rows: Vec<Row>,
}

impl Serialize for Table {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut table = serializer.serialize_struct("Table", 2)?;
        table.serialize_field("servers", &self.rows)?;
        table.serialize_field("ratios", &self.ratios())?;
        table.end()
    }
}

impl Table {
    pub(super) fn new(servers: &[&'static str]) -> Self {
        let row =
            |server: &&'static str| Row { server, median: Figures::default(), runs: Vec::new() };
        Self { rows: servers.iter().map(row).collect() }
    }

    pub(super) fn add(&mut self, server: &str, summary: Summary) {
        if let Some(row) = self.rows.iter_mut().find(|row| row.server == server) {
            row.runs.push(summary);
            row.median = medians(&row.runs);
        }
    }

    pub(super) fn error_count(&self) -> u64 {
        self.rows.iter().flat_map(|row| &row.runs).map(Summary::error_count).sum()
    }

    /// Each server to each that comes after it.
    fn ratios(&self) -> Vec<Ratio> {
        let mut ratios = Vec::new();
        for (place, row) in self.rows.iter().enumerate() {
            ratios.extend(self.rows[place + 1..].iter().map(|other| Ratio {
                of: row.server,
                to: other.server,
                rate: row.median.rate / other.median.rate,
                p50: row.median.p50_ms / other.median.p50_ms,
            }));
        }
        ratios
    }
}

fn medians(runs: &[Summary]) -> Figures {
    Figures {
        rate: median(runs, |run| run.rate),
        p50_ms: median(runs, |run| run.latency.p50_ms),
        p99_ms: median(runs, |run| run.latency.p99_ms),
        p999_ms: median(runs, |run| run.latency.p999_ms),
    }
}

fn median(runs: &[Summary], figure: impl Fn(&Summary) -> f64) -> f64 {
    let mut figures: Vec<f64> = runs.iter().map(figure).collect();
    figures.sort_by(f64::total_cmp);
    let middle = figures.len() / 2;
    if figures.len().is_multiple_of(2) {
        (figures[middle - 1] + figures[middle]) / 2.0
    } else {
        figures[middle]
    }
}

impl Display for Table {
    fn fmt(&self, out: &mut Formatter<'_>) -> std::fmt::Result {
        writeln!(
            out,
            "{:<10}{:>7}{:>12}{:>10}{:>10}{:>10}{:>8}",
            "", "run", "rate/s", "p50 ms", "p99 ms", "p99.9 ms", "errors"
        )?;
        for row in &self.rows {
            for (run, summary) in row.runs.iter().enumerate() {
                let figures = medians(std::slice::from_ref(summary));
                write_line(out, row.server, &(run + 1).to_string(), figures)?;
                writeln!(out, "{:>8}", summary.error_count())?;
            }
        }
        for row in &self.rows {
            write_line(out, row.server, "median", row.median)?;
            writeln!(out)?;
        }
        for Ratio { of, to, rate, p50 } in self.ratios() {
            writeln!(out, "{of}/{to}: {rate:.2} of its rate, {p50:.2} of its p50")?;
        }
        Ok(())
    }
}

fn write_line(
    out: &mut Formatter<'_>,
    name: &str,
    run: &str,
    figures: Figures,
) -> std::fmt::Result {
    let Figures { rate, p50_ms, p99_ms, p999_ms } = figures;
    write!(out, "{name:<10}{run:>7}{rate:>12.0}{p50_ms:>10.3}{p99_ms:>10.3}{p999_ms:>10.3}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::latency::Quantiles;

    fn summary(rate: f64) -> Summary {
        let latency = Quantiles { p50_ms: 1_000.0 / rate, ..Quantiles::default() };
        Summary { rate, latency, ..Summary::default() }
    }

    #[test]
    fn medians_are_of_the_runs_and_ratios_of_the_medians() {
        let mut table = Table::new(&["one", "two"]);
        for rate in [90.0, 1_000.0, 100.0] {
            table.add("one", summary(rate));
        }
        for rate in [150.0, 250.0] {
            table.add("two", summary(rate));
        }
        assert_eq!(table.rows[0].median.rate, 100.0);
        assert_eq!(table.rows[1].median.rate, 200.0);
        let ratios = table.ratios();
        assert_eq!((ratios.len(), ratios[0].of, ratios[0].to), (1, "one", "two"));
        assert_eq!(ratios[0].rate, 0.5);
    }
}
