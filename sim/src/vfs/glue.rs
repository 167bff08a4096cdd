//! The calls that SQLite makes, as functions of C, and their way to a [`Handle`]. Nothing is
//! decided here: each function makes values of Rust out of what it is given and passes it on.
//!
//! The whole of the crate's `unsafe` is here. What makes it sound: SQLite gives each function the
//! file that `open` filled, until it has called `close` for it, and buffers as long as it says.

#![expect(unsafe_code, reason = "SQLite calls a VFS through pointers")]

use super::{Code, Handle};
use rusqlite::ffi;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering};

/// The name under which SQLite knows the simulated drive.
pub(crate) const NAME: &str = "overtime-sim";

const C_NAME: &CStr = c"overtime-sim";

/// The longest path.
const PATH_BYTES_MAX: c_int = 512;

/// The Julian day of 1970-01-01T00:00:00Z, in milliseconds.
const UNIX_IN_JULIAN_MS: i64 = 210_866_760_000_000;

/// SQLite's file, and behind it what it is for us.
#[repr(C)]
struct File {
    base: ffi::sqlite3_file,
    handle: *mut Handle,
}

const METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: None,
    xUnfetch: None,
};

static FILE_METHODS: ffi::sqlite3_io_methods = METHODS;

/// Makes the drive known to SQLite, for as long as the process lives.
pub(super) fn register() {
    let vfs = Box::new(ffi::sqlite3_vfs {
        iVersion: 2,
        szOsFile: size_of::<File>() as c_int,
        mxPathname: PATH_BYTES_MAX,
        pNext: ptr::null_mut(),
        zName: C_NAME.as_ptr(),
        pAppData: ptr::null_mut(),
        xOpen: Some(open),
        xDelete: Some(delete),
        xAccess: Some(access),
        xFullPathname: Some(full_pathname),
        xDlOpen: None,
        xDlError: None,
        xDlSym: None,
        xDlClose: None,
        xRandomness: Some(randomness),
        xSleep: Some(sleep),
        xCurrentTime: Some(current_time),
        xGetLastError: None,
        xCurrentTimeInt64: Some(current_time_ms),
        xSetSystemCall: None,
        xGetSystemCall: None,
        xNextSystemCall: None,
    });
    // SAFETY: it is complete, and it is never freed.
    let code = unsafe { ffi::sqlite3_vfs_register(Box::leak(vfs), 0) };
    assert_eq!(code, ffi::SQLITE_OK, "SQLite takes another VFS");
}

fn code(done: Result<(), Code>) -> c_int {
    done.err().unwrap_or(ffi::SQLITE_OK)
}

/// The file behind SQLite's pointer.
///
/// # Safety
/// `file` was filled by [`open`] and is not closed yet.
unsafe fn handle<'a>(file: *mut ffi::sqlite3_file) -> &'a Handle {
    // SAFETY: `open` put it there, and `close` takes it away.
    unsafe { &*(*file.cast::<File>()).handle }
}

/// A path; `None` if there is none.
///
/// # Safety
/// It is null or ends with a zero.
unsafe fn path<'a>(name: *const c_char) -> Option<&'a str> {
    if name.is_null() {
        return None;
    }
    // SAFETY: as the caller says.
    unsafe { CStr::from_ptr(name) }.to_str().ok()
}

unsafe extern "C" fn open(
    _: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    static OPENED: AtomicU64 = AtomicU64::new(1);
    let number = OPENED.fetch_add(1, Ordering::Relaxed);
    let file = file.cast::<File>();
    // SAFETY: SQLite gives room for a `File` and a path that ends with a zero.
    unsafe {
        (*file).base.pMethods = ptr::null();
        match Handle::open(path(name), flags, number) {
            Ok(handle) => {
                (*file).handle = Box::into_raw(Box::new(handle));
                (*file).base.pMethods = &raw const FILE_METHODS;
                if !out_flags.is_null() {
                    *out_flags = flags;
                }
                ffi::SQLITE_OK
            }
            Err(code) => code,
        }
    }
}

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: `open` made it of a box, and SQLite closes a file once.
    let handle = unsafe { Box::from_raw((*file.cast::<File>()).handle) };
    handle.close();
    ffi::SQLITE_OK
}

unsafe extern "C" fn read(
    file: *mut ffi::sqlite3_file,
    buffer: *mut c_void,
    len: c_int,
    at: ffi::sqlite3_int64,
) -> c_int {
    // SAFETY: SQLite gives a buffer of that length.
    unsafe {
        let buffer =
            std::slice::from_raw_parts_mut(buffer.cast::<u8>(), len.unsigned_abs() as usize);
        code(handle(file).read(buffer, at.unsigned_abs()))
    }
}

unsafe extern "C" fn write(
    file: *mut ffi::sqlite3_file,
    bytes: *const c_void,
    len: c_int,
    at: ffi::sqlite3_int64,
) -> c_int {
    // SAFETY: SQLite gives as many bytes as it says.
    unsafe {
        let bytes = std::slice::from_raw_parts(bytes.cast::<u8>(), len.unsigned_abs() as usize);
        code(handle(file).write(bytes, at.unsigned_abs()))
    }
}

unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, len: ffi::sqlite3_int64) -> c_int {
    // SAFETY: the file is open.
    code(unsafe { handle(file) }.truncate(len.unsigned_abs()))
}

unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, _: c_int) -> c_int {
    // SAFETY: the file is open.
    code(unsafe { handle(file) }.sync())
}

