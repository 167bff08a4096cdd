//! What a run has shown: figures by name, in the order in which they are told, and the bars. People
//! get a line for each, programs the same as JSON.

use crate::bar::{Bar, verdict, write_bars};
use crate::output::Output;
use crate::verdict::Verdict;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};
use std::fmt::{Display, Formatter};

/// Figures and bars.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    lines: Vec<Line>,
    bars: Vec<Bar>,
}

#[derive(Clone, Debug)]
struct Line {
    name: &'static str,
    /// What the value is in; what is told of it says so itself.
    unit: Option<&'static str>,
    told: String,
    value: Value,
}

impl Figures {
    /// Adds a figure.
    pub fn tell(&mut self, name: &'static str, figure: impl Display + Serialize) {
        let value = serde_json::to_value(&figure).unwrap_or(Value::Null);
        self.lines.push(Line { name, unit: None, told: figure.to_string(), value });
    }

    /// Adds a span, in seconds.
    pub fn tell_seconds(&mut self, name: &'static str, span: std::time::Duration) {
        let seconds = span.as_secs_f64();
        let (told, value) = (format!("{seconds:.3} s"), seconds.into());
        self.lines.push(Line { name, unit: Some("s"), told, value });
    }

    /// Adds a bar.
    pub fn hold(&mut self, bar: Bar) {
        self.bars.push(bar);
    }

    /// All bars so far.
    pub fn bars(&self) -> &[Bar] {
        &self.bars
    }

    /// Prints all and says whether the bars are met.
    pub fn print(&self, output: Output) -> anyhow::Result<Verdict> {
        output.print(self)?;
        Ok(verdict(&self.bars))
    }
}

impl Display for Figures {
    fn fmt(&self, out: &mut Formatter<'_>) -> std::fmt::Result {
        let width = self.lines.iter().map(|line| line.name.len()).max().unwrap_or(0);
        for Line { name, told, .. } in &self.lines {
            writeln!(out, "{name:<width$}  {told}")?;
        }
        write_bars(out, &self.bars)
    }
}

impl Serialize for Figures {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let named = |Line { name, unit, value, .. }: &Line| {
            let words = std::iter::once(*name).chain(*unit).flat_map(|text| text.split(' '));
            (words.collect::<Vec<_>>().join("_"), value.clone())
        };
        let mut document: Map<String, Value> = self.lines.iter().map(named).collect();
        let bars = serde_json::to_value(&self.bars).map_err(serde::ser::Error::custom)?;
        document.insert("bars".to_owned(), bars);
        document.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn lines_are_aligned_and_documents_have_the_same_figures() {
        let mut figures = Figures::default();
        figures.tell("first answer", 3);
        figures.tell_seconds("ready", Duration::from_millis(1_500));
        figures.hold(Bar::none("lost", 0));
        let told = "first answer  3\nready         1.500 s\nmet    lost: 0 (at most 0)\n";
        assert_eq!(figures.to_string(), told);
        let document = serde_json::to_value(&figures).unwrap();
        assert_eq!((&document["first_answer"], &document["ready_s"]), (&3.into(), &1.5.into()));
        assert_eq!(document["bars"][0]["is_met"], true);
        assert_eq!(figures.print(Output::default()).unwrap(), Verdict::Met);
    }
}
