//! Whether what stands behind the end of the log is a record with one flipped bit. Nothing bears
//! witness for the last batch; but what a crash has torn lacks far more than a bit, so this was
//! whole, and may have been acknowledged. Only where nothing but that bit was to be written to a
//! sector it may also be that the crash came before. It is not mended either.

use super::{Chain, Source};
use crate::frame::{self, HEADER};
use crate::log::Segment;
use std::io;

/// How much of a write arrives whole or not at all.
const SECTOR_BYTES: u64 = 512;

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
    let mut frame = vec![0; HEADER + header.len as usize];
    source.disk.read_at(newest.file, &mut frame, newest.end)?;
    let record = &frame[HEADER..];
    let found = crc32c::crc32c(record);
    let head_is_flipped = frame::claim(&head, stamp).is_none();
    Ok(if head_is_flipped {
        found == crc
    } else {
        let byte = flipped_byte(found ^ crc, record.len());
        byte.is_some_and(|byte| was_written(&frame, newest.end, HEADER + byte))
    })
}

/// The byte with the flipped bit, if two checksums of that difference can be those of two records
/// of that length that differ in one. A flipped bit is the further away from the end, the more often
/// the polynomial has gone over it.
fn flipped_byte(difference: u32, len: usize) -> Option<usize> {
    let mut flipped = 1;
    let behind = (0..len * 8).position(|_| {
        flipped = (flipped >> 1) ^ if flipped & 1 == 1 { POLYNOMIAL } else { 0 };
        flipped == difference
    });
    behind.map(|bits| len - 1 - bits / 8)
}

/// Whether the sector with that byte shows anything of the frame, which stands at `at`: one that
/// the crash came before is still as it was filled, with zeros.
fn was_written(frame: &[u8], at: u64, byte: usize) -> bool {
    let sector = (at + byte as u64) / SECTOR_BYTES * SECTOR_BYTES;
    let place = |offset: u64| usize::try_from(offset.saturating_sub(at)).unwrap_or(frame.len());
    let shown = place(sector)..place(sector + SECTOR_BYTES).min(frame.len());
    frame[shown].iter().any(|&byte| byte != 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::FileId;
    use crate::frame::Key;
    use crate::memory_disk::MemoryDisk;

    #[test]
    fn one_flipped_bit_is_told_from_more() {
        let record: Vec<u8> = (0..100).map(|n| (n * 7 % 256) as u8).collect();
        let crc = crc32c::crc32c(&record);
        let difference = |changed: &[u8]| crc32c::crc32c(changed) ^ crc;
        for bit in 0..record.len() * 8 {
            let mut changed = record.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(
                flipped_byte(difference(&changed), record.len()),
                Some(bit / 8),
                "bit {bit}"
            );
            changed[(bit / 8 + 13) % 100] ^= 4;
            let other = flipped_byte(difference(&changed), record.len());
            assert_eq!(other, None, "bit {bit} and another");
        }
        assert_eq!((flipped_byte(0, record.len()), flipped_byte(1, 0)), (None, None));
    }

    const KEY: Key = Key(7);

    /// Whether a frame that stands at `at`, behind an empty log, is one with a flipped bit, after
    /// that was done to the file.
    fn is_flipped(record: &[u8], at: u64, damage: impl FnOnce(&mut [u8])) -> bool {
        let mut frame = Vec::new();
        frame::begin(&mut frame);
        frame.extend_from_slice(record);
        frame::seal(&mut frame, 1, 0, KEY.stamp(1));
        let mut bytes = vec![0; 8192];
        bytes[at as usize..][..frame.len()].copy_from_slice(&frame);
        damage(&mut bytes);
        let file = FileId(1);
        let disk = MemoryDisk::holding([(file, bytes)].into());
        let newest = Segment { file, sequence: 1, end: at, last: 0, capacity: 8192 };
        stands_behind(Source { disk: &disk, key: KEY }, &newest, &Chain::behind(0)).unwrap()
    }

    #[test]
    fn a_sector_that_was_not_written_is_no_flip_though_it_lacks_a_single_bit() {
        // As the acceptance of a task ends whose payload is in the spool.
        let record = [&[7; 60][..], &[1, 0, 0]].concat();
        let frame = (HEADER + record.len()) as u64;
        for at in 4096..4096 + SECTOR_BYTES {
            for sector in [4096, 4096 + 512] {
                let torn = |bytes: &mut [u8]| bytes[sector..sector + 512].fill(0);
                assert!(!is_flipped(&record, at, torn), "{at} {sector}");
            }
            let last = (at + frame) as usize - 3;
            // A sector that has nothing else to show cannot be told from one that was not written.
            if !(last as u64).is_multiple_of(SECTOR_BYTES) {
                assert!(is_flipped(&record, at, |bytes| bytes[last] ^= 1), "{at}");
            }
            assert!(is_flipped(&record, at, |bytes| bytes[last] ^= 8), "{at}");
            assert!(is_flipped(&record, at, |bytes| bytes[last - 9] ^= 1), "{at}");
        }
    }
}
