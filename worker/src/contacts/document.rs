//! The contact document, as it is stored and shown. Optional members that are absent are left out.

use super::email::Email;
use super::fields::Fields;
use super::member::{RawJson, write_compact};
use crate::failure::Failure;
use overtime_protocol::UnixMillis;
use overtime_protocol::json::write_text;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::io::Write;

/// The longest document, in bytes.
pub(super) const DOCUMENT_MAX_BYTES: usize = 64 * 1024;

/// A stored document. What is not asked of it is passed over, so that a later version may add
/// members.
#[derive(Default, Deserialize)]
pub(super) struct Stored<'a> {
    #[serde(borrow)]
    pub(super) first_name: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) last_name: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) phone: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) company: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) tags: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) fields: Option<&'a RawValue>,
    pub(super) version: u64,
    #[serde(borrow)]
    pub(super) created_at: Option<&'a RawValue>,
}

impl<'a> Stored<'a> {
    /// Reads a stored document.
    pub(super) fn read(document: &'a [u8]) -> Result<Self, Failure> {
        serde_json::from_slice(document).map_err(unreadable)
    }
}

/// That what is stored is no contact document.
pub(super) fn unreadable(error: serde_json::Error) -> Failure {
    Failure::defect("contact-unreadable", format!("the stored contact is damaged: {error}"))
}

/// A document to be stored.
pub(super) struct Document<'a> {
    pub(super) email: &'a Email,
    pub(super) first_name: Option<&'a RawJson>,
    pub(super) last_name: Option<&'a RawJson>,
    pub(super) phone: Option<&'a RawJson>,
    pub(super) company: Option<&'a RawJson>,
    pub(super) tags: Option<&'a RawJson>,
    pub(super) fields: Fields<'a>,
    pub(super) version: u64,
    /// As stored before; `None` for a contact that is new now.
    pub(super) created_at: Option<&'a RawJson>,
    pub(super) updated_at: UnixMillis,
}

impl Document<'_> {
    /// The document as JSON; `capacity` is a guess of its length.
    pub(super) fn to_json(&self, capacity: usize) -> Result<Vec<u8>, Failure> {
        let mut out = Vec::with_capacity(capacity);
        out.extend_from_slice(b"{\"email\":");
        write_text(&mut out, self.email.as_str());
        write_member(&mut out, "first_name", self.first_name);
        write_member(&mut out, "last_name", self.last_name);
        write_member(&mut out, "phone", self.phone);
        write_member(&mut out, "company", self.company);
        write_member(&mut out, "tags", self.tags);
        if !self.fields.is_empty() {
            write_name(&mut out, "fields");
            self.fields.write(&mut out);
        }
        self.write_history(&mut out);
        if out.len() > DOCUMENT_MAX_BYTES {
            return Err(too_large("the contact", out.len() as u64));
        }
        Ok(out)
    }

    fn write_history(&self, out: &mut Vec<u8>) {
        const NEVER_FAILS: &str = "writing to a vector never fails";
        write!(out, ",\"version\":{}", self.version).expect(NEVER_FAILS);
        let now = format!("\"{}\"", self.updated_at);
        write_member(out, "created_at", Some(self.created_at.unwrap_or(&now)));
        write_member(out, "updated_at", Some(&now));
        out.push(b'}');
    }
}

/// The refusal of a contact that is, or would be, too large.
pub(super) fn too_large(what: &str, len: u64) -> Failure {
    let detail = format!("{what} is {len} bytes long; {DOCUMENT_MAX_BYTES} are allowed");
    Failure::input("contact-too-large", detail)
}

fn write_member(out: &mut Vec<u8>, name: &str, value: Option<&RawJson>) {
    if let Some(value) = value {
        write_name(out, name);
        write_compact(value, out);
    }
}

fn write_name(out: &mut Vec<u8>, name: &str) {
    out.extend_from_slice(b",\"");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
}
