//! What a tenant may do, as a person writes it. Nothing here is enforced.

use clap::Args;
use overtime_protocol::{LANES, Lane, LaneSet, Policy, Rate};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The highest rate, in submissions a second.
const RATE_MAX: f64 = 1e6;

/// What the file says of one tenant.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Limits {
    #[serde(skip_serializing_if = "Option::is_none")]
    rate: Option<Pace>,
    #[serde(skip_serializing_if = "Option::is_none")]
    burst: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    concurrency: Option<u32>,
    lanes: Lanes,
}

impl Default for Limits {
    /// No bounds but one: what is everybody's is not for everybody.
    fn default() -> Self {
        let lanes = LANES.into_iter().filter(|&lane| lane != Lane::Control);
        let lanes = Lanes(lanes.fold(LaneSet::NONE, LaneSet::with));
        Self { rate: None, burst: None, concurrency: None, lanes }
    }
}

/// What is said of a tenant on the command line; what is not said stays as it was.
#[derive(Clone, Debug, Default, PartialEq, Args)]
pub(super) struct Change {
    /// Submissions that the tenant may make: so many a second, minute or hour, or none, which is no
    /// bound
    #[arg(long, value_name = "100/s|6000/m|none")]
    rate: Option<Bound<Pace>>,
    /// Submissions that it may make at once after a rest [default: those of a second]
    #[arg(long, value_name = "COUNT")]
    burst: Option<Count>,
    /// Tasks that it may have under way at a time, or none, which is no bound
    #[arg(long, value_name = "COUNT|none")]
    concurrency: Option<Bound<Count>>,
    /// Lanes that it may use, of interactive, bulk, background, and control, which shows and
    /// repairs what is everybody's [default: all but control]
    #[arg(long, value_name = "LANE,…")]
    lanes: Option<Lanes>,
}

impl Change {
    /// Applies what is said.
    ///
    /// # Errors
    /// If that makes no sense.
    pub(super) fn apply(&self, limits: &mut Limits) -> Result<(), &'static str> {
        if let Some(rate) = self.rate {
            limits.rate = rate.0;
            // A burst was said beside the rate that it was meant for.
            limits.burst = None;
        }
        if let Some(Count(burst)) = self.burst {
            limits.rate.ok_or("a burst needs a rate: the tenant has none")?;
            limits.burst = Some(burst);
        }
        if let Some(concurrency) = self.concurrency {
            limits.concurrency = concurrency.0.map(|Count(count)| count);
        }
        limits.lanes = self.lanes.unwrap_or(limits.lanes);
        Ok(())
    }
}

impl Limits {
    /// What the engine is told.
    pub(super) fn policy(&self) -> Policy {
        let rate = self.rate.map(|pace| {
            let per_second = pace.per_second();
            let burst = self.burst.unwrap_or(per_second.ceil() as u32).max(1);
            Rate { per_second, burst }
        });
        Policy { rate, concurrency: self.concurrency, lanes: self.lanes.0 }
    }
}

/// As it is listed.
impl fmt::Display for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(rate) = self.policy().rate {
            let pace = self.rate.expect("there is a rate");
            write!(f, "{pace}, at once {}; ", rate.burst)?;
        }
        if let Some(concurrency) = self.concurrency {
            write!(f, "{concurrency} under way; ")?;
        }
        write!(f, "lanes {}", self.lanes)
    }
}

/// So many in a unit of time.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
struct Pace {
    count: f64,
    unit: char,
}

impl Pace {
    fn per_second(self) -> f64 {
        self.count / Self::seconds(self.unit).expect("the unit was checked")
    }

    fn seconds(unit: char) -> Option<f64> {
        [('s', 1.0), ('m', 60.0), ('h', 3_600.0)]
            .into_iter()
            .find_map(|(known, seconds)| (known == unit).then_some(seconds))
    }
}

impl FromStr for Pace {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let read = || {
            let (count, unit) = text.split_once('/')?;
            let is_plain = count.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
            let count = count.parse().ok().filter(|_| is_plain)?;
            let unit = unit.parse().ok()?;
            Self::seconds(unit)?;
            let pace = Self { count, unit };
            (pace.per_second() > 0.0 && pace.per_second() <= RATE_MAX).then_some(pace)
        };
        read().ok_or_else(|| {
            format!("`{text}` is no rate, such as 100/s, 6000/m or 0.5/s; at most {RATE_MAX}/s")
        })
    }
}

