//! A frame is a record in the log. This is the only module that knows its bytes; it never touches
//! a disk.
//!
//! ```text
//! | len: u32 | crc32c: u32 | lsn: u64 | synced: u64 | record: len bytes |     (little-endian)
//! ```
//! The checksum covers the record, the other three fields and the sequence number of the segment,
//! so that a frame left over from an earlier use of the same file is not taken for a new one.
//! `synced` is the last LSN that was on disk when the frame was written: it chains batch to batch,
//! and it is the witness that tells damage from a torn tail.

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
    fn read(bytes: &[u8]) -> Option<(Self, u32)> {
        let header = bytes.first_chunk::<HEADER>()?;
        let word = |at: usize| u32::from_le_bytes([0, 1, 2, 3].map(|i| header[at + i]));
        let long = |at: usize| u64::from(word(at)) | u64::from(word(at + 4)) << 32;
        let parsed = Self { len: word(0), lsn: long(8), synced: long(16) };
        Some((parsed, word(4)))
    }

    fn checksum(&self, record_crc: u32, sequence: u64) -> u32 {
        let mut fields = [0; 28];
        fields[..4].copy_from_slice(&self.len.to_le_bytes());
        fields[4..12].copy_from_slice(&self.lsn.to_le_bytes());
        fields[12..20].copy_from_slice(&self.synced.to_le_bytes());
        fields[20..].copy_from_slice(&sequence.to_le_bytes());
        crc32c::crc32c_append(record_crc, &fields)
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
    let Some((header, crc)) = Header::read(bytes) else {
        return Probe::Longer(HEADER);
    };
    if header.len == 0 {
        return Probe::Nothing;
    }
    let Some(record) = bytes[HEADER..].get(..header.len as usize) else {
        return Probe::Longer(HEADER + header.len as usize);
    };
    let record_crc = crc32c::crc32c(record);
    if header.checksum(record_crc, sequence) == crc {
        Probe::Frame(header, record_crc)
    } else {
        Probe::Nothing
    }
}

/// The header's fields as they stand, unchecked: a cheap filter before [`probe`].
pub(crate) fn claim(bytes: &[u8]) -> Option<Header> {
    Header::read(bytes).map(|(header, _)| header)
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
    head[8..16].copy_from_slice(&lsn.to_le_bytes());
    head[16..].copy_from_slice(&synced.to_le_bytes());
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
        assert_eq!(claim(&sealed(3)), Some(header));
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
