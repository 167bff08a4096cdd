//! Where a bulk task keeps why its items failed: blocks of NDJSON, counted from 0 without a gap, in
//! a space of the state that no handler can name.

use crate::id::TaskId;
use bytes::Bytes;

/// What the keys of this space begin with, and no handler's key does.
pub const RESERVED: u8 = 0;

/// The most bytes that the errors of one task take together.
pub const ERRORS_MAX_BYTES: usize = 16 * 1024 * 1024;

/// The key of one block of a task's errors.
pub fn errors_key(task: TaskId, block: u32) -> Bytes {
    format!("{}errors/{task}/{block}", char::from(RESERVED)).into()
}
