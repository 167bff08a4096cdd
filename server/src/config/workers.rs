//! `[workers]`: how many there are, with `min` and `max`, or exactly, with `count`; and the same in one
//! word, for the flag and the short name in the environment.

use super::Setting;
use super::section::NamedSetting;
use serde::{Deserialize, Serialize};
use std::str::FromStr;

/// `[workers]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "Table")]
pub struct Workers {
    /// Workers for single calls: so many work at a time. Bulk and background have others beside them.
    pub min: usize,
    /// The most of them, those included that stand in for others which an attempt holds for more than
    /// a second.
    pub max: usize,
}

impl Default for Workers {
    fn default() -> Self {
        Self { min: 200, max: 1_000 }
    }
}

impl Workers {
    pub(super) fn settings(&mut self) -> Vec<NamedSetting<'_>> {
        vec![("min".to_owned(), &mut self.min), ("max".to_owned(), &mut self.max)]
    }
}

/// The same as a file may say it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    min: Option<usize>,
    max: Option<usize>,
    /// Both at once.
    count: Option<usize>,
}

impl TryFrom<Table> for Workers {
    type Error = &'static str;

    fn try_from(table: Table) -> Result<Self, Self::Error> {
        let usual = Self::default();
        match table {
            Table { min: None, max: None, count: Some(count) } => {
                Ok(Self { min: count, max: count })
            }
            Table { min, max, count: None } => {
                Ok(Self { min: min.unwrap_or(usual.min), max: max.unwrap_or(usual.max) })
            }
            _ => Err("`count` is `min` and `max` at once: say it alone"),
        }
    }
}

/// So many workers, and no more than so many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkerRange {
    /// So many work at a time.
    pub min: usize,
    /// The most, those included that stand in for others.
    pub max: usize,
}

impl WorkerRange {
    /// Has the settings say that.
    pub fn apply(self, workers: &mut Workers) {
        *workers = Workers { min: self.min, max: self.max };
    }
}

impl From<&Workers> for WorkerRange {
    fn from(workers: &Workers) -> Self {
        Self { min: workers.min, max: workers.max }
    }
}

/// `20` is exactly twenty, and nobody stands in for anybody; `20..100` is twenty, and up to a
/// hundred while some of them are held.
impl FromStr for WorkerRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (min, max) = text.split_once("..").unwrap_or((text, text));
        let number = |part: &str| part.parse().ok();
        match (number(min), number(max)) {
            (Some(min), Some(max)) => Ok(Self { min, max }),
            _ => Err(format!("`{text}` is not a number of workers, such as 20 or 20..100")),
        }
    }
}

impl Setting for WorkerRange {
    fn set(&mut self, text: &str) -> Result<(), String> {
        *self = text.parse()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_number_is_exact_and_two_are_a_range() {
        let range = |min, max| Ok(WorkerRange { min, max });
        assert_eq!("20".parse(), range(20, 20));
        assert_eq!("20..100".parse(), range(20, 100));
        for text in ["", "..", "20..", "..20", "20-100", "many", "-1", "1..2..3", "20.."] {
            assert!(text.parse::<WorkerRange>().is_err(), "{text}");
        }
    }
}
