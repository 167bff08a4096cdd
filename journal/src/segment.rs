//! The header of a segment file: which place it has in the log. It never touches a disk.
//!
//! ```text
//! | magic: 8 | version: u32 | crc32c: u32 | sequence: u64 | base: u64 |        (little-endian)
//! ```
//! The header has a block of 4 KiB to itself and stands in it twice, at 0 and at 2048, so that
//! one bad sector does not lose a segment. `base` is the last LSN before the segment; it was on
//! disk when the header was written.

use crate::options::SEGMENT_HEADER_BYTES;

/// The version that is written, and the latest that is read.
pub(crate) const VERSION: u32 = 1;

/// The length of the header's block in bytes.
pub(crate) const BLOCK: usize = SEGMENT_HEADER_BYTES as usize;

const MAGIC: &[u8; 8] = b"OVERTLOG";
const COPY: usize = 32;
const COPIES: [usize; 2] = [0, 2048];

/// Where a segment stands in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Header {
    /// Grows by one from segment to segment, whichever file holds it.
    pub(crate) sequence: u64,
    /// The last LSN before this segment.
    pub(crate) base: u64,
}

/// What the first block of a file turns out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// A header.
    Header(Header),
    /// Nothing was written here yet.
    Blank,
    /// A header of a later version.
    Newer(u32),
    /// Neither.
    Damaged,
}

/// Writes the header into its block.
pub(crate) fn write(header: Header, block: &mut [u8]) {
    block.fill(0);
    for at in COPIES {
        let copy = &mut block[at..at + COPY];
        copy[..8].copy_from_slice(MAGIC);
        copy[8..12].copy_from_slice(&VERSION.to_le_bytes());
        copy[16..24].copy_from_slice(&header.sequence.to_le_bytes());
        copy[24..].copy_from_slice(&header.base.to_le_bytes());
        let crc = checksum(copy);
        copy[12..16].copy_from_slice(&crc.to_le_bytes());
    }
}

/// Reads the header from the first block of a file, which may be cut short.
pub(crate) fn read(block: &[u8]) -> Found {
    let copies = COPIES.map(|at| block.get(at..at + COPY).map_or(Found::Damaged, read_copy));
    match copies {
        // The header was being replaced when the machine stopped: the newer one counts, and the
        // batch that was written with it is judged by its own checksums.
        [Found::Header(first), Found::Header(second)] => Found::Header(first.max(second)),
        [Found::Header(header), _] | [_, Found::Header(header)] => Found::Header(header),
        [Found::Newer(version), _] | [_, Found::Newer(version)] => Found::Newer(version),
        _ if block.iter().all(|&byte| byte == 0) => Found::Blank,
        _ => Found::Damaged,
    }
}

fn read_copy(copy: &[u8]) -> Found {
    let word = |at: usize| u32::from_le_bytes([0, 1, 2, 3].map(|i| copy[at + i]));
    let long = |at: usize| u64::from(word(at)) | u64::from(word(at + 4)) << 32;
    if &copy[..8] != MAGIC || checksum(copy) != word(12) {
        return Found::Damaged;
    }
    match word(8) {
        VERSION => Found::Header(Header { sequence: long(16), base: long(24) }),
        later => Found::Newer(later),
    }
}

fn checksum(copy: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&copy[..12]), &copy[16..])
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: Header = Header { sequence: 7, base: 1_000_003 };

    fn block() -> Vec<u8> {
        let mut block = vec![0xaa; BLOCK];
        write(HEADER, &mut block);
        block
    }

    #[test]
    fn one_copy_is_enough() {
        for (at, len) in [(0, 0), (0, 2048), (2048, 2048)] {
            let mut block = block();
            block[at..at + len].fill(0x55);
            assert_eq!(read(&block), Found::Header(HEADER));
        }
        assert_eq!(read(&block()[..COPY]), Found::Header(HEADER));
    }

    #[test]
    fn without_a_sound_copy_it_is_damaged_or_blank() {
        let mut block = block();
        block[20] ^= 1;
        block[2048 + 20] ^= 1;
        assert_eq!(read(&block), Found::Damaged);
        assert_eq!(read(&[0; BLOCK]), Found::Blank);
        assert_eq!(read(&[]), Found::Blank);
    }

    #[test]
    fn a_later_version_is_named() {
        let mut block = block();
        for at in COPIES {
            block[at + 8] = 2;
            let crc = checksum(&block[at..at + COPY]);
            block[at + 12..at + 16].copy_from_slice(&crc.to_le_bytes());
        }
        assert_eq!(read(&block), Found::Newer(2));
    }
}
