//! `contacts.upsert`: adds a contact, or merges what is sent into the one that is there.

use super::document::{self, DOCUMENT_MAX_BYTES, Document, Stored};
use super::email::Email;
use super::fields::Fields;
use super::member::{self, tags_wish, text_wish};
use crate::failure::Failure;
use crate::handler::Handler;
use crate::input::Input;
use crate::json;
use crate::product::json_product;
use overtime_protocol::json::Json;
use overtime_protocol::{Kind, Product, UnixMillis};
use serde::Deserialize;
use serde_json::value::RawValue;

pub(super) struct Upsert;

/// What a caller may send. Every member is taken as it is and checked afterwards, so that a
/// refusal can name it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Patch<'a> {
    #[serde(borrow, default, deserialize_with = "member::sent")]
    email: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "member::sent")]
    first_name: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "member::sent")]
    last_name: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "member::sent")]
    phone: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "member::sent")]
    company: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "member::sent")]
    tags: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "member::sent")]
    fields: Option<&'a RawValue>,
}

impl Handler for Upsert {
    fn kind(&self) -> Kind {
        Kind::durable("contacts.upsert")
    }

    fn run(&self, input: &mut Input<'_>) -> Result<Product, Failure> {
        if input.payload_len() > DOCUMENT_MAX_BYTES as u64 {
            return Err(document::too_large("the body", input.payload_len()));
        }
        let body = input.payload_bytes();
        let patch: Patch<'_> = json::object(&body)?;
        let email = Email::from_member(patch.email)?;
        let found = input.read(email.key())?;
        let stored = match &found {
            Some(document) => Stored::read(document)?,
            None => Stored::default(),
        };
        let merged = patch.merge_into(&stored, &email, input.now())?;
        let capacity = body.len() + found.as_ref().map_or(0, |document| document.len()) + 128;
        input.put(email.key(), merged.to_json(capacity)?)?;
        Ok(answer(&email, merged.version, found.is_none()))
    }
}

impl<'a> Patch<'a> {
    fn merge_into(
        &self,
        stored: &Stored<'a>,
        email: &'a Email,
        now: UnixMillis,
    ) -> Result<Document<'a>, Failure> {
        let text = |name, sent, stored| text_wish(name, sent).map(|wish| wish.over(stored));
        Ok(Document {
            email,
            first_name: text("first_name", self.first_name, stored.first_name)?,
            last_name: text("last_name", self.last_name, stored.last_name)?,
            phone: text("phone", self.phone, stored.phone)?,
            company: text("company", self.company, stored.company)?,
            tags: tags_wish(self.tags)?.over(stored.tags),
            fields: Fields::stored(stored.fields)
                .map_err(document::unreadable)?
                .merge(self.fields)?,
            version: stored.version + 1,
            created_at: stored.created_at.map(RawValue::get),
            updated_at: now,
        })
    }
}

fn answer(email: &Email, version: u64, created: bool) -> Product {
    let mut body = Vec::with_capacity(email.as_str().len() + 64);
    let mut json = Json::object(&mut body);
    json.text("email", email.as_str());
    json.number("version", version);
    json.boolean("created", created);
    json.end();
    json_product(body)
}

#[cfg(test)]
mod tests;
