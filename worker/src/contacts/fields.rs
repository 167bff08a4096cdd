//! Custom fields: the members of `fields`, of any name and any type, merged name by name.

use super::member::{self, RawJson};
use crate::failure::Failure;
use overtime_protocol::json::write_text;
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

/// The most custom fields of a contact.
const FIELDS_MAX: usize = 256;

/// Custom fields by name.
#[derive(Debug, Default)]
pub(super) struct Fields<'a>(BTreeMap<Cow<'a, str>, &'a RawValue>);

impl<'a> Fields<'a> {
    /// The custom fields in a stored document, or none.
    pub(super) fn stored(value: Option<&'a RawValue>) -> serde_json::Result<Self> {
        value.map_or(Ok(Self::default()), |value| serde_json::from_str(value.get()))
    }

    /// Merges what was sent: a null removes its field, anything else replaces it; a null in place
    /// of all fields removes all.
    pub(super) fn merge(mut self, sent: Option<&'a RawValue>) -> Result<Self, Failure> {
        let value = match sent {
            None => return Ok(self),
            Some(value) if member::is_null(value) => return Ok(Self::default()),
            Some(value) if !value.get().starts_with('{') => {
                return Err(member::wrong("fields", "an object or null", value));
            }
            Some(value) => value,
        };
        let Self(patch) = serde_json::from_str(value.get())
            .map_err(|error| Failure::input("invalid-input", format!("in `fields`: {error}")))?;
        for (name, value) in patch {
            self.set(name, value)?;
        }
        match self.0.len() {
            ..=FIELDS_MAX => Ok(self),
            count => {
                let detail = format!("`fields` has {count} entries; {FIELDS_MAX} are allowed");
                Err(Failure::input("too-many-fields", detail))
            }
        }
    }

    fn set(&mut self, name: Cow<'a, str>, value: &'a RawValue) -> Result<(), Failure> {
        if member::is_null(value) {
            self.0.remove(&name);
        } else if let Some(flaw) = member::flaw(value) {
            let detail = format!("in the value of `fields.{name}`: {flaw}");
            return Err(Failure::input("invalid-input", detail));
        } else {
            self.0.insert(name, value);
        }
        Ok(())
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Appends the fields as one object.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let mut before: &RawJson = "{";
        for (name, value) in &self.0 {
            out.extend_from_slice(before.as_bytes());
            write_text(out, name);
            out.push(b':');
            member::write_compact(value.get(), out);
            before = ",";
        }
        out.push(b'}');
    }
}

/// Names are borrowed where they have no escapes, and a name that comes twice is refused.
impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}

#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
        let mut fields = BTreeMap::new();
        while let Some((Name(name), value)) = map.next_entry()? {
            if fields.contains_key(&name) {
                return Err(de::Error::custom(format_args!("`{name}` is named twice")));
            }
            fields.insert(name, value);
        }
        Ok(Fields(fields))
    }
}
