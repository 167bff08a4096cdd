//! Upstreams: kinds whose work a service in any language does, over HTTP. Here is who is called, with
//! what, and what an answer means. Whether an upstream may be called now is decided elsewhere.
//!
//! In the order of a call: a kind (`kind`) makes a parcel of its payload (`parcel`, `signature`), which
//! takes a route (`route`) over the connections of a service (`service`, `url`); those are made by a
//! dialer that looks names up and checks addresses (`dialer`, `lookup`, `address`, `wire`). What comes
//! back is judged (`answer`, `statuses`), and what it tells beside its result is read (`told`).

mod address;
mod answer;
mod dialer;
mod excerpt;
mod kind;
mod lookup;
mod parcel;
mod route;
mod service;
mod signature;
mod statuses;
#[cfg(test)]
mod tests;
mod told;
mod url;
mod webhook;
mod wire;

pub use kind::HttpKind;
pub use parcel::Parcel;
pub use route::{Delivered, Route};
pub use service::{Service, ServiceOptions};
pub use signature::Signer;
pub use statuses::{Statuses, Verdict};
pub use told::Told;
pub use url::ServiceUrl;
pub use webhook::{Webhook, WebhookFormat};
