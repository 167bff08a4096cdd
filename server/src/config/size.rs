//! Sizes with their unit, such as `16KiB`. Decimal units are refused, so that nobody gets a
//! kilobyte that is a little smaller than the one they meant.

use super::setting::Setting;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The units, largest first, with their size in bytes.
const UNITS: [(&str, u64); 4] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

/// A number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Size(pub u64);

impl Size {
    /// So many times 1,024 bytes.
    pub const fn kib(count: u64) -> Self {
        Self(count << 10)
    }

    /// So many times 1,048,576 bytes.
    pub const fn mib(count: u64) -> Self {
        Self(count << 20)
    }

    /// The bytes as a length in memory; what does not fit an address counts as the most that does.
    pub fn to_usize(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl FromStr for Size {
    type Err = String;

    /// Reads digits and a unit, with nothing between or around them.
    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (count, unit) = text.split_at(digits);
        let unit = UNITS.iter().find(|(name, _)| *name == unit);
        let bytes = count.parse::<u64>().ok().zip(unit);
        bytes
            .and_then(|(count, (_, bytes))| count.checked_mul(*bytes))
            .map(Self)
            .ok_or_else(|| format!("`{text}` is not a size, such as 512B, 16KiB, 32MiB or 1GiB"))
    }
}

/// The form that is read, in the largest unit that is exact.
impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(bytes) = *self;
        if bytes == 0 {
            return f.write_str("0B");
        }
        let (name, unit) = UNITS
            .into_iter()
            .find(|(_, unit)| bytes.is_multiple_of(*unit))
            .expect("one byte divides every count of them");
        write!(f, "{}{name}", bytes / unit)
    }
}

impl TryFrom<String> for Size {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Size> for String {
    fn from(size: Size) -> Self {
        size.to_string()
    }
}

impl Setting for Size {
    fn set(&mut self, text: &str) -> Result<(), String> {
        *self = text.parse()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_and_written_with_their_unit() {
        for (text, bytes, written) in [
            ("0GiB", 0, "0B"),
            ("1000B", 1_000, "1000B"),
            ("2048B", 2_048, "2KiB"),
            ("16KiB", 16_384, "16KiB"),
            ("1536MiB", 1_610_612_736, "1536MiB"),
            ("1024MiB", 1_073_741_824, "1GiB"),
        ] {
            let size: Size = text.parse().unwrap();
            assert_eq!(size, Size(bytes), "{text}");
            assert_eq!(size.to_string(), written);
            assert_eq!(written.parse(), Ok(size));
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "10",
            "B",
            "-1B",
            "1.5MiB",
            "1 MiB",
            " 1B",
            "1B ",
            "1MB",
            "1kib",
            "1M",
            "1TiB",
            "99999999999999999999B",
            "18446744073709551615KiB",
        ] {
            assert!(text.parse::<Size>().is_err(), "{text}");
        }
    }
}