unsafe extern "C" fn file_size(
    file: *mut ffi::sqlite3_file,
    len: *mut ffi::sqlite3_int64,
) -> c_int {
    // SAFETY: the file is open, and the result has room.
    unsafe { code(handle(file).len().map(|found| *len = found.cast_signed())) }
}

unsafe extern "C" fn lock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    // SAFETY: the file is open.
    let handle = unsafe { handle(file) };
    code(handle.lock(level))
}

unsafe extern "C" fn unlock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    // SAFETY: the file is open.
    let handle = unsafe { handle(file) };
    handle.sharing.lock().unlock(handle.number, level);
    ffi::SQLITE_OK
}

unsafe extern "C" fn check_reserved_lock(file: *mut ffi::sqlite3_file, out: *mut c_int) -> c_int {
    // SAFETY: the file is open, and the result has room.
    unsafe { *out = c_int::from(handle(file).sharing.lock().is_reserved()) };
    ffi::SQLITE_OK
}

unsafe extern "C" fn file_control(_: *mut ffi::sqlite3_file, _: c_int, _: *mut c_void) -> c_int {
    ffi::SQLITE_NOTFOUND
}

unsafe extern "C" fn sector_size(_: *mut ffi::sqlite3_file) -> c_int {
    4096
}

unsafe extern "C" fn device_characteristics(_: *mut ffi::sqlite3_file) -> c_int {
    // As the operating system's VFS: a torn write damages nothing beside it.
    ffi::SQLITE_IOCAP_POWERSAFE_OVERWRITE
}

unsafe extern "C" fn shm_map(
    file: *mut ffi::sqlite3_file,
    place: c_int,
    len: c_int,
    makes: c_int,
    out: *mut *mut c_void,
) -> c_int {
    // SAFETY: the file is open, and the result has room. The region stays where it is until the
    // last connection has gone.
    unsafe {
        let (place, len) = (place.unsigned_abs() as usize, len.unsigned_abs() as usize);
        let region = handle(file).sharing.lock().region(place, len, makes != 0);
        *out = region.map_or(ptr::null_mut(), |region| region.cast());
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn shm_lock(
    file: *mut ffi::sqlite3_file,
    first: c_int,
    count: c_int,
    flags: c_int,
) -> c_int {
    // SAFETY: the file is open.
    let handle = unsafe { handle(file) };
    let slots = (first.unsigned_abs() as usize, count.unsigned_abs() as usize);
    code(handle.sharing.lock().lock_slots(handle.number, slots, flags))
}

unsafe extern "C" fn shm_barrier(_: *mut ffi::sqlite3_file) {
    // There is but one thread, which sees what it wrote.
}

unsafe extern "C" fn shm_unmap(file: *mut ffi::sqlite3_file, deletes: c_int) -> c_int {
    // SAFETY: the file is open.
    let handle = unsafe { handle(file) };
    let mut sharing = handle.sharing.lock();
    sharing.leave_memory(handle.number);
    if deletes != 0 {
        sharing.forget_memory();
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn delete(_: *mut ffi::sqlite3_vfs, name: *const c_char, _: c_int) -> c_int {
    // SAFETY: the path ends with a zero.
    let path = unsafe { path(name) };
    code(path.map_or(Err(ffi::SQLITE_IOERR_DELETE), super::remove))
}

unsafe extern "C" fn access(
    _: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    _: c_int,
    out: *mut c_int,
) -> c_int {
    // SAFETY: the path ends with a zero, and the result has room.
    unsafe { *out = c_int::from(path(name).is_some_and(super::exists)) };
    ffi::SQLITE_OK
}

unsafe extern "C" fn full_pathname(
    _: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    room: c_int,
    out: *mut c_char,
) -> c_int {
    // SAFETY: the path ends with a zero, and there is as much room as SQLite says.
    unsafe {
        let bytes = CStr::from_ptr(name).to_bytes_with_nul();
        if bytes.len() > room.unsigned_abs() as usize {
            return ffi::SQLITE_CANTOPEN;
        }
        ptr::copy_nonoverlapping(bytes.as_ptr().cast(), out, bytes.len());
    }
    ffi::SQLITE_OK
}

/// The same in every run: nothing that SQLite decides by it is to differ.
unsafe extern "C" fn randomness(_: *mut ffi::sqlite3_vfs, len: c_int, out: *mut c_char) -> c_int {
    // SAFETY: there is as much room as SQLite says.
    unsafe { ptr::write_bytes(out, 0x2a, len.unsigned_abs() as usize) };
    len
}

/// Nobody else runs, so nothing is waited for.
unsafe extern "C" fn sleep(_: *mut ffi::sqlite3_vfs, microseconds: c_int) -> c_int {
    microseconds
}

/// The archive is told the time by the journal's clock, so this one only has to be some time.
const SOME_TIME: i64 = UNIX_IN_JULIAN_MS + 1_800_000_000_000;

unsafe extern "C" fn current_time(_: *mut ffi::sqlite3_vfs, out: *mut f64) -> c_int {
    // SAFETY: the result has room.
    unsafe { *out = SOME_TIME as f64 / 86_400_000.0 };
    ffi::SQLITE_OK
}

unsafe extern "C" fn current_time_ms(
    _: *mut ffi::sqlite3_vfs,
    out: *mut ffi::sqlite3_int64,
) -> c_int {
    // SAFETY: the result has room.
    unsafe { *out = SOME_TIME };
    ffi::SQLITE_OK
}
