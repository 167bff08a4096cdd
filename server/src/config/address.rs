//! Addresses of services as somebody wrote them, or what is appended to one. Part of one may be secret,
//! so it is never printed whole. Whether it is an address is not known here.

use serde::{Deserialize, Serialize};
use std::fmt;

/// An address, or the part of one behind its host.
#[derive(Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(transparent)]
pub struct Address(String);

impl Address {
    /// All of it: for whoever calls it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What of it is no secret: its host, or if it has none the path. No user, no path behind a host and
    /// no query.
    pub fn shown(&self) -> String {
        let (whole, query) =
            self.0.find(['?', '#']).map_or((&*self.0, ""), |at| self.0.split_at(at));
        let query = if query.is_empty() { "" } else { "?…" };
        let Some((scheme, rest)) = whole.split_once("://") else {
            return format!("{}{query}", without_user(whole));
        };
        let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
        let behind = if path.len() + query.len() > 0 { "/…" } else { "" };
        format!("{scheme}://{}{behind}", without_user(authority))
    }
}

/// What stands behind the name of a user and a password.
fn without_user(text: &str) -> String {
    text.rsplit_once('@').map_or_else(|| text.to_owned(), |(_, host)| format!("…@{host}"))
}

impl From<&str> for Address {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shown().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_secret_is_not_shown() {
        for (text, shown) in [
            ("https://a.example", "https://a.example"),
            ("https://a.example/", "https://a.example/…"),
            ("https://a.example:1/T0/secret", "https://a.example:1/…"),
            ("https://a.example?secret", "https://a.example/…"),
            ("https://me:secret@a.example/v1", "https://…@a.example/…"),
            ("https://me:sec@ret@a.example", "https://…@a.example"),
            ("https://a.example?to=http://b/secret", "https://a.example/…"),
            ("me:secret@a.example", "…@a.example"),
            ("/invoices?key=secret", "/invoices?…"),
            ("/invoices#secret", "/invoices?…"),
            ("", ""),
        ] {
            assert_eq!(Address::from(text).shown(), shown, "{text}");
            assert_eq!(format!("{:?}", Address::from(text)), format!("{shown:?}"));
        }
    }
}
