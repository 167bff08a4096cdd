//! What the floors do with a bulk body: they parse each line into a contact, and count. Nothing is
//! kept, so this is the least that anybody who takes bulk has to do.

use crate::head::Malformed;
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::hint::black_box;

/// What a request asks for, as its first line tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// Many contacts.
    Bulk,
    /// Anything else: the body comes back.
    Echo,
}

impl Route {
    pub(super) fn of(first_line: &[u8]) -> Result<Self, Malformed> {
        let is_bulk = first_line.starts_with(b"POST /v1/bulk/");
        Ok(if is_bulk { Self::Bulk } else { Self::Echo })
    }
}

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "a contact is parsed whole, whoever reads it")]
struct Contact<'a> {
    #[serde(borrow)]
    email: Cow<'a, str>,
    #[serde(borrow)]
    first_name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    last_name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    phone: Option<Cow<'a, str>>,
    #[serde(borrow)]
    company: Option<Cow<'a, str>>,
    tags: Option<Vec<String>>,
    fields: Option<BTreeMap<String, serde_json::Value>>,
}

/// Parses an NDJSON body and answers as a bulk endpoint does, as far as the counters go.
pub(super) fn digest(body: &[u8]) -> Vec<u8> {
    let (mut items, mut succeeded) = (0_u64, 0_u64);
    for line in body.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()) {
        items += 1;
        succeeded += u64::from(black_box(serde_json::from_slice::<Contact<'_>>(line)).is_ok());
    }
    let failed = items - succeeded;
    format!("{{\"items\":{items},\"succeeded\":{succeeded},\"failed\":{failed}}}").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contacts::{Contacts, Form};

    #[test]
    fn every_line_is_an_item_and_a_bad_one_fails_alone() {
        let (mut body, _) = Contacts::new(20, 1).body(Form::Ndjson, 0..20, usize::MAX).unwrap();
        body.extend_from_slice(b"{\"email\":7}\n\n{\"email\":\"a\\u0040b.example\"}");
        let told = String::from_utf8(digest(&body)).unwrap();
        assert_eq!(told, r#"{"items":22,"succeeded":21,"failed":1}"#);
    }

    #[test]
    fn the_first_line_tells_bulk_from_the_rest() {
        let route = |line: &str| Route::of(line.as_bytes()).unwrap();
        assert_eq!(route("POST /v1/bulk/contacts.upsert HTTP/1.1"), Route::Bulk);
        assert_eq!(route("POST /v1/tasks/echo HTTP/1.1"), Route::Echo);
    }
}
