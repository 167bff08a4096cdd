//! Points in time as files have them: RFC 3339 with any fraction and offset, or seconds of unix time.

use overtime_protocol::UnixMillis;

/// Behind the year 9999: whoever means milliseconds has written more.
const SECONDS_MAX: f64 = 253_402_300_799.0;

/// The moment, if the text is one.
pub(super) fn read(text: &str) -> Option<UnixMillis> {
    unix(text).or_else(|| rfc3339(text))
}

fn unix(text: &str) -> Option<UnixMillis> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let seconds: f64 = text.parse().ok().filter(|_| is_plain)?;
    (seconds <= SECONDS_MAX).then(|| UnixMillis((seconds * 1_000.0).round() as u64))
}

fn rfc3339(text: &str) -> Option<UnixMillis> {
    let (date, rest) = text.split_at_checked(19)?;
    let (day, time) = (date.get(..10)?, date.get(11..)?);
    if !date.get(10..11)?.contains(['T', 't', ' ']) {
        return None;
    }
    let whole: UnixMillis = format!("{day}T{time}Z").parse().ok()?;
    let zone = rest.find(['Z', 'z', '+', '-'])?;
    let (fraction, zone) = rest.split_at(zone);
    let utc = i64::try_from(whole.0).ok()? + fraction_ms(fraction)? - offset_ms(zone)?;
    u64::try_from(utc).ok().map(UnixMillis)
}

fn fraction_ms(text: &str) -> Option<i64> {
    let Some(digits) = text.strip_prefix('.') else { return text.is_empty().then_some(0) };
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| format!("{digits:0<3}")[..3].parse().ok())?
}

fn offset_ms(zone: &str) -> Option<i64> {
    let sign = match zone.get(..1)? {
        "Z" | "z" => return (zone.len() == 1).then_some(0),
        "+" => 1,
        _ => -1,
    };
    let (hours, minutes) = zone.get(1..)?.split_once(':')?;
    let two = |text: &str, below: i64| {
        let is_number = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|number: &i64| is_number && *number < below)
    };
    Some(sign * (two(hours, 24)? * 60 + two(minutes, 60)?) * 60_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_read_in_each_form_and_what_is_none_is_not_guessed_at() {
        let at = Some(UnixMillis(1_795_000_000_250));
        for text in [
            "1795000000.25",
            "2026-11-18T11:06:40.25Z",
            "2026-11-18t11:06:40.250999999z",
            "2026-11-18 12:36:40.250+01:30",
            "2026-11-18T03:06:40.250-08:00",
        ] {
            assert_eq!(read(text), at, "{text}");
        }
        assert_eq!(read("0"), Some(UnixMillis(0)));
        for text in [
            "",
            ".",
            "-1",
            "1e9",
            "1795000000250",
            "2026-11-18",
            "2026-11-18T11:06:40",
            "2026-11-18T11:06:40.Z",
            "2026-11-18T11:06:40+1:00",
            "2026-11-18T11:06:40+01:60",
            "2026-11-18T11:06:40Zx",
            "2026-02-30T11:06:40Z",
            "1970-01-01T00:00:00+00:01",
            "2026-11-18x11:06:40Z",
            "2026-11-18T11:06:4é0Z",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
