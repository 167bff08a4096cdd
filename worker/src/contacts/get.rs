//! `contacts.get`: answers with a contact's document. It never writes.

use super::email::{Email, Named};
use crate::failure::Failure;
use crate::handler::Handler;
use crate::input::Input;
use crate::json;
use crate::product::json_product;
use overtime_protocol::{Kind, Product};

pub(super) struct Get;

impl Handler for Get {
    fn kind(&self) -> Kind {
        Kind::durable("contacts.get")
    }

    fn run(&self, input: &mut Input<'_>) -> Result<Product, Failure> {
        let body = input.payload_bytes();
        let Named { email } = json::object(&body)?;
        let email = Email::from_member(email)?;
        let document = input.read(email.key())?;
        document.map(json_product).ok_or_else(|| {
            Failure::input(
                "unknown-contact",
                format!("no contact has the email {}", email.as_str()),
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Bench, job};
    use std::sync::Arc;

    #[test]
    fn the_document_comes_back_as_it_is_stored() {
        let bench = Bench::new(Arc::new(Get));
        bench.source.set(b"contacts/a@b", r#"{"email":"a@b","version":1}"#);
        assert_eq!(bench.answer(r#"{"email":"A@B"}"#), r#"{"email":"a@b","version":1}"#);
        assert!(bench.attempt(&job(r#"{"email":"a@b"}"#)).puts.is_empty());
    }

    #[test]
    fn an_unknown_contact_is_the_callers_mistake() {
        let bench = Bench::new(Arc::new(Get));
        assert_eq!(bench.rejection(r#"{"email":"a@b"}"#).code, "unknown-contact");
        assert_eq!(bench.rejection(r#"{"email":"a"}"#).code, "invalid-email");
        let fault = bench.rejection(r#"{"email":"a@b","phone":"1"}"#);
        assert!(fault.detail.contains("`phone`"), "{}", fault.detail);
    }
}
