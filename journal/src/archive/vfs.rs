//! The files of the archive as SQLite sees them: a thin layer over a VFS of SQLite's, which writes
//! a checksum into every page of the database and checks it whenever one is read; for pages of the
//! write-ahead log it remembers the checksums. It passes everything else through, keeps no locks,
//! and never corrects what it finds.
//!
//! It is a copy of the VFS below with another `xOpen`. That one opens a file in place, and replaces
//! the table of the file's methods by a copy with another `xRead`, `xWrite` and `xClose`; so the
//! file stays what the VFS below takes it for, and there is nothing to forward.

#![expect(unsafe_code, reason = "SQLite asks for its files in C")]

mod damage;
mod frames;
mod page;

pub(crate) use damage::{explain, is_damage};
pub(super) use page::{PAGE, RESERVED_BYTES, is_sound};

use crate::courtesy;
use damage::Damage;
use frames::Frames;
pub(super) use frames::{FRAME_HEADER, LOG_HEADER};
use page::Part;
use parking_lot::Mutex;
use rusqlite::{Connection, ffi};
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::ptr;
use std::slice;
use std::sync::Arc;

/// A layer that is registered with SQLite for the rest of the process's life.
#[repr(C)]
struct Layer {
    vfs: ffi::sqlite3_vfs,
    below: *mut ffi::sqlite3_vfs,
}

/// What belongs to an open file. SQLite finds its methods, we find the rest behind them.
#[repr(C)]
struct Opened {
    methods: ffi::sqlite3_io_methods,
    below: *const ffi::sqlite3_io_methods,
    role: Role,
}

/// What a file is for.
enum Role {
    Database,
    WriteAheadLog(Arc<Frames>),
}

/// The name of the layer over the VFS of that name, or over SQLite's own choice. The first to ask
/// registers it.
pub(crate) fn over(base: Option<&str>) -> rusqlite::Result<CString> {
    static REGISTERING: Mutex<()> = Mutex::new(());
    let _alone = REGISTERING.lock();
    let name = CString::new(format!("overtime-pages-{}", base.unwrap_or_default()))?;
    let base = base.map(CString::new).transpose()?;
    let base = base.as_ref().map_or(ptr::null(), |base| base.as_ptr());
    // SAFETY: the names end with a zero, and SQLite keeps none of them.
    let (known, below) = unsafe { (ffi::sqlite3_vfs_find(name.as_ptr()), find_or_start(base)) };
    if !known.is_null() {
        return Ok(name);
    }
    if below.is_null() {
        return Err(failure(ffi::SQLITE_CANTOPEN, "there is no such VFS"));
    }
    // SAFETY: SQLite's VFS objects are never freed while they are registered.
    let mut vfs = unsafe { *below };
    vfs.pNext = ptr::null_mut();
    vfs.zName = name.clone().into_raw();
    vfs.xOpen = Some(open);
    let layer = Box::into_raw(Box::new(Layer { vfs, below }));
    // SAFETY: the layer and its name are never freed; a VFS is the first that is in a layer.
    match unsafe { ffi::sqlite3_vfs_register(layer.cast(), 0) } {
        ffi::SQLITE_OK => Ok(name),
        code => Err(failure(code, "the layer over the archive's files is refused")),
    }
}

/// Has a database that is about to be made leave room for the checksum in each page.
pub(super) fn reserve(connection: &Connection) -> rusqlite::Result<()> {
    let mut bytes = RESERVED_BYTES as c_int;
    let (main, what) = (c"main".as_ptr(), ffi::SQLITE_FCNTL_RESERVE_BYTES);
    // SAFETY: the handle is open for as long as the connection is, and the call is over before the
    // number that it reads and writes is.
    let code = unsafe {
        let bytes = (&raw mut bytes).cast();
        ffi::sqlite3_file_control(connection.handle(), main, what, bytes)
    };
    if code == ffi::SQLITE_OK { Ok(()) } else { Err(failure(code, "no room for checksums")) }
}

fn failure(code: c_int, what: &str) -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(ffi::Error::new(code), Some(what.to_owned()))
}

/// # Safety
/// `name` is null or ends with a zero.
unsafe fn find_or_start(name: *const c_char) -> *mut ffi::sqlite3_vfs {
    // SAFETY: it may be called any number of times, by any thread; the name is as it has to be.
    unsafe {
        ffi::sqlite3_initialize();
        ffi::sqlite3_vfs_find(name)
    }
}

/// Opens a file with the VFS below, and stands between it and SQLite if it is one of the two.
unsafe extern "C" fn open(
    vfs: *mut ffi::sqlite3_vfs,
    name: ffi::sqlite3_filename,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    flags_out: *mut c_int,
) -> c_int {
    // SAFETY: SQLite hands over the VFS that was registered, which is the first in its layer.
    let below = unsafe { (*vfs.cast::<Layer>()).below };
    // SAFETY: the VFS below is told what we were told, and `file` has as much room as it asks for.
    let code = unsafe {
        match (*below).xOpen {
            Some(open) => open(below, name, file, flags, flags_out),
            None => ffi::SQLITE_CANTOPEN,
        }
    };
    let is_main = flags & ffi::SQLITE_OPEN_MAIN_DB != 0;
    let is_log = flags & ffi::SQLITE_OPEN_WAL != 0;
    if code != ffi::SQLITE_OK || name.is_null() || !(is_main || is_log) {
        return code;
    }
    // SAFETY: SQLite's names of files end with a zero.
    let path = unsafe { CStr::from_ptr(name) };
    let role = if is_main { Role::Database } else { Role::WriteAheadLog(Frames::of(below, path)) };
    // SAFETY: the file was opened, so it has methods, and they stay there.
    unsafe {
        let below = (*file).pMethods;
        let methods = between(&*below);
        // Freed by `close`.
        (*file).pMethods = Box::into_raw(Box::new(Opened { methods, below, role })).cast();
    }
    ffi::SQLITE_OK
}

