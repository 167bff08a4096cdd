//! Query parameters, strict: an unknown, doubled or malformed one is a problem that names it, for
//! a parameter that is quietly ignored is a promise that is quietly broken.

use super::percent::decoded;
use super::{DELAY_MAX, SECONDS_MAX};
use crate::problem::{Code, Problem};
use std::time::Duration;

/// The longest part of a parameter's name that a problem repeats.
const NAME_SHOWN_CHARS: usize = 40;

/// The parameters that some call has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Parameters {
    pub(super) wait: Option<Duration>,
    pub(super) delay: Option<Duration>,
}

/// Which parameters a call has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// None.
    Nothing,
    /// `wait`
    Wait,
    /// `wait` and `delay`
    WaitAndDelay,
}

impl Parameters {
    pub(super) fn of(query: Option<&str>, known: Known) -> Result<Self, Problem> {
        let mut parameters = Self::default();
        let Some(query) = query.filter(|query| !query.is_empty()) else {
            return Ok(parameters);
        };
        for pair in query.split('&') {
            parameters.take(pair, known)?;
        }
        Ok(parameters)
    }

    fn take(&mut self, pair: &str, known: Known) -> Result<(), Problem> {
        let (raw_name, raw_value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = decoded(raw_name).ok_or_else(|| refused(raw_name, "is malformed"))?;
        let (slot, most) = match (&*name, known) {
            ("wait", Known::Wait | Known::WaitAndDelay) => {
                (&mut self.wait, Duration::from_secs(SECONDS_MAX))
            }
            ("delay", Known::WaitAndDelay) => (&mut self.delay, DELAY_MAX),
            _ => return Err(refused(&name, "is unknown here")),
        };
        if slot.is_some() {
            return Err(refused(&name, "stands twice"));
        }
        let span = decoded(raw_value).as_deref().and_then(span);
        let span = span.ok_or_else(|| {
            refused(&name, "must be a whole number and a unit: `ms`, `s` or `m`, as in `250ms`")
        })?;
        if span > most {
            return Err(refused(&name, "is too long"));
        }
        *slot = Some(span);
        Ok(())
    }
}

pub(super) fn refused(name: &str, why: &str) -> Problem {
    let shown: String = name.chars().take(NAME_SHOWN_CHARS).collect();
    Problem::new(Code::MalformedParameter, format!("The query parameter `{shown}` {why}."))
}

/// A whole number of at most 15 digits and its unit.
fn span(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit())?);
    if digits.len() > 15 {
        return None;
    }
    let count: u64 = digits.parse().ok()?;
    match unit {
        "ms" => Some(Duration::from_millis(count)),
        "s" => Some(Duration::from_secs(count)),
        "m" => Some(Duration::from_secs(count * 60)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(query: &str, wait_ms: Option<u64>, delay_ms: Option<u64>) {
        let expected = Parameters {
            wait: wait_ms.map(Duration::from_millis),
            delay: delay_ms.map(Duration::from_millis),
        };
        assert_eq!(Parameters::of(Some(query), Known::WaitAndDelay), Ok(expected), "{query}");
    }

    #[test]
    fn spans_have_units() {
        check("", None, None);
        check("wait=250ms", Some(250), None);
        check("wait=5s&delay=1m", Some(5_000), Some(60_000));
        check("delay=0ms", None, Some(0));
        check("w%61it=5%73", Some(5_000), None);
        check("wait=2147483648s", Some(2_147_483_648_000), None);
        check("delay=527040m", None, Some(366 * 86_400_000));
    }

    fn check_refused(query: &str, known: Known, named: &str) {
        let problem = Parameters::of(Some(query), known).expect_err(query);
        assert_eq!(problem.code, Code::MalformedParameter, "{query}");
        assert!(problem.detail.contains(&format!("`{named}`")), "{query}: {}", problem.detail);
    }

    #[test]
    fn a_refusal_names_the_parameter() {
        for value in [
            "",
            "5",
            "0",
            "s",
            "-1s",
            "+1s",
            "1.5s",
            "1h",
            "5S",
            "5 s",
            "1s1",
            "ä",
            "%ff",
            "%",
            "5%",
            "2147483649s",
            "99999999999999999999s",
            "999999999999999m",
        ] {
            check_refused(&format!("wait={value}"), Known::Wait, "wait");
        }
        check_refused("wait", Known::Wait, "wait");
        check_refused("wait=1s&wait=1s", Known::Wait, "wait");
        check_refused("delay=31622400001ms", Known::WaitAndDelay, "delay");
        check_refused("wait=1s&dealy=1s", Known::WaitAndDelay, "dealy");
        check_refused("Wait=1s", Known::Wait, "Wait");
        check_refused("delay=1s", Known::Wait, "delay");
        check_refused("wait=1s", Known::Nothing, "wait");
        check_refused("wait=1s&", Known::Wait, "");
        check_refused("&", Known::Wait, "");
        check_refused("a%zz=1", Known::Wait, "a%zz");
        check_refused(&"x".repeat(5_000), Known::Wait, &"x".repeat(NAME_SHOWN_CHARS));
    }
}
