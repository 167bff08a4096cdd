//! Products in JSON, of which the content type is shared instead of allocated each time.

use bytes::Bytes;
use overtime_protocol::Product;
use std::sync::{Arc, LazyLock};

static JSON_TYPE: LazyLock<Arc<str>> = LazyLock::new(|| "application/json".into());

/// The content type of JSON.
pub(crate) fn json_type() -> Arc<str> {
    JSON_TYPE.clone()
}

/// A product whose body is JSON already, sent as `application/json`.
pub fn json_product(body: impl Into<Bytes>) -> Product {
    Product { content_type: Some(json_type()), body: body.into() }
}
