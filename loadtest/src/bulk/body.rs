//! Bulk bodies, made before the load so that making them takes nothing from the server.

use crate::contacts::{Contacts, Form};
use crate::request::post;
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Arc;

/// Where contacts are sent in bulk.
pub const PATH: &str = "/v1/bulk/contacts.upsert";

/// A request with many contacts.
#[derive(Clone, Debug)]
pub struct BulkRequest {
    /// Head and body.
    pub bytes: Vec<u8>,
    /// Which of the contacts it has.
    pub places: Range<usize>,
}

/// All contacts as NDJSON requests with bodies of about `bytes` bytes.
pub fn requests(target: SocketAddr, contacts: &Contacts, bytes: usize) -> Vec<Arc<BulkRequest>> {
    requests_as(Form::Ndjson, target, contacts, bytes)
}

/// The same in another form.
pub fn requests_as(
    form: Form,
    target: SocketAddr,
    contacts: &Contacts,
    bytes: usize,
) -> Vec<Arc<BulkRequest>> {
    let mut next = 0;
    contacts
        .bodies(form, bytes)
        .map(|(body, items)| {
            let places = next..next + items;
            next = places.end;
            let bytes = post(target, PATH, form.content_type(), &body);
            Arc::new(BulkRequest { bytes, places })
        })
        .collect()
}

/// At most how many contacts a body of that size has.
pub fn items_in(bytes: usize) -> usize {
    /// No contact is shorter.
    const ITEM_BYTES_MIN: usize = 180;
    bytes / ITEM_BYTES_MIN + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_have_all_contacts_in_order() {
        let target = "127.0.0.1:1".parse().unwrap();
        let requests = requests(target, &Contacts::new(500, 1), 20_000);
        assert!(requests.len() > 2);
        let mut next = 0;
        for request in &requests {
            assert_eq!(request.places.start, next);
            next = request.places.end;
            assert!(request.bytes.starts_with(b"POST /v1/bulk/contacts.upsert HTTP/1.1\r\n"));
        }
        assert_eq!(next, 500);
    }

    #[test]
    fn a_body_never_has_more_items_than_expected() {
        let contacts = Contacts::new(5_000, 2);
        let (_, items) = contacts.body(Form::Ndjson, 0..5_000, 500_000).unwrap();
        assert!(items <= items_in(500_000));
    }
}
