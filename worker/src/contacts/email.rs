//! Emails: what tells contacts apart. Only the form is checked, never whether anybody reads there.

use super::member;
use crate::failure::Failure;
use serde::Deserialize;
use serde_json::value::RawValue;

/// The state key of a contact is this and its email.
const SPACE: &str = "contacts/";

/// The longest email, in bytes of UTF-8 (RFC 5321 has room for no longer one).
const EMAIL_MAX_BYTES: usize = 254;

/// A well-formed email, case-folded.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Email {
    key: String,
}

/// The input of the kinds that name a contact and nothing else.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Named<'a> {
    #[serde(borrow, default, deserialize_with = "member::sent")]
    pub(super) email: Option<&'a RawValue>,
}

impl Email {
    /// The email that a caller sent.
    pub(super) fn from_member(sent: Option<&RawValue>) -> Result<Self, Failure> {
        let sent = sent.ok_or_else(|| invalid("is missing"))?;
        match member::text(sent) {
            Some(text) => Self::new(&text),
            None => Err(invalid("must be a string")),
        }
    }

    fn new(text: &str) -> Result<Self, Failure> {
        let mut key = String::with_capacity(SPACE.len() + text.len());
        key.push_str(SPACE);
        if text.is_ascii() {
            key.push_str(text);
            key.make_ascii_lowercase();
        } else {
            key.push_str(&text.to_lowercase());
        }
        let email = Self { key };
        match flaw(email.as_str()) {
            None => Ok(email),
            Some(flaw) => Err(invalid(flaw)),
        }
    }

    /// The email.
    pub(super) fn as_str(&self) -> &str {
        &self.key[SPACE.len()..]
    }

    /// Where its contact stands.
    pub(super) fn key(&self) -> &str {
        &self.key
    }
}

fn flaw(email: &str) -> Option<&'static str> {
    if email.len() > EMAIL_MAX_BYTES {
        return Some("is longer than 254 bytes");
    }
    if email.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Some("must not contain spaces or control characters");
    }
    match email.split_once('@') {
        None => Some("has no @"),
        Some((_, domain)) if domain.contains('@') => Some("has more than one @"),
        Some(("", _)) => Some("has nothing before the @"),
        Some((_, "")) => Some("has nothing behind the @"),
        Some(_) => None,
    }
}

fn invalid(flaw: &str) -> Failure {
    Failure::input("invalid-email", format!("`email` {flaw}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn emails_are_folded() {
        for (text, folded) in [
            ("A.B@Example.COM", "a.b@example.com"),
            ("ÄÖ@ÜBER.de", "äö@über.de"),
            ("a/b@c", "a/b@c"),
        ] {
            let email = Email::new(text).unwrap();
            assert_eq!(email.as_str(), folded);
            assert_eq!(email.key(), format!("contacts/{folded}"));
            assert_eq!(Email::new(folded), Ok(email), "folding twice changes nothing");
        }
    }

    #[test]
    fn the_form_is_checked() {
        let (longest, too_long) = ("a".repeat(252) + "@b", "a".repeat(253) + "@b");
        assert!(Email::new(&longest).is_ok());
        // One character of two bytes whose lower case has three.
        let grows_too_long = "a".repeat(250) + "\u{130}@b";
        assert_eq!(grows_too_long.len(), EMAIL_MAX_BYTES);
        for (text, flaw) in [
            ("", "no @"),
            ("a", "no @"),
            ("@b", "before"),
            ("a@", "behind"),
            ("@", "before"),
            ("a@b@c", "more than one"),
            ("a b@c", "spaces"),
            (" a@b", "spaces"),
            ("a@b\u{a0}", "spaces"),
            ("a\n@b", "control"),
            ("a@b\u{7f}", "control"),
            (&too_long, "254"),
            (&grows_too_long, "254"),
        ] {
            let Err(Failure::Input(fault)) = Email::new(text) else { panic!("{text:?}") };
            assert_eq!(fault.code, "invalid-email");
            assert!(fault.detail.contains(flaw), "{text:?}: {}", fault.detail);
        }
    }

    #[test]
    fn only_a_string_is_an_email() {
        for sent in ["null", "1", "[\"a@b\"]", "{}", "true", r#""\ud800@b""#] {
            let raw: &RawValue = serde_json::from_str(sent).unwrap();
            let refused = Email::from_member(Some(raw));
            assert!(matches!(refused, Err(Failure::Input(f)) if f.code == "invalid-email"));
        }
        let escaped: &RawValue = serde_json::from_str(r#""\u0041@b""#).unwrap();
        assert_eq!(Email::from_member(Some(escaped)).unwrap().as_str(), "a@b");
        assert!(Email::from_member(None).is_err());
    }
}
