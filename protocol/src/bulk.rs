//! Where a bulk task keeps what it knows of its items, in a space of the state that no handler can
//! name: why those failed that did, as blocks of NDJSON, and which are to be tried again. Blocks
//! are counted from 0 without a gap.

use crate::id::TaskId;
use bytes::Bytes;

/// What the keys of this space begin with, and no handler's key does.
pub const RESERVED: u8 = 0;

/// The most bytes that the errors of one task take together.
pub const ERRORS_MAX_BYTES: usize = 16 * 1024 * 1024;

/// The most bytes that the notes of one pass over a task's items take together.
pub const LEFT_MAX_BYTES: usize = 16 * 1024 * 1024;

/// The key of one block of notes: which items were left over by a pass over a task's items. The
/// worker that visits them in the next pass takes it away again.
pub fn left_key(task: TaskId, pass: u32, block: u32) -> Bytes {
    format!("{}left/{task}/{pass}/{block}", char::from(RESERVED)).into()
}

/// The key of one block of a task's errors.
pub fn errors_key(task: TaskId, block: u32) -> Bytes {
    format!("{}errors/{task}/{block}", char::from(RESERVED)).into()
}
