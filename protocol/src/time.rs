//! Points in time, passed in as values. Spans use the monotonic clock; what a person reads or a
//! disk keeps uses unix time. The calendar is the proleptic Gregorian one, always UTC.

use std::fmt;
use std::ops::{Add, Sub};
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A point on the monotonic clock, in nanoseconds since the process chose its zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Monotonic(pub u64);

impl Monotonic {
    /// The span from `earlier` to this point; zero if `earlier` is in fact later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Monotonic {
    type Output = Self;

    fn add(self, span: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)))
    }
}

impl Sub for Monotonic {
    type Output = Duration;

    fn sub(self, earlier: Self) -> Duration {
        self.since(earlier)
    }
}

/// A point in unix time, in milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixMillis(pub u64);

impl UnixMillis {
    /// The span from `earlier` to this point; zero if the clock was set back between them.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// Writes the point as an IMF-fixdate (RFC 9110, section 5.6.7), as in the `Date` field.
    pub fn write_http_date(self, out: &mut impl fmt::Write) -> fmt::Result {
        const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
        let c = Civil::from(self);
        let day_name = DAYS[(self.0 / Civil::DAY_MS % 7) as usize];
        let month_name = MONTHS[c.month as usize - 1];
        write!(
            out,
            "{day_name}, {:02} {month_name} {:04} {:02}:{:02}:{:02} GMT",
            c.day, c.year, c.hour, c.minute, c.second
        )
    }

    /// Reads an IMF-fixdate, as it is written above; `None` for anything else.
    pub fn from_http_date(text: &str) -> Option<Self> {
        let month = MONTHS.iter().position(|month| text.get(8..11) == Some(month))? as u64 + 1;
        let (day, year) = (text.get(5..7)?, text.get(12..16)?);
        let at: Self = format!("{year}-{month:02}-{day}T{}Z", text.get(17..25)?).parse().ok()?;
        let mut known = String::with_capacity(text.len());
        at.write_http_date(&mut known).ok()?;
        (known == text).then_some(at)
    }
}

/// As HTTP dates name them.
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

impl Add<Duration> for UnixMillis {
    type Output = Self;

    fn add(self, span: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(span.as_millis()).unwrap_or(u64::MAX)))
    }
}

/// RFC 3339 with milliseconds: `2026-11-21T02:14:50.000Z`.
impl fmt::Display for UnixMillis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let c = Civil::from(*self);
        write!(
            f,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
            c.year, c.month, c.day, c.hour, c.minute, c.second, c.milli
        )
    }
}

/// A text is no moment of RFC 3339 in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoMoment;

impl fmt::Display for NoMoment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("this is not a moment since 1970 in UTC, such as 2027-01-01T00:00:00Z")
    }
}

impl std::error::Error for NoMoment {}

/// Reads what is written above; the milliseconds may be left out.
impl FromStr for UnixMillis {
    type Err = NoMoment;

    fn from_str(text: &str) -> Result<Self, NoMoment> {
        let at = Civil::read(text).and_then(|civil| civil.at()).ok_or(NoMoment)?;
        // A day that its month has not becomes one of the next month.
        let known = at.to_string();
        let same = known == text || known.strip_suffix(".000Z") == text.strip_suffix('Z');
        if same { Ok(at) } else { Err(NoMoment) }
    }
}

/// One reading of both clocks: the only time the engine ever sees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// For spans: deadlines, back-off, ages.
    pub monotonic: Monotonic,
    /// For what is shown and stored.
    pub unix: UnixMillis,
}

/// The clock of one process: every thread that shares a copy shares the monotonic zero.
#[derive(Clone, Copy, Debug)]
pub struct Clock(Source);

#[derive(Clone, Copy, Debug)]
enum Source {
    /// The operating system's clocks, and which moment is zero.
    System(Instant),
    /// What somebody has set.
    Dial(&'static Dial),
}

/// What a clock shows that a simulation sets.
#[derive(Debug, Default)]
pub struct Dial {
    monotonic: AtomicU64,
    unix: AtomicU64,
}

impl Dial {
    /// Sets both clocks.
    pub fn set(&self, now: Now) {
        self.monotonic.store(now.monotonic.0, Ordering::Relaxed);
        self.unix.store(now.unix.0, Ordering::Relaxed);
    }
}

impl Clock {
    /// A clock whose monotonic zero is this moment.
    pub fn start() -> Self {
        Self(Source::System(Instant::now()))
    }

    /// A clock that shows what `dial` was set to last.
    pub fn of(dial: &'static Dial) -> Self {
        Self(Source::Dial(dial))
    }

    /// Reads the monotonic clock only.
    pub fn monotonic(&self) -> Monotonic {
        Monotonic(match self.0 {
            Source::System(zero) => u64::try_from(zero.elapsed().as_nanos()).unwrap_or(u64::MAX),
            Source::Dial(dial) => dial.monotonic.load(Ordering::Relaxed),
        })
    }

    /// Reads both clocks. A system clock before 1970 reads as 1970.
    pub fn now(&self) -> Now {
        let unix = match self.0 {
            Source::System(_) => {
                let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                u64::try_from(unix.as_millis()).unwrap_or(u64::MAX)
            }
            Source::Dial(dial) => dial.unix.load(Ordering::Relaxed),
        };
        Now { monotonic: self.monotonic(), unix: UnixMillis(unix) }
    }
}

struct Civil {
    year: u64,
    month: u64,
    day: u64,
    hour: u64,
    minute: u64,
    second: u64,
    milli: u64,
}

impl Civil {
    const DAY_MS: u64 = 86_400_000;

