//! Spans of time with their unit, such as `250ms`. There is no default unit to get wrong.

use super::setting::Setting;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// The units, largest first, with their length in microseconds.
const UNITS: [(&str, u64); 6] = [
    ("d", 86_400_000_000),
    ("h", 3_600_000_000),
    ("m", 60_000_000),
    ("s", 1_000_000),
    ("ms", 1_000),
    ("us", 1),
];

/// A span of whole microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Span(pub Duration);

impl Span {
    /// So many days.
    pub const fn days(count: u64) -> Self {
        Self(Duration::from_secs(count * 86_400))
    }

    /// So many seconds.
    pub const fn seconds(count: u64) -> Self {
        Self(Duration::from_secs(count))
    }

    /// So many milliseconds.
    pub const fn millis(count: u64) -> Self {
        Self(Duration::from_millis(count))
    }

    /// So many microseconds.
    pub const fn micros(count: u64) -> Self {
        Self(Duration::from_micros(count))
    }
}

impl FromStr for Span {
    type Err = String;

    /// Reads digits and a unit, with nothing between or around them.
    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (count, unit) = text.split_at(digits);
        let unit = UNITS.iter().find(|(name, _)| *name == unit);
        let micros = count.parse::<u64>().ok().zip(unit);
        match micros.and_then(|(count, (_, micros))| count.checked_mul(*micros)) {
            Some(micros) => Ok(Self(Duration::from_micros(micros))),
            None => {
                Err(format!("`{text}` is not a span of time, such as 10s, 250ms, 50us, 1h or 7d"))
            }
        }
    }
}

/// The form that is read, in the largest unit that is exact.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.0.as_micros();
        if micros == 0 {
            return f.write_str("0s");
        }
        let (name, unit) = UNITS
            .into_iter()
            .find(|(_, unit)| micros.is_multiple_of(u128::from(*unit)))
            .expect("one microsecond divides every count of them");
        write!(f, "{}{name}", micros / u128::from(unit))
    }
}

impl TryFrom<String> for Span {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Span> for String {
    fn from(span: Span) -> Self {
        span.to_string()
    }
}

impl Setting for Span {
    fn set(&mut self, text: &str) -> Result<(), String> {
        *self = text.parse()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_and_written_with_their_unit() {
        for (text, micros, written) in [
            ("0us", 0, "0s"),
            ("50us", 50, "50us"),
            ("1500us", 1_500, "1500us"),
            ("250ms", 250_000, "250ms"),
            ("1000ms", 1_000_000, "1s"),
            ("90s", 90_000_000, "90s"),
            ("60s", 60_000_000, "1m"),
            ("007m", 420_000_000, "7m"),
            ("2h", 7_200_000_000, "2h"),
            ("48h", 172_800_000_000, "2d"),
        ] {
            let span: Span = text.parse().unwrap();
            assert_eq!(span.0, Duration::from_micros(micros), "{text}");
            assert_eq!(span.to_string(), written);
            assert_eq!(written.parse(), Ok(span));
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "10",
            "s",
            "-1s",
            "+1s",
            "1.5s",
            "1 s",
            " 1s",
            "1s ",
            "1S",
            "1min",
            "1s1ms",
            "1w",
            "1µs",
            "١s",
            "99999999999999999999s",
            "18446744073709551615h",
        ] {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
    }
}
