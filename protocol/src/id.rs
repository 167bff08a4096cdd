//! Task ids. A [`TaskId`] is one 63-bit integer: the key of the task in every table. Its text is
//! a ULID (26 characters of Crockford's base 32), from which the integer is read back, so there
//! is no second index.
//!
//! ```text
//! integer  0 | 41 bits: ms since 2020-01-01 | 6 bits: boot epoch | 16 bits: sequence
//! ULID     48 bits: ms since 1970 | 58 bits: zero | 6 bits: boot epoch | 16 bits: sequence
//! ```
//! Ids of one data folder only grow: the mint continues above the highest id it is told of, and
//! the boot epoch parts the ids that a crash took back from those minted after it, should the
//! system clock have been set back between them.

use crate::time::UnixMillis;
use std::fmt;
use std::str::FromStr;

/// 2020-01-01T00:00:00Z.
const ZERO_MS: u64 = 1_577_836_800_000;
const SEQUENCE_BITS: u32 = 16;
const LOW_BITS: u32 = 22;
const EPOCH_MASK: u64 = 0x3f;
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// The id of a task.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskId(u64);

impl TaskId {
    /// The integer key; at most 63 bits, so it fits SQLite's row id.
    pub fn key(self) -> u64 {
        self.0
    }

    /// The id with this integer key; `None` if it does not fit 63 bits.
    pub fn from_key(key: u64) -> Option<Self> {
        (key >> 63 == 0).then_some(Self(key))
    }

    /// When the id was minted, to the millisecond.
    pub fn minted_at(self) -> UnixMillis {
        UnixMillis((self.0 >> LOW_BITS) + ZERO_MS)
    }

    /// Whether a boot of the folder up to `epoch` can have minted it. The id has but six bits of
    /// its epoch, so in a folder that was started often every id can.
    pub fn is_of_boot_until(self, epoch: Epoch) -> bool {
        epoch.0 > EPOCH_MASK || ((self.0 >> SEQUENCE_BITS) & EPOCH_MASK) <= epoch.0
    }

    /// The ULID as 26 ASCII characters.
    pub fn to_ulid(self) -> [u8; 26] {
        let low = self.0 & ((1 << LOW_BITS) - 1);
        let mut bits = (u128::from(self.minted_at().0) << 80) | u128::from(low);
        let mut text = [0; 26];
        for place in text.iter_mut().rev() {
            *place = ALPHABET[(bits & 31) as usize];
            bits >>= 5;
        }
        text
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.to_ulid();
        f.write_str(str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is not the ULID of any task that this server could have minted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotATaskId;

impl FromStr for TaskId {
    type Err = NotATaskId;

    /// Reads a ULID in upper or lower case. Anything that no mint writes is refused, so that two
    /// texts never name one task.
    fn from_str(text: &str) -> Result<Self, NotATaskId> {
        if text.len() != 26 {
            return Err(NotATaskId);
        }
        let mut bits: u128 = 0;
        for byte in text.bytes() {
            let digit = ALPHABET.iter().position(|&letter| letter == byte.to_ascii_uppercase());
            bits = (bits << 5) | digit.ok_or(NotATaskId)? as u128;
        }
        let (unix_ms, low) = ((bits >> 80) as u64, bits as u64 & ((1 << LOW_BITS) - 1));
        let span_ms = unix_ms.checked_sub(ZERO_MS).filter(|ms| ms >> 41 == 0).ok_or(NotATaskId)?;
        let id = Self((span_ms << LOW_BITS) | low);
        let canonical = id.to_ulid().eq_ignore_ascii_case(text.as_bytes());
        canonical.then_some(id).ok_or(NotATaskId)
    }
}

/// How often this data folder was started; the ids use its lowest six bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Epoch(pub u64);

/// Mints ids that only grow.
#[derive(Clone, Debug)]
pub struct TaskIdMint {
    epoch: u64,
    last_ms: u64,
    sequence: u64,
}

impl TaskIdMint {
    /// A mint for one boot. `highest` is the highest id the journal knows; ids start above it.
    pub fn new(epoch: Epoch, highest: Option<TaskId>) -> Self {
        let last_ms = highest.map_or(0, |id| (id.0 >> LOW_BITS) + 1);
        Self { epoch: epoch.0 & EPOCH_MASK, last_ms, sequence: 0 }
    }

    /// The next id. When the clock stands, was set back, or 65,536 ids were minted within its
    /// millisecond, the id borrows from the future instead of repeating itself.
    pub fn mint(&mut self, now: UnixMillis) -> TaskId {
        let now_ms = now.0.saturating_sub(ZERO_MS);
        if now_ms > self.last_ms {
            (self.last_ms, self.sequence) = (now_ms, 0);
        } else if self.sequence >> SEQUENCE_BITS != 0 {
            (self.last_ms, self.sequence) = (self.last_ms + 1, 0);
        }
        let id = (self.last_ms << LOW_BITS) | (self.epoch << SEQUENCE_BITS) | self.sequence;
        self.sequence += 1;
        TaskId(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMillis = UnixMillis(1_795_227_290_123);

    #[test]
    fn the_text_reads_back_to_the_integer() {
        let mut mint = TaskIdMint::new(Epoch(63), None);
        for _ in 0..1000 {
            let id = mint.mint(NOW);
            let text = id.to_string();
            assert_eq!(text.parse(), Ok(id));
            assert_eq!(text.to_lowercase().parse(), Ok(id));
            assert_eq!(id.minted_at(), NOW);
            assert_eq!(TaskId::from_key(id.key()), Some(id));
        }
    }

    #[test]
    fn ids_only_grow_whatever_the_clock_does() {
        let mut mint = TaskIdMint::new(Epoch(3), None);
        let mut last = mint.mint(NOW);
        for step in 0..200_000_u64 {
            let id = mint.mint(UnixMillis(NOW.0 - step % 5_000));
            assert!(id > last);
            last = id;
        }
        let mut next_boot = TaskIdMint::new(Epoch(4), Some(last));
        assert!(next_boot.mint(UnixMillis(0)) > last);
    }

    #[test]
    fn an_id_tells_which_boots_can_have_minted_it() {
        let id = TaskIdMint::new(Epoch(5), None).mint(NOW);
        let is_of_boot_until = [4, 5, 6, 63, 64].map(|epoch| id.is_of_boot_until(Epoch(epoch)));
        assert_eq!(is_of_boot_until, [false, true, true, true, true]);
        let late = TaskIdMint::new(Epoch(64 + 7), None).mint(NOW);
        assert!(late.is_of_boot_until(Epoch(71)));
    }

    #[test]
    fn texts_that_no_mint_writes_are_refused() {
        let id = TaskIdMint::new(Epoch(1), None).mint(NOW).to_string();
        let refused =
            ["", "0", "U1ARZ3NDEKTSV4RRFFQ69G5FAV", "7ZZZZZZZZZZZZZZZZZZZZZZZZZ", &id[..25]];
        for text in refused {
            assert_eq!(text.parse::<TaskId>(), Err(NotATaskId), "{text}");
        }
        let mut with_reserved_bits = id.into_bytes();
        with_reserved_bits[12] = b'1';
        let text = String::from_utf8(with_reserved_bits).unwrap();
        assert_eq!(text.parse::<TaskId>(), Err(NotATaskId));
    }
}
