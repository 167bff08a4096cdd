//! A frame is a record in the log. This is the only module that knows its bytes; it never touches
//! a disk.
//!
//! ```text
//! | len: u32 | crc32c: u32 | record crc32c: u32 | 0: u32 | lsn: u64 | synced: u64 | record |
//! ```
//! in little-endian. The first checksum covers the other fields of the header and the sequence
//! number of the segment, so that a frame left over from an earlier use of the same file is not
//! taken for a new one, and so that bytes that are no header are found out without reading what
//! they say is a record. `synced` is the last LSN that was on disk when the frame was written: it
//! chains batch to batch, and it is the witness that tells damage from a torn tail.

use crate::options::FRAME_HEADER_BYTES;

/// The length of the header in bytes.
pub(crate) const HEADER: usize = FRAME_HEADER_BYTES as usize;

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
    fn read(bytes: &[u8; HEADER], sequence: u64) -> Option<(Self, u32)> {
        let word = |at: usize| u32::from_le_bytes([0, 1, 2, 3].map(|i| bytes[at + i]));
        let long = |at: usize| u64::from(word(at)) | u64::from(word(at + 4)) << 32;
        let (header, record_crc) =
            (Self { len: word(0), lsn: long(16), synced: long(24) }, word(8));
        // The cheap questions first: a search asks at every byte.
        let may_be = word(12) == 0 && header.len != 0 && header.synced < header.lsn;
        let is_sound = || header.checksum(record_crc, sequence) == word(4);
        (may_be && is_sound()).then_some((header, record_crc))
    }

    fn checksum(&self, record_crc: u32, sequence: u64) -> u32 {
        let mut fields = [0; 32];
        fields[..4].copy_from_slice(&self.len.to_le_bytes());
        fields[4..8].copy_from_slice(&record_crc.to_le_bytes());
        fields[8..16].copy_from_slice(&self.lsn.to_le_bytes());
        fields[16..24].copy_from_slice(&self.synced.to_le_bytes());
        fields[24..].copy_from_slice(&sequence.to_le_bytes());
        crc32c::crc32c(&fields)
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

/// Looks for a frame of the segment with that sequence number at the start of `bytes`.
pub(crate) fn probe(bytes: &[u8], sequence: u64) -> Probe {
    let Some(head) = bytes.first_chunk::<HEADER>() else {
        return Probe::Longer(HEADER);
    };
    let Some((header, record_crc)) = Header::read(head, sequence) else {
        return Probe::Nothing;
    };
    match bytes[HEADER..].get(..header.len as usize) {
        None => Probe::Longer(HEADER + header.len as usize),
        Some(record) if crc32c::crc32c(record) == record_crc => Probe::Frame(header, record_crc),
        Some(_) => Probe::Nothing,
    }
}

/// The header at the start of `bytes`, if it is one of that segment; its record is not looked at.
pub(crate) fn claim(bytes: &[u8], sequence: u64) -> Option<Header> {
    // Most of what is looked at is zero.
    let head = bytes.first_chunk::<HEADER>().filter(|head| head[..4] != [0; 4])?;
    Header::read(head, sequence).map(|(header, _)| header)
}

/// Leaves room for a header at the end of `out`; the record is appended behind it.
pub(crate) fn begin(out: &mut Vec<u8>) {
    out.extend_from_slice(&[0; HEADER]);
}

/// Writes the header of the frame that fills `frame`, and returns the checksum of its record.
pub(crate) fn seal(frame: &mut [u8], lsn: u64, synced: u64, sequence: u64) -> u32 {
    let (head, record) = frame.split_at_mut(HEADER);
    let len = u32::try_from(record.len()).expect("a record fits a segment, which is below 4 GiB");
    let record_crc = crc32c::crc32c(record);
    let crc = Header { len, lsn, synced }.checksum(record_crc, sequence);
    head[..4].copy_from_slice(&len.to_le_bytes());
    head[4..8].copy_from_slice(&crc.to_le_bytes());
    head[8..12].copy_from_slice(&record_crc.to_le_bytes());
    head[12..16].fill(0);
    head[16..24].copy_from_slice(&lsn.to_le_bytes());
    head[24..].copy_from_slice(&synced.to_le_bytes());
    record_crc
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed(sequence: u64) -> Vec<u8> {
        let mut frame = Vec::new();
        begin(&mut frame);
        frame.extend_from_slice(b"record");
        seal(&mut frame, 9, 8, sequence);
        frame
    }

    #[test]
    fn a_sealed_frame_is_found() {
        let header = Header { len: 6, lsn: 9, synced: 8 };
        let crc = crc32c::crc32c(b"record");
        assert_eq!(probe(&sealed(3), 3), Probe::Frame(header, crc));
        assert_eq!(claim(&sealed(3), 3), Some(header));
        assert_eq!(claim(&sealed(3), 4), None);
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let frame = sealed(3);
        for bit in 0..frame.len() * 8 {
            let mut damaged = frame.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(!matches!(probe(&damaged, 3), Probe::Frame(..)), "bit {bit}");
        }
    }

    #[test]
    fn a_frame_of_another_segment_is_none() {
        assert_eq!(probe(&sealed(3), 4), Probe::Nothing);
    }

    #[test]
    fn a_cut_frame_says_how_long_it_is() {
        let frame = sealed(3);
        assert_eq!(probe(&frame[..HEADER - 1], 3), Probe::Longer(HEADER));
        assert_eq!(probe(&frame[..frame.len() - 1], 3), Probe::Longer(frame.len()));
        assert_eq!(probe(&[0; 64], 3), Probe::Nothing);
    }
}
