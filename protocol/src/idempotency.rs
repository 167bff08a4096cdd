//! Idempotency keys: what a caller says so that a request that is sent twice is done once
//! (draft-ietf-httpapi-idempotency-key-header-07). Here is how a key is read, what stands for it
//! in the journal, and what stands for the request that it came with. It decides nothing.

use crate::job::Form;
use crate::kind::KindName;
use bytes::Bytes;
use sha2::{Digest, Sha256};

/// The longest key, in bytes.
const KEY_MAX_BYTES: usize = 255;

/// A key as its caller chose it: 1 to 255 visible ASCII characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey(Box<str>);

/// What stands for a key among all keys: a hash of it with whom and what it is for. One caller's
/// key is nobody else's, and one key may name several kinds of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyHash(pub [u8; 16]);

/// What stands for a request's payload and its content type, to tell a repetition from a mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fingerprint(pub [u8; 16]);

/// That a task holds a key, and what for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The key.
    pub key: KeyHash,
    /// The request that it came with.
    pub fingerprint: Fingerprint,
}

impl IdempotencyKey {
    /// The key in a field's value: a quoted string (RFC 8941, section 3.3.3), as the draft has it,
    /// or bare, as most clients send it.
    pub fn parse(text: &str) -> Option<Self> {
        match text.strip_prefix('"') {
            Some(rest) => Self::new(&unescaped(rest.strip_suffix('"')?)?),
            None if text.contains('"') => None,
            None => Self::new(text),
        }
    }

    /// The key, if it has the form of one.
    pub fn new(text: &str) -> Option<Self> {
        let well_formed = (1..=KEY_MAX_BYTES).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_graphic());
        well_formed.then(|| Self(text.into()))
    }

    /// The key as its caller chose it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands for the key when `tenant` sends it with that form of work of that kind.
    pub fn hash(&self, tenant: &str, form: Form, kind: &KindName) -> KeyHash {
        let mut sha = Sha256::new();
        // None of the parts but the last can hold a zero.
        for part in [tenant, kind.as_str()] {
            sha.update(part.as_bytes());
            sha.update([0]);
        }
        sha.update([form.number()]);
        sha.update(self.0.as_bytes());
        KeyHash(first_half(sha))
    }
}

impl Fingerprint {
    /// The fingerprint of a payload of these segments.
    pub fn of(content_type: Option<&str>, segments: &[Bytes]) -> Self {
        let mut sha = Sha256::new();
        // No content type is none of them, not the empty one.
        sha.update([u8::from(content_type.is_some())]);
        sha.update(content_type.unwrap_or_default().as_bytes());
        sha.update([0]);
        segments.iter().for_each(|segment| sha.update(segment));
        Self(first_half(sha))
    }
}

/// 128 bits: nobody can find two that agree by trying, and by chance they never will.
fn first_half(sha: Sha256) -> [u8; 16] {
    let digest = sha.finalize();
    std::array::from_fn(|place| digest[place])
}

/// The content of a quoted string, in which a backslash stands before a quote or another.
fn unescaped(text: &str) -> Option<String> {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => plain.push(characters.next().filter(|next| matches!(next, '"' | '\\'))?),
            '"' => return None,
            other => plain.push(other),
        }
    }
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<&str>) {
        let key = IdempotencyKey::parse(text);
        assert_eq!(key.as_ref().map(IdempotencyKey::as_str), expected, "{text}");
    }

    #[test]
    fn a_key_is_quoted_or_bare() {
        check("k", Some("k"));
        check("\"k\"", Some("k"));
        check(r#""a\"b\\c""#, Some(r#"a"b\c"#));
        check("8e03978e-40d5-43e8-bc93-6894a57f9324", Some("8e03978e-40d5-43e8-bc93-6894a57f9324"));
        for malformed in
            ["", "\"\"", "\"", "\"k", "k\"", "a b", "\"a b\"", "ä", r#""a\n""#, r#""\""#]
        {
            check(malformed, None);
        }
        check(&"k".repeat(255), Some(&"k".repeat(255)));
        check(&"k".repeat(256), None);
    }

    #[test]
    fn a_key_is_nobody_elses() {
        let hash = |tenant: &str, form, kind: &str, key: &str| {
            let kind = KindName::new(kind).unwrap();
            IdempotencyKey::new(key).unwrap().hash(tenant, form, &kind)
        };
        let one = hash("a", Form::Single, "k", "x");
        assert_eq!(one, hash("a", Form::Single, "k", "x"));
        for other in [
            hash("b", Form::Single, "k", "x"),
            hash("a", Form::Bulk, "k", "x"),
            hash("a", Form::Single, "kk", "x"),
            hash("a", Form::Single, "k", "y"),
        ] {
            assert_ne!(one, other);
        }
    }

    #[test]
    fn a_fingerprint_tells_content_and_type_and_not_how_the_bytes_came() {
        let of = |content_type, segments: &[&'static str]| {
            let segments: Vec<Bytes> = segments.iter().map(|&text| text.into()).collect();
            Fingerprint::of(content_type, &segments)
        };
        let one = of(Some("text/plain"), &["hello ", "world"]);
        assert_eq!(one, of(Some("text/plain"), &["hello world"]));
        for other in [
            of(Some("text/plain"), &["hello worlds"]),
            of(Some("text/html"), &["hello world"]),
            of(None, &["hello world"]),
            of(Some("text/plainhello"), &[" world"]),
        ] {
            assert_ne!(one, other);
        }
        assert_ne!(of(None, &[]), of(Some(""), &[]));
    }
}
