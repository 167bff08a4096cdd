//! Whether what stands behind the end of the log is a record with one flipped bit. Nothing bears
//! witness for the last batch; but what a crash has torn lacks far more than a bit, so this was
//! whole, and may have been acknowledged. It is not mended either.

use super::{Chain, Source};
use crate::frame::{self, HEADER, Header};
use crate::log::Segment;
use std::io;

/// CRC-32C's polynomial, its bits in the order in which they are sent.
const POLYNOMIAL: u32 = 0x82f6_3b78;

/// Whether one bit keeps what follows a segment's last record from being the next one.
pub(crate) fn stands_behind(
    source: Source<'_>,
    newest: &Segment,
    chain: &Chain,
) -> io::Result<bool> {
    let mut head = [0; HEADER];
    if source.disk.read_at(newest.file, &mut head, newest.end)? < HEADER || head == [0; HEADER] {
        return Ok(false);
    }
    let stamp = source.key.stamp(newest.sequence);
    let Some((header, crc)) = frame::claim_with_a_flip(&head, stamp) else {
        return Ok(false);
    };
    let start = newest.end + HEADER as u64;
    if !chain.admits(header) || start + u64::from(header.len) > newest.capacity {
        return Ok(false);
    }
    let Header { len, .. } = header;
    let mut record = vec![0; len as usize];
    source.disk.read_at(newest.file, &mut record, start)?;
    let found = crc32c::crc32c(&record);
    let head_is_flipped = frame::claim(&head, stamp).is_none();
    Ok(if head_is_flipped { found == crc } else { is_one_bit(found ^ crc, record.len()) })
}

/// Whether two checksums of that difference can be those of two records of that length that differ
/// in one bit. A flipped bit is the further away from the end, the more often the polynomial has
/// gone over it.
fn is_one_bit(difference: u32, len: usize) -> bool {
    let mut flipped = 1;
    (0..len * 8).any(|_| {
        flipped = (flipped >> 1) ^ if flipped & 1 == 1 { POLYNOMIAL } else { 0 };
        flipped == difference
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_flipped_bit_is_told_from_more() {
        let record: Vec<u8> = (0..100).map(|n| (n * 7 % 256) as u8).collect();
        let crc = crc32c::crc32c(&record);
        let difference = |changed: &[u8]| crc32c::crc32c(changed) ^ crc;
        for bit in 0..record.len() * 8 {
            let mut changed = record.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(is_one_bit(difference(&changed), record.len()), "bit {bit}");
            changed[(bit / 8 + 13) % 100] ^= 4;
            assert!(!is_one_bit(difference(&changed), record.len()), "bit {bit} and another");
        }
        assert!(!is_one_bit(0, record.len()) && !is_one_bit(1, 0));
    }
}
