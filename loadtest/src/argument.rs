//! The words of the command line that clap does not know: spans of time, sizes and loopback
//! addresses.
//! An address that is not loopback is refused, because a load generator is a weapon elsewhere.

use std::net::SocketAddr;
use std::time::Duration;

/// A span such as `250ms`, `3s` or `2m`.
pub fn span(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let number: u64 =
        digits.parse().map_err(|_| format!("{text:?} is not like 250ms, 3s or 2m"))?;
    match &text[digits.len()..] {
        "ms" => Ok(Duration::from_millis(number)),
        "s" => Ok(Duration::from_secs(number)),
        "m" => number.checked_mul(60).map(Duration::from_secs).ok_or("too long".into()),
        _ => Err(format!("{text:?} needs a unit: ms, s or m")),
    }
}

/// A span with a unit, or a number of seconds.
pub fn seconds(text: &str) -> Result<Duration, String> {
    text.parse().map(Duration::from_secs).or_else(|_| span(text))
}

/// A rate such as `500/s`, or a number a second.
pub fn per_second(text: &str) -> Result<f64, String> {
    let number: Result<f64, _> = text.strip_suffix("/s").unwrap_or(text).parse();
    match number {
        Ok(rate) if rate.is_finite() && rate > 0.0 => Ok(rate),
        _ => Err(format!("{text:?} is not like 500/s")),
    }
}

/// A number of bytes such as `512`, `64KB` or `5MB`, in thousands.
pub fn size(text: &str) -> Result<usize, String> {
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let number: usize =
        digits.parse().map_err(|_| format!("{text:?} is not like 512, 64KB or 5MB"))?;
    let unit = match &text[digits.len()..] {
        "" | "B" => 1,
        "KB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        _ => return Err(format!("{text:?} needs a unit: KB, MB or GB")),
    };
    number.checked_mul(unit).ok_or("too large".into())
}

/// An address such as `127.0.0.1:7070`, `[::1]:7070` or `localhost:7070`.
pub fn loopback(text: &str) -> Result<SocketAddr, String> {
    let numeric = text.replacen("localhost:", "127.0.0.1:", 1);
    let address: SocketAddr =
        numeric.parse().map_err(|_| format!("{text:?} is not like 127.0.0.1:7070"))?;
    if address.ip().is_loopback() {
        Ok(address)
    } else {
        Err(format!("{} is not a loopback address; load is for this machine only", address.ip()))
    }
}

/// The options that a scenario has with these words behind its name.
#[cfg(test)]
pub(crate) fn options<O: clap::Args>(words: &[&str]) -> O {
    let command = O::augment_args(clap::Command::new("scenario")).no_binary_name(true);
    O::from_arg_matches(&command.get_matches_from(words)).expect("they were just read")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_units() {
        assert_eq!(span("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(span("3s"), Ok(Duration::from_secs(3)));
        assert_eq!(span("2m"), Ok(Duration::from_secs(120)));
        for wrong in ["", "3", "s", "-1s", "1h", "1.5s", "99999999999999999999s"] {
            assert!(span(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn seconds_need_no_unit() {
        assert_eq!(seconds("8"), Ok(Duration::from_secs(8)));
        assert_eq!(seconds("250ms"), Ok(Duration::from_millis(250)));
        assert!(seconds("1.5").is_err());
    }

    #[test]
    fn rates_are_above_nothing() {
        assert_eq!((per_second("500/s"), per_second("0.5")), (Ok(500.0), Ok(0.5)));
        for wrong in ["", "/s", "0/s", "-1", "inf", "5/m"] {
            assert!(per_second(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn sizes_are_in_thousands() {
        assert_eq!(size("512"), Ok(512));
        assert_eq!(size("64KB"), Ok(64_000));
        assert_eq!(size("5MB"), Ok(5_000_000));
        for wrong in ["", "MB", "-1KB", "5mb", "5MiB", "99999999999999999999GB"] {
            assert!(size(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn only_loopback_is_a_target() {
        for right in ["127.0.0.1:7070", "127.9.9.9:1", "[::1]:7070", "localhost:7070"] {
            assert!(loopback(right).is_ok(), "{right:?}");
        }
        for wrong in ["10.0.0.1:7070", "0.0.0.0:7070", "[::]:7070", "example.com:80", "127.0.0.1"] {
            assert!(loopback(wrong).is_err(), "{wrong:?}");
        }
    }
}
