//! What was found damaged while SQLite read: SQLite's errors have no room for it, so it is kept for
//! the thread until it asks, as the system does with `errno`.

use rusqlite::ffi;
use std::cell::Cell;
use std::ffi::c_int;
use std::fmt;

/// Something that is not as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Damage {
    /// The page of that number, the first being 1.
    Page(u32),
    /// The page in a frame of the write-ahead log, the first being 0.
    Frame(usize),
}

thread_local! {
    static FOUND: Cell<Option<Damage>> = const { Cell::new(None) };
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Page(number) => write!(f, "page {number} does not match its checksum"),
            Self::Frame(place) => {
                write!(f, "frame {place} of the write-ahead log is not as it was written")
            }
        }
    }
}

/// What SQLite is told of a read that ended with `code`.
pub(super) fn verdict(code: c_int, checked: Result<(), Damage>) -> c_int {
    match checked {
        Ok(()) => code,
        Err(damage) => {
            FOUND.set(Some(damage));
            ffi::SQLITE_IOERR_DATA
        }
    }
}

/// Whether an error says that the archive is not as it was written.
pub(crate) fn is_damage(error: &rusqlite::Error) -> bool {
    let Some(error) = error.sqlite_error() else { return false };
    error.extended_code == ffi::SQLITE_IOERR_DATA
        || matches!(error.code, ffi::ErrorCode::DatabaseCorrupt | ffi::ErrorCode::NotADatabase)
}

/// An error that SQLite has just given to this thread, in words. If the layer has found damage, they
/// say where.
pub(crate) fn explain(error: &rusqlite::Error) -> String {
    let code = error.sqlite_error().map(|error| error.extended_code);
    match FOUND.get() {
        Some(damage) if code == Some(ffi::SQLITE_IOERR_DATA) => damage.to_string(),
        _ => error.to_string(),
    }
}