impl fmt::Display for Pace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.count, self.unit)
    }
}

/// A bound, or `none`.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Bound<T>(Option<T>);

impl<T: FromStr> FromStr for Bound<T> {
    type Err = T::Err;

    fn from_str(text: &str) -> Result<Self, T::Err> {
        if text == "none" { Ok(Self(None)) } else { text.parse().map(|bound| Self(Some(bound))) }
    }
}

/// At least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Count(u32);

impl FromStr for Count {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let count = text.parse().ok().filter(|&count| count > 0);
        count.map(Self).ok_or_else(|| format!("`{text}` is no whole number from 1 on"))
    }
}

/// Some of the lanes, by their names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
struct Lanes(LaneSet);

impl Lanes {
    fn of<'a>(names: impl Iterator<Item = &'a str>) -> Result<Self, String> {
        let lane = |name: &str| Lane::from_name(name).ok_or_else(|| format!("`{name}` is no lane"));
        let all = names.map(lane).try_fold(LaneSet::NONE, |set, lane| Ok(set.with(lane?)));
        all.map(Self)
    }
}

impl FromStr for Lanes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::of(text.split(','))
    }
}

impl TryFrom<Vec<String>> for Lanes {
    type Error = String;

    fn try_from(names: Vec<String>) -> Result<Self, String> {
        Self::of(names.iter().map(String::as_str))
    }
}

impl From<Lanes> for Vec<String> {
    fn from(lanes: Lanes) -> Self {
        lanes.0.iter().map(|lane| lane.name().to_owned()).collect()
    }
}

impl fmt::Display for Lanes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&Vec::from(*self).join(","))
    }
}

impl TryFrom<String> for Pace {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Pace> for String {
    fn from(pace: Pace) -> Self {
        pace.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(pace: &str) -> Rate {
        let rate = Some(pace.parse().unwrap());
        Limits { rate, ..Limits::default() }.policy().rate.unwrap()
    }

    #[test]
    fn a_rate_is_so_many_in_a_unit_of_time() {
        assert_eq!(rate("100/s"), Rate { per_second: 100.0, burst: 100 });
        assert_eq!(rate("6000/m"), Rate { per_second: 100.0, burst: 100 });
        assert_eq!(rate("0.5/s"), Rate { per_second: 0.5, burst: 1 });
        assert_eq!(rate("36/h"), Rate { per_second: 0.01, burst: 1 });
        for text in ["", "100", "100/d", "0/s", "-1/s", "1e3/s", "inf/s", "NaN/s", "2000000/s"] {
            assert!(text.parse::<Pace>().is_err(), "{text}");
        }
        for text in ["100/s", "6000/m", "0.5/h"] {
            assert_eq!(text.parse::<Pace>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_said_last_counts_and_what_is_not_said_stays() {
        let mut limits = Limits::default();
        let all_but_control = "interactive,bulk,background".parse::<Lanes>().unwrap();
        assert_eq!(limits.lanes, all_but_control);
        let apply = |limits: &mut Limits, change: Change| change.apply(limits);
        let rate = Some("100/s".parse().unwrap());
        let burst = Some(Count(500));
        apply(&mut limits, Change { rate, burst, ..Change::default() }).unwrap();
        assert_eq!(limits.policy().rate, Some(Rate { per_second: 100.0, burst: 500 }));
        let concurrency = Some("7".parse().unwrap());
        apply(&mut limits, Change { concurrency, ..Change::default() }).unwrap();
        assert_eq!(
            limits.to_string(),
            "100/s, at once 500; 7 under way; lanes interactive,bulk,background"
        );
        let none = Some("none".parse().unwrap());
        apply(&mut limits, Change { rate: none, ..Change::default() }).unwrap();
        assert_eq!((limits.policy().rate, limits.policy().concurrency), (None, Some(7)));
        let refused = apply(&mut limits, Change { burst, ..Change::default() });
        assert!(refused.unwrap_err().contains("needs a rate"));
    }

    #[test]
    fn lanes_are_known_by_name() {
        assert_eq!("control".parse::<Lanes>().unwrap().to_string(), "control");
        assert!("interactive,fast".parse::<Lanes>().unwrap_err().contains("`fast`"));
        assert!("".parse::<Lanes>().is_err());
        assert!("0".parse::<Count>().is_err());
    }
}
