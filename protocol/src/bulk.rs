//! Where a bulk task keeps what it knows of its items, in a space of the state that no handler can
//! name: why those failed that did, as blocks of NDJSON, and which are to be tried again. Blocks
//! are counted from 0 without a gap.

use crate::id::TaskId;
use bytes::Bytes;
use std::ops::Range;

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

/// All that is kept in this space of one task: each range holds the keys from its first on, up to
/// and without its last, in the order of their bytes.
pub fn kept_of(task: TaskId) -> [Range<Bytes>; 2] {
    let mark = char::from(RESERVED);
    ["errors", "left"].map(|space| {
        // Behind the slash comes the zero, so that what begins with the one is before the other.
        let (first, behind) = (format!("{mark}{space}/{task}/"), format!("{mark}{space}/{task}0"));
        first.into()..behind.into()
    })
}

/// The key of one block of a task's errors.
pub fn errors_key(task: TaskId, block: u32) -> Bytes {
    format!("{}errors/{task}/{block}", char::from(RESERVED)).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_of_a_task_is_its_own_and_all_of_it() {
        let task = |key| TaskId::from_key(key).unwrap();
        let ours = |key: &Bytes| kept_of(task(70)).iter().any(|range| range.contains(key));
        for block in [0, 9, 10, u32::MAX] {
            assert!(ours(&errors_key(task(70), block)));
            assert!(ours(&left_key(task(70), block, block)));
            assert!(!ours(&errors_key(task(69), block)));
            assert!(!ours(&left_key(task(71), block, block)));
        }
        assert!(!ours(&"contacts/a".into()));
    }
}
