//! A parcel: one payload on its way to a service, and the fields that go with it. It sends nothing.

use super::service::Service;
use super::told::CURSOR;
use crate::payload_reader::PayloadReader;
use bytes::Bytes;
use overtime_protocol::{TaskId, UnixMillis};
use std::time::Duration;
use ureq::http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE};
use ureq::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri};

const WEBHOOK_ID: HeaderName = HeaderName::from_static("webhook-id");
const WEBHOOK_TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const WEBHOOK_SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const ATTEMPT: HeaderName = HeaderName::from_static("overtime-attempt");
const DEADLINE: HeaderName = HeaderName::from_static("overtime-deadline");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// What bytes of no known type are.
const OCTETS: HeaderValue = HeaderValue::from_static("application/octet-stream");

/// One payload to be delivered.
#[derive(Clone, Copy, Debug)]
pub struct Parcel<'a> {
    /// The task: it names the work, whatever becomes of this delivery.
    pub task: TaskId,
    /// Which item of a bulk body it is.
    pub item: Option<u64>,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// The payload.
    pub payload: &'a [Bytes],
    /// What the payload is, if the caller said so.
    pub content_type: Option<&'a str>,
    /// Where an earlier delivery came to.
    pub cursor: Option<&'a [u8]>,
    /// The caller's trace context.
    pub traceparent: Option<&'a str>,
    /// The time now.
    pub now: UnixMillis,
    /// How long this delivery may take, if not as long as the kind says: the service is not well, and
    /// this is a probe.
    pub limit: Option<Duration>,
}

impl Parcel<'_> {
    /// The fields of the request, of which `timeout` is what it may take.
    pub(super) fn fields(&self, service: &Service, timeout: Duration) -> HeaderMap {
        let mut fields = HeaderMap::with_capacity(16);
        let id = self.id();
        let second = self.now.0 / 1_000;
        if let Some(signer) = &service.signer {
            let signature = signer.sign(&id, second, self.payload);
            set(&mut fields, WEBHOOK_SIGNATURE, signature);
        }
        let id = value(id);
        fields.insert(CONTENT_LENGTH, self.len().into());
        let content_type = self.content_type.and_then(|text| HeaderValue::from_str(text).ok());
        fields.insert(CONTENT_TYPE, content_type.unwrap_or(OCTETS));
        if let Some(id) = id {
            fields.insert(IDEMPOTENCY_KEY, id.clone());
            fields.insert(WEBHOOK_ID, id);
        }
        fields.insert(WEBHOOK_TIMESTAMP, second.into());
        fields.insert(ATTEMPT, self.attempt.into());
        set(&mut fields, DEADLINE, (self.now + timeout).to_string());
        let cursor = self.cursor.and_then(|cursor| HeaderValue::from_bytes(cursor).ok());
        cursor.map(|cursor| fields.insert(CURSOR, cursor));
        let traceparent = self.traceparent.and_then(|text| HeaderValue::from_str(text).ok());
        traceparent.map(|traceparent| fields.insert(TRACEPARENT, traceparent));
        service.authorization.clone().map(|value| fields.insert(AUTHORIZATION, value));
        fields
    }

    /// What names the work for whoever does it twice.
    fn id(&self) -> String {
        match self.item {
            None => self.task.to_string(),
            Some(item) => format!("{}-{item}", self.task),
        }
    }

    fn len(&self) -> usize {
        self.payload.iter().map(Bytes::len).sum()
    }

    pub(super) fn reader(&self) -> PayloadReader<'_> {
        PayloadReader::new(self.payload)
    }
}

/// A request with these fields and that body.
pub(super) fn request<B>(method: Method, uri: &Uri, fields: HeaderMap, body: B) -> Request<B> {
    let mut request = Request::new(body);
    *request.method_mut() = method;
    *request.uri_mut() = uri.clone();
    *request.headers_mut() = fields;
    request
}

fn set(fields: &mut HeaderMap, name: HeaderName, text: String) {
    value(text).map(|value| fields.insert(name, value));
}

/// The text as it is, without a copy.
fn value(text: String) -> Option<HeaderValue> {
    HeaderValue::from_maybe_shared(Bytes::from(text)).ok()
}
