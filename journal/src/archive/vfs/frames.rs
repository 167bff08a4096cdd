//! What SQLite has written to a write-ahead log, as a checksum a page: SQLite itself checks its
//! frames when it recovers them, and never again. What was recovered counts as written. It knows
//! nothing of what a frame means, and never touches a file.
//!
//! ```text
//! | header: 32 | header of a frame: 24 | page | header of a frame: 24 | page | …
//! ```
//! Pages of a log that another process recovered, because it had it open first, are not known and
//! not checked.

use super::Damage;
use super::page::PAGE;
use parking_lot::{Mutex, RwLock};
use rusqlite::ffi::sqlite3_vfs;
use std::collections::HashMap;
use std::ffi::{CStr, CString};
use std::sync::{Arc, Weak};

/// The length of the header of the log.
pub(crate) const LOG_HEADER: usize = 32;

/// The length of the header of a frame.
pub(crate) const FRAME_HEADER: usize = 24;

const FRAME: usize = FRAME_HEADER + PAGE;

/// The checksums of one write-ahead log, by the place of the frame. All connections of the process
/// share them.
#[derive(Default)]
pub(super) struct Frames {
    known: RwLock<Vec<Option<u32>>>,
}

/// What lies at an offset of the log.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    Header,
    /// A frame with its header.
    Frame(usize),
    /// The page of a frame.
    Page(usize),
    Other,
}

impl Frames {
    /// Those of the log of that path.
    pub(super) fn of(below: *mut sqlite3_vfs, path: &CStr) -> Arc<Self> {
        type Logs = HashMap<(usize, CString), Weak<Frames>>;
        static LOGS: Mutex<Option<Logs>> = Mutex::new(None);
        let mut logs = LOGS.lock();
        let logs = logs.get_or_insert_default();
        logs.retain(|_, frames| frames.strong_count() > 0);
        let known = logs.entry((below.addr(), path.to_owned())).or_default();
        known.upgrade().unwrap_or_else(|| {
            let frames = Arc::new(Self::default());
            *known = Arc::downgrade(&frames);
            frames
        })
    }

    /// Checks what was read from `offset`.
    pub(super) fn check_read(&self, offset: i64, bytes: &[u8]) -> Result<(), Damage> {
        match place(offset, bytes.len()) {
            // Only a recovery begins with it; it checks everything by itself.
            Place::Header => self.forget_all(),
            Place::Frame(frame) => self.check_or_learn(frame, &bytes[FRAME_HEADER..])?,
            Place::Page(frame) => self.check(frame, bytes)?,
            Place::Other => {}
        }
        Ok(())
    }

    /// Remembers what is written to `offset`.
    pub(super) fn note_write(&self, offset: i64, bytes: &[u8]) {
        match place(offset, bytes.len()) {
            Place::Page(frame) => self.learn(frame, Some(crc32c::crc32c(bytes))),
            Place::Frame(frame) => self.learn(frame, Some(crc32c::crc32c(&bytes[FRAME_HEADER..]))),
            Place::Header => {}
            Place::Other => self.forget(offset, bytes.len()),
        }
    }

    fn check(&self, frame: usize, page: &[u8]) -> Result<(), Damage> {
        let known = self.known.read();
        match known.get(frame).copied().flatten() {
            Some(crc) if crc != crc32c::crc32c(page) => Err(Damage::Frame(frame)),
            _ => Ok(()),
        }
    }

    fn check_or_learn(&self, frame: usize, page: &[u8]) -> Result<(), Damage> {
        self.check(frame, page)?;
        self.learn(frame, Some(crc32c::crc32c(page)));
        Ok(())
    }

    fn learn(&self, frame: usize, crc: Option<u32>) {
        let mut known = self.known.write();
        if known.len() <= frame {
            known.resize(frame + 1, None);
        }
        known[frame] = crc;
    }

    /// Parts of pages are written only where a sector has to be filled up before a sync.
    fn forget(&self, offset: i64, len: usize) {
        let start = usize::try_from(offset).unwrap_or(0).saturating_sub(LOG_HEADER);
        let mut known = self.known.write();
        for frame in start / FRAME..=(start + len) / FRAME {
            let at = frame * FRAME + FRAME_HEADER;
            if start < at + PAGE && at < start + len && frame < known.len() {
                known[frame] = None;
            }
        }
    }

    fn forget_all(&self) {
        self.known.write().clear();
    }
}

fn place(offset: i64, len: usize) -> Place {
    let Ok(offset) = usize::try_from(offset) else {
        return Place::Other;
    };
    if offset == 0 && len == LOG_HEADER {
        return Place::Header;
    }
    let Some(behind) = offset.checked_sub(LOG_HEADER) else {
        return Place::Other;
    };
    match (behind % FRAME, len) {
        (0, FRAME) => Place::Frame(behind / FRAME),
        (FRAME_HEADER, PAGE) => Place::Page(behind / FRAME),
        _ => Place::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = (LOG_HEADER + FRAME + FRAME_HEADER) as i64;

    #[test]
    fn what_was_written_is_checked() {
        let frames = Frames::default();
        frames.note_write(SECOND, &[7; PAGE]);
        assert_eq!(frames.check_read(SECOND, &[7; PAGE]), Ok(()));
        let mut other = [7; PAGE];
        other[100] ^= 1;
        assert_eq!(frames.check_read(SECOND, &other), Err(Damage::Frame(1)));
        let first = SECOND - FRAME as i64;
        assert_eq!(frames.check_read(first, &other), Ok(()), "nothing is known of it");
        frames.note_write(SECOND, &other);
        assert_eq!(frames.check_read(SECOND, &other), Ok(()));
    }

    #[test]
    fn what_was_recovered_counts_as_written() {
        let frames = Frames::default();
        frames.note_write(SECOND, &[1; PAGE]);
        frames.check_read(0, &[0; LOG_HEADER]).unwrap();
        let frame = [2; FRAME];
        frames.check_read(SECOND - FRAME_HEADER as i64, &frame).unwrap();
        assert_eq!(frames.check_read(SECOND, &frame[FRAME_HEADER..]), Ok(()));
        assert_eq!(frames.check_read(SECOND, &[1; PAGE]), Err(Damage::Frame(1)));
    }

    #[test]
    fn a_page_written_in_parts_is_not_known_and_its_neighbours_are() {
        let frames = Frames::default();
        for frame in 0..3 {
            frames.note_write(SECOND + (frame - 1) * FRAME as i64, &[1; PAGE]);
        }
        frames.note_write(SECOND + 5, &[2; 100]);
        // The header of the third.
        frames.note_write(SECOND + PAGE as i64, &[2; FRAME_HEADER]);
        let known: Vec<bool> = frames.known.read().iter().map(Option::is_some).collect();
        assert_eq!(known, [true, false, true]);
    }

    #[test]
    fn connections_to_one_log_share_what_is_known_of_it() {
        let of = |path| Frames::of(std::ptr::null_mut(), path);
        let first = of(c"a-wal");
        assert!(Arc::ptr_eq(&first, &of(c"a-wal")));
        assert!(!Arc::ptr_eq(&first, &of(c"b-wal")));
    }
}