/// The methods of a file with ours among them. Without the third version there is no access past
/// `xRead`.
fn between(below: &ffi::sqlite3_io_methods) -> ffi::sqlite3_io_methods {
    ffi::sqlite3_io_methods {
        iVersion: below.iVersion.min(2),
        xClose: Some(close),
        xRead: Some(read),
        xWrite: Some(write),
        xFetch: None,
        xUnfetch: None,
        ..*below
    }
}

impl Opened {
    /// # Safety
    /// `buffer` has room for `amount` bytes, and `file` is the one to which this belongs.
    unsafe fn read(
        &self,
        file: *mut ffi::sqlite3_file,
        buffer: *mut c_void,
        amount: c_int,
        offset: i64,
    ) -> c_int {
        // SAFETY: the table of the VFS below outlives its files.
        let read = unsafe { (*self.below).xRead };
        // SAFETY: as the caller says.
        read.map_or(ffi::SQLITE_IOERR_READ, |read| unsafe { read(file, buffer, amount, offset) })
    }

    /// # Safety
    /// `file` is the one to which this belongs.
    unsafe fn write(&self, file: *mut ffi::sqlite3_file, bytes: &[u8], offset: i64) -> c_int {
        // SAFETY: the table of the VFS below outlives its files.
        let write = unsafe { (*self.below).xWrite };
        let (buffer, amount) = (bytes.as_ptr().cast(), bytes.len() as c_int);
        // SAFETY: the file is open, and the buffer has so many bytes.
        write
            .map_or(ffi::SQLITE_IOERR_WRITE, |write| unsafe { write(file, buffer, amount, offset) })
    }
}

/// What belongs to a file.
///
/// # Safety
/// `open` has put it there, and `close` has not been called.
unsafe fn opened<'a>(file: *mut ffi::sqlite3_file) -> &'a Opened {
    // SAFETY: the methods are the first of what was boxed.
    unsafe { &*(*file).pMethods.cast::<Opened>() }
}

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: SQLite closes each file that `open` opened once, and the box is from there.
    let opened = unsafe { Box::from_raw((*file).pMethods.cast::<Opened>().cast_mut()) };
    // SAFETY: the file gets back what it had when the VFS below opened it.
    unsafe {
        (*file).pMethods = opened.below;
        (*opened.below).xClose.map_or(ffi::SQLITE_IOERR_CLOSE, |close| close(file))
    }
}

unsafe extern "C" fn read(
    file: *mut ffi::sqlite3_file,
    buffer: *mut c_void,
    amount: c_int,
    offset: ffi::sqlite3_int64,
) -> c_int {
    courtesy::step();
    // SAFETY: SQLite reads only from files that are open.
    let opened = unsafe { opened(file) };
    match &opened.role {
        Role::WriteAheadLog(frames) => {
            // SAFETY: the buffer is SQLite's and has room for `amount` bytes.
            let code = unsafe { opened.read(file, buffer, amount, offset) };
            if code != ffi::SQLITE_OK {
                return code;
            }
            // SAFETY: all of it has just been written.
            let bytes = unsafe { slice::from_raw_parts(buffer.cast::<u8>(), amount as usize) };
            damage::verdict(code, frames.check_read(offset, bytes))
        }
        Role::Database => {
            let Some(part) = Part::of(offset, amount) else {
                return ffi::SQLITE_IOERR_READ;
            };
            if part.is_whole() {
                // SAFETY: the buffer is SQLite's and has room for `amount` bytes.
                let code = unsafe { opened.read(file, buffer, amount, offset) };
                if code != ffi::SQLITE_OK && code != ffi::SQLITE_IOERR_SHORT_READ {
                    return code;
                }
                // SAFETY: all of it, a page, has just been written: what a file is too short for is
                // filled with zeros.
                let page = unsafe { &*buffer.cast::<[u8; PAGE]>() };
                return damage::verdict(code, part.check(page));
            }
            let mut page = [0; PAGE];
            // SAFETY: `page` has room for one page.
            let code = unsafe {
                opened.read(file, page.as_mut_ptr().cast(), PAGE as c_int, part.page_offset())
            };
            if code != ffi::SQLITE_OK && code != ffi::SQLITE_IOERR_SHORT_READ {
                return code;
            }
            let wanted = part.within(&page);
            // SAFETY: the buffer is SQLite's and has room for `amount` bytes, as many as there are
            // in the part.
            unsafe { ptr::copy_nonoverlapping(wanted.as_ptr(), buffer.cast(), wanted.len()) };
            damage::verdict(code, part.check(&page))
        }
    }
}

unsafe extern "C" fn write(
    file: *mut ffi::sqlite3_file,
    buffer: *const c_void,
    amount: c_int,
    offset: ffi::sqlite3_int64,
) -> c_int {
    courtesy::step();
    // SAFETY: SQLite writes only to files that are open.
    let opened = unsafe { opened(file) };
    // SAFETY: SQLite hands over `amount` bytes.
    let bytes = unsafe { slice::from_raw_parts(buffer.cast::<u8>(), amount as usize) };
    match &opened.role {
        Role::WriteAheadLog(frames) => {
            frames.note_write(offset, bytes);
            // SAFETY: what SQLite asks for is handed on.
            unsafe { opened.write(file, bytes, offset) }
        }
        Role::Database => match Part::of(offset, amount).and_then(|part| part.sealed(bytes)) {
            // SAFETY: a page of ours instead of SQLite's, of the same length.
            Some(page) => unsafe { opened.write(file, &page, offset) },
            None => ffi::SQLITE_IOERR_WRITE,
        },
    }
}