    /// Numbers at the places of RFC 3339; whether they make a moment is not looked at.
    fn read(text: &str) -> Option<Self> {
        let number = |from: usize, to: usize| {
            let digits = text.get(from..to)?;
            digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
        };
        Some(Self {
            year: number(0, 4)?,
            month: number(5, 7)?,
            day: number(8, 10)?,
            hour: number(11, 13)?,
            minute: number(14, 16)?,
            second: number(17, 19)?,
            milli: if text.len() > 20 { number(20, 23)? } else { 0 },
        })
    }

    /// The moment; `None` before 1970.
    fn at(&self) -> Option<UnixMillis> {
        let year = self.year.checked_sub(u64::from(self.month <= 2))?;
        let day_of_year = (153 * ((self.month + 9) % 12) + 2) / 5 + self.day.checked_sub(1)?;
        let year_of_era = year % 400;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        let days = (year / 400 * 146_097 + day_of_era).checked_sub(719_468)?;
        let seconds = self.hour * 3_600 + self.minute * 60 + self.second;
        Some(UnixMillis(days * Self::DAY_MS + seconds * 1_000 + self.milli))
    }
}

impl From<UnixMillis> for Civil {
    /// Days are counted from 1 March of year 0, so that a leap day is the last day of its year
    /// and a 400-year era is always 146,097 days.
    fn from(at: UnixMillis) -> Self {
        let (days, ms) = (at.0 / Self::DAY_MS + 719_468, at.0 % Self::DAY_MS);
        let (era, day_of_era) = (days / 146_097, days % 146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
        Self {
            year: era * 400 + year_of_era + u64::from(month <= 2),
            month,
            day: day_of_year - (153 * shifted_month + 2) / 5 + 1,
            hour: ms / 3_600_000,
            minute: ms / 60_000 % 60,
            second: ms / 1_000 % 60,
            milli: ms % 1_000,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::OnceLock;

    fn check(ms: u64, rfc3339: &str, http_date: &str) {
        let at = UnixMillis(ms);
        assert_eq!(at.to_string(), rfc3339);
        let mut text = String::new();
        at.write_http_date(&mut text).unwrap();
        assert_eq!(text, http_date);
        assert_eq!(UnixMillis::from_http_date(http_date), Some(UnixMillis(ms / 1_000 * 1_000)));
        assert_eq!(rfc3339.parse(), Ok(at));
    }

    #[test]
    fn what_is_no_moment_is_not_guessed_at() {
        assert_eq!("1970-01-01T00:00:01Z".parse(), Ok(UnixMillis(1_000)));
        for text in [
            "",
            "2027-01-01",
            "2027-01-01T00:00:00",
            "2027-01-01 00:00:00Z",
            "2027-01-01T00:00:00+01:00",
            "2027-02-29T00:00:00Z",
            "2027-13-01T00:00:00Z",
            "2027-00-01T00:00:00Z",
            "2027-01-00T00:00:00Z",
            "2027-01-01T24:00:00Z",
            "2027-01-01T00:60:00Z",
            "2027-01-01T00:00:00.5Z",
            "2027-01-01T00:00:00.0000Z",
            "1969-12-31T23:59:59Z",
            "0000-01-01T00:00:00Z",
            "+027-01-01T00:00:00Z",
            "2027-01-01T00:00:00Zé",
            "2027-01-é1T00:00:00Z",
        ] {
            assert_eq!(text.parse::<UnixMillis>(), Err(NoMoment), "{text}");
        }
    }

    #[test]
    fn what_is_no_http_date_is_not_guessed_at() {
        for text in [
            "",
            "120",
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 06 Nov 1994 08:49:37 UTC",
            "Mon, 06 Nov 1994 08:49:37 GMT",
            "Sun, 31 Nov 1994 08:49:37 GMT",
            "Sun,  6 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "Sun, 06 Nov 1994 08:49:3é GMT",
        ] {
            assert_eq!(UnixMillis::from_http_date(text), None, "{text}");
        }
    }

    #[test]
    fn known_dates_are_written_as_the_standards_say() {
        check(0, "1970-01-01T00:00:00.000Z", "Thu, 01 Jan 1970 00:00:00 GMT");
        // The example of RFC 9110, section 5.6.7.
        check(784_111_777_000, "1994-11-06T08:49:37.000Z", "Sun, 06 Nov 1994 08:49:37 GMT");
        check(951_782_400_001, "2000-02-29T00:00:00.001Z", "Tue, 29 Feb 2000 00:00:00 GMT");
        check(1_709_251_199_999, "2024-02-29T23:59:59.999Z", "Thu, 29 Feb 2024 23:59:59 GMT");
        check(4_107_542_400_000, "2100-03-01T00:00:00.000Z", "Mon, 01 Mar 2100 00:00:00 GMT");
    }

    #[test]
    fn a_clock_shows_what_its_dial_was_set_to() {
        static DIAL: OnceLock<Dial> = OnceLock::new();
        let clock = Clock::of(DIAL.get_or_init(Dial::default));
        assert_eq!(clock.now(), Now::default());
        let set = Now { monotonic: Monotonic(5), unix: UnixMillis(7) };
        DIAL.get().unwrap().set(set);
        assert_eq!((clock.now(), clock.monotonic()), (set, Monotonic(5)));
    }

    #[test]
    fn spans_never_go_below_zero() {
        assert_eq!(Monotonic(5) - Monotonic(9), Duration::ZERO);
        assert_eq!(UnixMillis(5).since(UnixMillis(9)), Duration::ZERO);
    }
}
