//! What the server keeps for itself in the state: where it stands and how it is written. Handlers
//! cannot name its keys. It knows nothing of what is kept.

use crate::bulk::RESERVED;
use crate::encoding;
use crate::record::{Put, ReadMark};
use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};

/// No value takes more when it is read: foreign bytes allocate no more than this.
const VALUE_MAX_BYTES: usize = 1 << 20;

/// The key of what is kept of `name` in a space.
pub fn kept_key(space: &str, name: &str) -> Bytes {
    [&[RESERVED][..], space.as_bytes(), b"/", name.as_bytes()].concat().into()
}

/// Keeps a value in place of the one before.
pub fn keep(space: &str, name: &str, value: &impl Serialize) -> Put {
    Put { key: kept_key(space, name), value: Some(kept_value(value)), read: ReadMark::Unread }
}

/// The value that is kept; empty if it would be too long to be read again.
fn kept_value(value: &impl Serialize) -> Bytes {
    let mut bytes = Vec::new();
    match encoding::append_serde::<VALUE_MAX_BYTES>(value, &mut bytes) {
        Ok(()) => bytes.into(),
        Err(encoding::NotEncoded) => Bytes::new(),
    }
}

/// What was kept, if it was that.
pub fn read_kept<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    encoding::read_serde::<VALUE_MAX_BYTES, T>(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_read_again_and_nothing_else_is() {
        let value = kept_value(&(7_u64, "seven".to_owned(), Some(vec![1_u8, 2])));
        let read: Option<(u64, String, Option<Vec<u8>>)> = read_kept(&value);
        assert_eq!(read, Some((7, "seven".to_owned(), Some(vec![1, 2]))));
        for cut in 0..value.len() {
            assert_eq!(read_kept::<(u64, String, Option<Vec<u8>>)>(&value[..cut]), None, "{cut}");
        }
        assert_eq!(kept_key("gate", "bank")[0], RESERVED);
    }
}
