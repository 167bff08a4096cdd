//! The contact kinds. A contact stands at the state key `contacts/<email>`, as the JSON document
//! that a reader is shown; nothing else knows how it looks inside.
//!
//! Values that a caller sent are checked and then carried as the JSON they came in, never parsed
//! into numbers and written again: `0.10` stays `0.10`, and a large integer keeps all its digits.

mod delete;
mod document;
mod email;
mod fields;
mod get;
mod member;
mod upsert;

use crate::handler::Handler;
use std::sync::Arc;

/// The handlers of `contacts.upsert`, `contacts.get` and `contacts.delete`.
pub fn handlers() -> Vec<Arc<dyn Handler>> {
    vec![Arc::new(upsert::Upsert), Arc::new(get::Get), Arc::new(delete::Delete)]
}
