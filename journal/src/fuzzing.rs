//! What fuzz targets need to see of this crate: how a log looks as bytes, and what a start after a
//! crash makes of one, over a disk of their own. It promises nothing to anybody and adds nothing of
//! its own.

use crate::disk::Disk;
use crate::frame::{self, Key};
use crate::options::SEGMENT_HEADER_BYTES;
use crate::recovery::{RecoverError, Source, recover as recover_log};
use crate::segment;

/// Where the first frame of a segment begins.
pub const FRAMES_START: usize = SEGMENT_HEADER_BYTES as usize;

/// The length of a frame without its record.
pub const FRAME_BYTES: usize = frame::HEADER;

/// What a start found in a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The records behind the watermark, with their numbers.
    pub records: Vec<(u64, Vec<u8>)>,
    /// The last number in the log.
    pub last: u64,
    /// What a person should know.
    pub notes: Vec<String>,
}

/// Reads a log as a start does, and cuts off what a crash tore.
///
/// # Errors
/// Why it cannot be used.
pub fn recover(
    disk: &dyn Disk,
    key: u64,
    segment_bytes: u64,
    watermark: u64,
) -> Result<Found, String> {
    let mut records = Vec::new();
    let source = Source { disk, key: Key(key) };
    let recovered = recover_log(source, segment_bytes, watermark, |visit| {
        records.push((visit.frame.header.lsn, visit.frame.record.to_vec()));
        Ok(())
    });
    match recovered {
        Ok(recovery) => Ok(Found { records, last: recovery.last, notes: recovery.notes }),
        Err(RecoverError::Damaged { detail, .. } | RecoverError::Refused { detail, .. }) => {
            Err(detail)
        }
        Err(RecoverError::Newer { found, .. }) => Err(format!("version {found}")),
        Err(RecoverError::Io(error)) => Err(error.to_string()),
    }
}

/// A frame of that segment around `record`, which is not empty.
pub fn frame(key: u64, sequence: u64, lsn: u64, synced: u64, record: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    frame::begin(&mut bytes);
    bytes.extend_from_slice(record);
    frame::seal(&mut bytes, lsn, synced, Key(key).stamp(sequence));
    bytes
}

/// The first bytes of a segment file.
pub fn segment_header(sequence: u64, base: u64) -> Vec<u8> {
    let mut block = vec![0; segment::BLOCK];
    segment::write(segment::Header { sequence, base }, &mut block);
    block
}
