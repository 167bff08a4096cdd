//! The head of a frame: its preamble, and where its header ends. It checks what can be checked
//! before the header is read.

use super::message::{Message, Place, Rule};
use super::preamble::{PREAMBLE_BYTES, Preamble, malformed};
use crate::problem::Problem;

/// A head that is whole.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    pub(super) preamble: Preamble,
    pub(super) rule: Rule,
    /// Its length, the preamble included.
    pub(super) len: usize,
}

impl Head {
    /// The head that `bytes` start with, if it is whole. What its preamble says is checked as soon
    /// as that is there. `opened` if it is not the first of its side.
    ///
    /// # Errors
    /// Nothing behind these bytes can be read.
    pub(super) fn read<M: Message>(bytes: &[u8], opened: bool) -> Result<Option<Self>, Problem> {
        let Some(preamble) = bytes.first_chunk() else { return Ok(None) };
        let preamble = Preamble::read(preamble)?;
        let rule = M::rule(preamble.kind)
            .ok_or_else(|| malformed("This side says nothing in frames of this type."))?;
        check(preamble, rule)?;
        match (rule.place, opened) {
            (Place::First, true) => {
                return Err(malformed("Frames of this type can only be the first."));
            }
            (Place::Later, false) => return Err(malformed("The first frame is a hello.")),
            (Place::First, false) | (Place::Later, true) | (Place::Any, _) => {}
        }
        let len = PREAMBLE_BYTES + usize::from(preamble.header_len);
        Ok((bytes.len() >= len).then_some(Self { preamble, rule, len }))
    }

    /// The length of the payload that follows; `None` if there can be none.
    pub(super) fn payload_len(&self) -> Option<u64> {
        self.rule.has_payload.then_some(self.preamble.payload_len)
    }
}

fn check(preamble: Preamble, rule: Rule) -> Result<(), Problem> {
    if preamble.version != rule.version {
        return Err(malformed("Frames of this type have another version."));
    }
    if (preamble.id == 0) != (rule.version == 0) {
        return Err(malformed("The id is 0 if a frame is about the connection, and only then."));
    }
    if preamble.payload_len != 0 && !rule.has_payload {
        return Err(malformed("Frames of this type have no payload."));
    }
    Ok(())
}
