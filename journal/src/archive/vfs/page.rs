//! A page of the archive and its checksum: which it is, where it stands, and which part of a page
//! SQLite asks for. It never touches a file.
//!
//! ```text
//! | what SQLite keeps: 8184 | crc32c: u32, little-endian | "page" |
//! ```
//! The checksum covers what SQLite keeps and the number of the page, so that a page that was
//! written to the place of another is found too.

use super::Damage;
use crate::options::ARCHIVE_PAGE_BYTES;
use std::ffi::c_int;

/// The length of a page.
pub(crate) const PAGE: usize = ARCHIVE_PAGE_BYTES as usize;

/// How many bytes at the end of a page SQLite leaves to the checksum.
pub(crate) const RESERVED_BYTES: u8 = 8;

const KEPT: usize = PAGE - RESERVED_BYTES as usize;

/// Tells a page with a checksum from one whose last bytes nobody has written.
const MARK: [u8; 4] = *b"page";

/// What stands at the end of the page of that number.
fn seal(page: &[u8], number: u32) -> [u8; RESERVED_BYTES as usize] {
    let crc = crc32c::crc32c_append(crc32c::crc32c(&number.to_le_bytes()), &page[..KEPT]);
    let mut seal = [0; RESERVED_BYTES as usize];
    seal[..4].copy_from_slice(&crc.to_le_bytes());
    seal[4..].copy_from_slice(&MARK);
    seal
}

/// Whether a page is as it was written, or never was: SQLite leaves free pages out.
pub(crate) fn is_sound(page: &[u8; PAGE], number: u32) -> bool {
    page[KEPT..] == seal(page, number) || page.iter().all(|&byte| byte == 0)
}

/// A part of one page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    number: u32,
    from: usize,
    len: usize,
}

impl Part {
    /// The part of the database's file that begins at `offset`; `None` if it is not within one page.
    pub(super) fn of(offset: i64, amount: c_int) -> Option<Self> {
        let (offset, len) = (u64::try_from(offset).ok()?, usize::try_from(amount).ok()?);
        let number = u32::try_from(offset / ARCHIVE_PAGE_BYTES + 1).ok()?;
        let from = (offset % ARCHIVE_PAGE_BYTES) as usize;
        (from + len <= PAGE).then_some(Self { number, from, len })
    }

    /// Whether it is all of its page.
    pub(super) fn is_whole(self) -> bool {
        self.len == PAGE
    }

    /// Where its page begins in the file.
    pub(super) fn page_offset(self) -> i64 {
        i64::from(self.number - 1) * ARCHIVE_PAGE_BYTES.cast_signed()
    }

    /// The part of its page.
    pub(super) fn within(self, page: &[u8; PAGE]) -> &[u8] {
        &page[self.from..self.from + self.len]
    }

    /// Whether its page is sound. A part of the first page is believed: SQLite reads it to learn how the
    /// file is laid out, and what else that page says it reads as a whole, or from the write-ahead
    /// log; then a crash may have torn the one in the file on its way from there. Parts of others are
    /// long values, which SQLite reads past its cache if the log has none of their pages.
    pub(super) fn check(self, page: &[u8; PAGE]) -> Result<(), Damage> {
        let is_believed = (self.number == 1 && self.len < PAGE) || is_sound(page, self.number);
        if is_believed { Ok(()) } else { Err(Damage::Page(self.number)) }
    }

    /// What is written instead of `bytes`; `None` if that is not a whole page.
    pub(super) fn sealed(self, bytes: &[u8]) -> Option<[u8; PAGE]> {
        let mut page: [u8; PAGE] = bytes.try_into().ok()?;
        let seal = seal(&page, self.number);
        page[KEPT..].copy_from_slice(&seal);
        Some(page)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page() -> [u8; PAGE] {
        let bytes: Vec<u8> = (0..PAGE).map(|n| (n % 251) as u8).collect();
        Part::of(2 * PAGE as i64, PAGE as c_int).unwrap().sealed(&bytes).unwrap()
    }

    #[test]
    fn a_sealed_page_is_sound_in_its_place_alone() {
        let page = page();
        assert!(is_sound(&page, 3));
        assert!(!is_sound(&page, 2) && !is_sound(&page, 4));
        assert_eq!(page[..3], [0, 1, 2]);
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let mut page = page();
        for bit in 0..PAGE * 8 {
            page[bit / 8] ^= 1 << (bit % 8);
            assert!(!is_sound(&page, 3), "bit {bit}");
            page[bit / 8] ^= 1 << (bit % 8);
        }
    }

    #[test]
    fn a_page_that_was_never_written_is_sound_and_one_without_a_checksum_is_not() {
        assert!(is_sound(&[0; PAGE], 7));
        let mut other = [0; PAGE];
        other[0] = 1;
        assert!(!is_sound(&other, 7));
    }

    #[test]
    fn a_part_of_a_torn_page_is_believed_if_that_is_the_first() {
        let torn = [7; PAGE];
        let part = |page: usize, amount| Part::of((page * PAGE) as i64, amount).unwrap();
        assert_eq!(part(0, 100).check(&torn), Ok(()));
        assert_eq!(part(0, PAGE as c_int).check(&torn), Err(Damage::Page(1)));
        assert_eq!(part(2, PAGE as c_int - 8).check(&torn), Err(Damage::Page(3)));
    }

    #[test]
    fn a_part_lies_within_one_page() {
        let page_bytes = PAGE as i64;
        assert_eq!(Part::of(0, 100), Some(Part { number: 1, from: 0, len: 100 }));
        assert_eq!(Part::of(24, 16), Some(Part { number: 1, from: 24, len: 16 }));
        let last = Part::of(3 * page_bytes - 1, 1).unwrap();
        assert_eq!((last.number, last.page_offset()), (3, 2 * page_bytes));
        for (offset, amount) in [(1, PAGE as c_int), (page_bytes - 1, 2), (-1, 1), (0, -1)] {
            assert_eq!(Part::of(offset, amount), None, "{offset} {amount}");
        }
        assert_eq!(Part::of(i64::MAX, 1), None);
        assert_eq!(Part::of(0, 100).unwrap().sealed(&[0; 100]), None);
    }
}
