//! A frame is a record in the log. This is the only module that knows its bytes; it never touches
//! a disk.
//!
//! ```text
//! | len: u32 | crc32c: u32 | record crc32c: u32 | tag: u32 | lsn: u64 | synced: u64 | record |
//! ```
//! in little-endian. The first checksum covers the other fields of the header and the sequence
//! number of the segment, so that a frame left over from an earlier use of the same file is not
//! taken for a new one, and so that bytes that are no header are found out without reading what
//! they say is a record. The tag and where that checksum starts follow from a key that only the
//! folder knows, so that nobody can send a payload that holds a frame of this log. `synced` is the last LSN that was on disk when the frame was written: it
//! chains batch to batch, and it is the witness that tells damage from a torn tail.

use crate::options::FRAME_HEADER_BYTES;

/// The length of the header in bytes.
pub(crate) const HEADER: usize = FRAME_HEADER_BYTES as usize;

/// What a folder's frames have in common and nobody else knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key(pub(crate) u64);

impl Key {
    /// What the frames of that segment have in common.
    pub(crate) fn stamp(self, sequence: u64) -> Stamp {
        // The finalizer of SplitMix64: from one segment to the next every bit may change.
        let mut mixed = self.0.wrapping_add(sequence.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        Stamp { sequence, tag: (mixed >> 32) as u32, seed: mixed as u32 }
    }
}

/// What the frames of one segment have in common.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stamp {
    sequence: u64,
    tag: u32,
    /// Where the checksum of a header starts.
    seed: u32,
}

/// What stands in front of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// The record's length in bytes, never 0.
    pub(crate) len: u32,
    /// The record's log sequence number.
    pub(crate) lsn: u64,
    /// The last LSN on disk when the frame was written.
    pub(crate) synced: u64,
}

impl Header {
    /// The header at the start of `bytes`, if its own checksum is right, and its record's.
    fn read(bytes: &[u8; HEADER], stamp: Stamp) -> Option<(Self, u32)> {
        let word = |at: usize| u32::from_le_bytes([0, 1, 2, 3].map(|i| bytes[at + i]));
        let long = |at: usize| u64::from(word(at)) | u64::from(word(at + 4)) << 32;
        let (header, record_crc) =
            (Self { len: word(0), lsn: long(16), synced: long(24) }, word(8));
        // The cheap questions first: a search asks at every byte.
        let may_be = word(12) == stamp.tag && header.len != 0 && header.synced < header.lsn;
        let is_sound = || header.checksum(record_crc, stamp) == word(4);
        (may_be && is_sound()).then_some((header, record_crc))
    }

    fn checksum(&self, record_crc: u32, stamp: Stamp) -> u32 {
        let mut fields = [0; 32];
        fields[..4].copy_from_slice(&self.len.to_le_bytes());
        fields[4..8].copy_from_slice(&record_crc.to_le_bytes());
        fields[8..16].copy_from_slice(&self.lsn.to_le_bytes());
        fields[16..24].copy_from_slice(&self.synced.to_le_bytes());
        fields[24..].copy_from_slice(&stamp.sequence.to_le_bytes());
        crc32c::crc32c_append(stamp.seed, &fields)
    }
}

/// What [`probe`] finds at the start of some bytes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Probe {
    /// A whole, sound frame; the checksum of its record alone is beside it.
    Frame(Header, u32),
    /// It may be a frame, but it has this many bytes, and so many are not there.
    Longer(usize),
    /// No frame.
    Nothing,
}

/// Looks for a frame of the segment with that stamp at the start of `bytes`.
pub(crate) fn probe(bytes: &[u8], stamp: Stamp) -> Probe {
    let Some(head) = bytes.first_chunk::<HEADER>() else {
        return Probe::Longer(HEADER);
    };
    let Some((header, record_crc)) = Header::read(head, stamp) else {
        return Probe::Nothing;
    };
    match bytes[HEADER..].get(..header.len as usize) {
        None => Probe::Longer(HEADER + header.len as usize),
        Some(record) if crc32c::crc32c(record) == record_crc => Probe::Frame(header, record_crc),
        Some(_) => Probe::Nothing,
    }
}

