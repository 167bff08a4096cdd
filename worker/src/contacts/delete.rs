//! `contacts.delete`: removes a contact, and says whether there was one.

use super::email::{Email, Named};
use crate::failure::Failure;
use crate::handler::Handler;
use crate::input::Input;
use crate::json;
use crate::product::json_product;
use overtime_protocol::json::Json;
use overtime_protocol::{Kind, Product};

pub(super) struct Delete;

impl Handler for Delete {
    fn kind(&self) -> Kind {
        Kind::durable("contacts.delete")
    }

    fn run(&self, input: &mut Input<'_>) -> Result<Product, Failure> {
        let body = input.payload_bytes();
        let Named { email } = json::object(&body)?;
        let email = Email::from_member(email)?;
        let deleted = input.read(email.key())?.is_some();
        if deleted {
            input.delete(email.key())?;
        }
        let mut answer = Vec::new();
        let mut json = Json::object(&mut answer);
        json.text("email", email.as_str());
        json.boolean("deleted", deleted);
        json.end();
        Ok(json_product(answer))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Bench, job};
    use std::sync::Arc;

    #[test]
    fn a_contact_is_deleted_once() {
        let bench = Bench::new(Arc::new(Delete));
        bench.source.set(b"contacts/a@b", "{}");
        assert_eq!(bench.answer(r#"{"email":"A@b"}"#), r#"{"email":"a@b","deleted":true}"#);
        assert_eq!(bench.answer(r#"{"email":"a@b"}"#), r#"{"email":"a@b","deleted":false}"#);
    }

    #[test]
    fn that_there_was_none_must_still_be_so() {
        let bench = Bench::new(Arc::new(Delete));
        let completion = bench.attempt(&job(r#"{"email":"a@b"}"#));
        assert!(completion.puts.is_empty());
        assert_eq!(completion.expects[0].key, "contacts/a@b");
    }
}
