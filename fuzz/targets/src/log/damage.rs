//! What becomes of the files of a log, six bytes a blow.

use super::KEY;
use overtime_journal::fuzzing::{FRAMES_START, frame, segment_header};

/// What can still be said of a damaged log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trust {
    /// Whatever is shown was written.
    Whole,
    /// Something in it was made by somebody who has its key.
    Forged,
}

/// A row of blows.
pub(super) struct Damage<'a> {
    blows: std::slice::ChunksExact<'a, u8>,
}

impl<'a> Damage<'a> {
    pub(super) fn of(bytes: &'a [u8]) -> Self {
        Self { blows: bytes.chunks_exact(6) }
    }

    pub(super) fn apply_to(self, files: &mut Vec<Vec<u8>>) -> Trust {
        let mut trust = Trust::Whole;
        for blow in self.blows.take(BLOWS_MAX) {
            let &[how, which, low, high, a, b] = blow else { continue };
            let at = usize::from(u16::from_le_bytes([low, high]));
            if how % 8 == 7 {
                files.push(vec![a; at % (2 * FILE_MAX_BYTES)]);
                continue;
            }
            let count = files.len();
            let Some(file) = files.get_mut(usize::from(which) % count.max(1)) else { continue };
            if strike(file, at, how, (a, b)) == Trust::Forged {
                trust = Trust::Forged;
            }
        }
        trust
    }
}

const BLOWS_MAX: usize = 16;
const FILE_MAX_BYTES: usize = 8 * 1024;

fn strike(file: &mut Vec<u8>, at: usize, how: u8, (a, b): (u8, u8)) -> Trust {
    // Most of a short file is the block of its header, of which 64 bytes are looked at.
    let frames = file.len().min(FRAMES_START);
    let at = match how & 0x80 {
        0 => frames + at % (file.len() - frames + 1),
        _ => at % (file.len() + 1),
    };
    let end = file.len().min(at + usize::from(a) + 1);
    match how % 8 {
        0 if at < file.len() => file[at] ^= a,
        1 => file[at..end].fill(0),
        2 => file.truncate(at),
        3 => file.resize(FILE_MAX_BYTES.min(file.len() + at), b),
        4 => {
            // What an earlier write of the same file may have left there.
            let to = (at + usize::from(b) * 4) % (file.len() + 1);
            let len = (end - at).min(file.len() - to);
            file.copy_within(at..at + len, to);
        }
        5 => {
            let forged = frame(KEY, u64::from(how >> 3), a.into(), b.into(), b"forged");
            overwrite(file, at, &forged);
            return Trust::Forged;
        }
        6 => {
            overwrite(file, 0, &segment_header(a.into(), b.into()));
            return Trust::Forged;
        }
        _ => {}
    }
    Trust::Whole
}

fn overwrite(file: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    file.resize(file.len().max(at + bytes.len()), 0);
    file[at..at + bytes.len()].copy_from_slice(bytes);
}