/// The header at the start of `bytes`, if it is one of that segment; its record is not looked at.
pub(crate) fn claim(bytes: &[u8], stamp: Stamp) -> Option<Header> {
    // Most of what is looked at is zero.
    let head = bytes.first_chunk::<HEADER>().filter(|head| head[..4] != [0; 4])?;
    Header::read(head, stamp).map(|(header, _)| header)
}

/// The header at the start of `bytes`, and the checksum of its record, if no bit or one is flipped in
/// it.
pub(crate) fn claim_with_a_flip(bytes: &[u8; HEADER], stamp: Stamp) -> Option<(Header, u32)> {
    let flipped = (0..HEADER * 8).filter_map(|bit| {
        let mut bytes = *bytes;
        bytes[bit / 8] ^= 1 << (bit % 8);
        Header::read(&bytes, stamp)
    });
    Header::read(bytes, stamp).into_iter().chain(flipped).next()
}

/// Leaves room for a header at the end of `out`; the record is appended behind it.
pub(crate) fn begin(out: &mut Vec<u8>) {
    out.extend_from_slice(&[0; HEADER]);
}

/// Writes the header of the frame that fills `frame`, and returns the checksum of its record.
pub(crate) fn seal(frame: &mut [u8], lsn: u64, synced: u64, stamp: Stamp) -> u32 {
    let (head, record) = frame.split_at_mut(HEADER);
    let len = u32::try_from(record.len()).expect("a record fits a segment, which is below 4 GiB");
    let record_crc = crc32c::crc32c(record);
    let crc = Header { len, lsn, synced }.checksum(record_crc, stamp);
    head[..4].copy_from_slice(&len.to_le_bytes());
    head[4..8].copy_from_slice(&crc.to_le_bytes());
    head[8..12].copy_from_slice(&record_crc.to_le_bytes());
    head[12..16].copy_from_slice(&stamp.tag.to_le_bytes());
    head[16..24].copy_from_slice(&lsn.to_le_bytes());
    head[24..].copy_from_slice(&synced.to_le_bytes());
    record_crc
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: Key = Key(0x0123_4567_89ab_cdef);

    fn stamp(sequence: u64) -> Stamp {
        KEY.stamp(sequence)
    }

    fn sealed(sequence: u64) -> Vec<u8> {
        let mut frame = Vec::new();
        begin(&mut frame);
        frame.extend_from_slice(b"record");
        seal(&mut frame, 9, 8, stamp(sequence));
        frame
    }

    #[test]
    fn a_sealed_frame_is_found() {
        let header = Header { len: 6, lsn: 9, synced: 8 };
        let crc = crc32c::crc32c(b"record");
        assert_eq!(probe(&sealed(3), stamp(3)), Probe::Frame(header, crc));
        assert_eq!(claim(&sealed(3), stamp(3)), Some(header));
        assert_eq!(claim(&sealed(3), stamp(4)), None);
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let frame = sealed(3);
        for bit in 0..frame.len() * 8 {
            let mut damaged = frame.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(!matches!(probe(&damaged, stamp(3)), Probe::Frame(..)), "bit {bit}");
        }
    }

    #[test]
    fn a_frame_of_another_segment_is_none() {
        assert_eq!(probe(&sealed(3), stamp(4)), Probe::Nothing);
    }

    #[test]
    fn a_cut_frame_says_how_long_it_is() {
        let frame = sealed(3);
        assert_eq!(probe(&frame[..HEADER - 1], stamp(3)), Probe::Longer(HEADER));
        assert_eq!(probe(&frame[..frame.len() - 1], stamp(3)), Probe::Longer(frame.len()));
        assert_eq!(probe(&[0; 64], stamp(3)), Probe::Nothing);
    }

    #[test]
    fn a_frame_under_another_key_is_none() {
        for key in [Key(0), Key(KEY.0 ^ 1), Key(KEY.0 ^ 1 << 63)] {
            assert_eq!(probe(&sealed(3), key.stamp(3)), Probe::Nothing);
            assert_eq!(claim(&sealed(3), key.stamp(3)), None);
        }
    }
}
