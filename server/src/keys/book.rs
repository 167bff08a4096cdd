//! The book of keys: what `keys.toml` says, as values and as text. It reads no file, and guesses at
//! nothing: a text that is not whole is refused.

use super::limits::Limits;
use overtime_protocol::UnixMillis;
use overtime_protocol::keyring::{KEY_ID_LEN, KeyEntry, KeyRing, SecretHash};
use overtime_protocol::{NoMoment, TenantName};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The only form of the file that there is so far.
const VERSION: u32 = 1;

/// What a person who opens the file should know.
const HEADING: &str = "\
# The keys of this server, and what its tenants may do. Secrets are not in here, only their hashes.
# `overtime keys` changes it; a change by hand is taken for damage, because the last line is a
# checksum of all above it.

";

const CHECKSUM: &str = "# crc32c ";

/// What the file says.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Book {
    version: u32,
    /// By their ids.
    #[serde(default)]
    pub(super) keys: BTreeMap<String, Key>,
    /// By their names.
    #[serde(default)]
    pub(super) tenants: BTreeMap<String, Limits>,
}

/// What the file says of one key.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Key {
    pub(super) tenant: String,
    pub(super) created_at: Moment,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) expires_at: Option<Moment>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) revoked_at: Option<Moment>,
    pub(super) secret_sha256: Hash,
}

/// A moment as text, RFC 3339.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub(super) struct Moment(pub(super) UnixMillis);

/// A hash as text, in hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub(super) struct Hash(pub(super) SecretHash);

impl Default for Book {
    fn default() -> Self {
        Self { version: VERSION, keys: BTreeMap::new(), tenants: BTreeMap::new() }
    }
}

impl Book {
    /// The file's text.
    pub(super) fn to_text(&self) -> String {
        let tables = toml::to_string(self).expect("texts and small numbers are TOML");
        let text = format!("{HEADING}{tables}\n");
        let sum = crc32c::crc32c(text.as_bytes());
        format!("{text}{CHECKSUM}{sum:08x}\n")
    }

    /// What a file says.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it.
    pub(super) fn from_text(text: &str) -> Result<Self, String> {
        let (above, sum) = text
            .strip_suffix('\n')
            .and_then(|text| text.rsplit_once(CHECKSUM))
            .ok_or("the checksum that ends it is not there")?;
        if sum != format!("{:08x}", crc32c::crc32c(above.as_bytes())) {
            return Err("its checksum is not that of what it says".to_owned());
        }
        let book: Self = toml::from_str(above).map_err(|error| error.to_string())?;
        book.check()?;
        Ok(book)
    }

    fn check(&self) -> Result<(), String> {
        if self.version != VERSION {
            let found = self.version;
            return Err(format!("it has version {found}, and only {VERSION} is known"));
        }
        for name in self.tenants.keys() {
            TenantName::new(name).ok_or_else(|| format!("`{name}` names no tenant"))?;
        }
        for (id, key) in &self.keys {
            if !is_key_id(id) {
                return Err(format!("`{id}` is no id of a key"));
            }
            if !self.tenants.contains_key(&key.tenant) {
                let tenant = &key.tenant;
                return Err(format!("the key {id} is of `{tenant}`, of which nothing is said"));
            }
        }
        Ok(())
    }

    /// What the server needs of it: the keys that are not revoked, and what the tenants may do.
    pub(crate) fn ring(&self) -> KeyRing {
        let mut ring = KeyRing::default();
        let name = |name: &str| TenantName::new(name).expect("names were checked");
        for (id, key) in self.keys.iter().filter(|(_, key)| key.revoked_at.is_none()) {
            let (tenant, secret) = (name(&key.tenant), key.secret_sha256.0);
            ring.add(id, KeyEntry { tenant, secret, expires: key.expires_at.map(|at| at.0) });
        }
        for (tenant, limits) in &self.tenants {
            ring.allow(name(tenant), limits.policy());
        }
        ring
    }
}

/// Whether the text has the form of a key's id.
pub(super) fn is_key_id(text: &str) -> bool {
    text.len() == KEY_ID_LEN && text.bytes().all(|byte| byte.is_ascii_lowercase())
}

impl TryFrom<String> for Moment {
    type Error = NoMoment;

    fn try_from(text: String) -> Result<Self, NoMoment> {
        text.parse().map(Self)
    }
}

impl From<Moment> for String {
    fn from(moment: Moment) -> Self {
        moment.0.to_string()
    }
}

impl TryFrom<String> for Hash {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let byte = |pair: &[u8]| {
            let digits = str::from_utf8(pair).ok().filter(|digits| !digits.starts_with('+'))?;
            u8::from_str_radix(digits, 16).ok()
        };
        let bytes: Option<Vec<u8>> = text.as_bytes().chunks(2).map(byte).collect();
        let bytes = bytes.and_then(|bytes| bytes.try_into().ok());
        bytes.map(|bytes| Self(SecretHash(bytes))).ok_or("a SHA-256 is 64 hexadecimal digits")
    }
}

impl From<Hash> for String {
    fn from(hash: Hash) -> Self {
        hexadecimal(&hash.0.0)
    }
}

/// Bytes as hexadecimal digits.
pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn book() -> Book {
        let mut book = Book::default();
        let secret_sha256 = Hash(SecretHash::of("secret"));
        let created_at = Moment(UnixMillis(1_000));
        let key = |expires_at, revoked_at| Key {
            tenant: "acme.eu".to_owned(),
            created_at,
            expires_at,
            revoked_at,
            secret_sha256,
        };
        book.keys.insert("abcdefghij".to_owned(), key(None, None));
        book.keys.insert("bbcdefghij".to_owned(), key(Some(Moment(UnixMillis(5_000))), None));
        book.keys.insert("cbcdefghij".to_owned(), key(None, Some(Moment(UnixMillis(2_000)))));
        book.tenants.insert("acme.eu".to_owned(), Limits::default());
        book
    }

    #[test]
    fn what_is_written_is_read_again() {
        for book in [Book::default(), book()] {
            let text = book.to_text();
            assert_eq!(Book::from_text(&text).unwrap(), book, "{text}");
        }
    }

    #[test]
    fn revoked_keys_are_not_in_the_ring() {
        let ring = book().ring();
        assert_eq!((ring.len(), ring.policies().count()), (2, 1));
        assert!(ring.counts("abcdefghij", UnixMillis(9_000)));
        assert!(ring.counts("bbcdefghij", UnixMillis(4_999)));
        assert!(!ring.counts("bbcdefghij", UnixMillis(5_000)));
        assert!(!ring.counts("cbcdefghij", UnixMillis(0)));
    }

    #[test]
    fn no_flipped_bit_and_no_missing_end_goes_unnoticed() {
        let ours = book().to_text().into_bytes();
        for bit in 0..ours.len() * 8 {
            let mut flipped = ours.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let read = String::from_utf8(flipped).map(|text| Book::from_text(&text));
            assert!(!matches!(read, Ok(Ok(_))), "bit {bit}");
        }
        for len in 0..ours.len() {
            let cut = String::from_utf8(ours[..len].to_vec()).unwrap();
            assert!(Book::from_text(&cut).is_err(), "{len} bytes");
        }
    }

    #[test]
    fn what_contradicts_itself_is_refused_although_it_is_whole() {
        let refused = |change: fn(&mut Book)| {
            let mut book = book();
            change(&mut book);
            Book::from_text(&book.to_text()).unwrap_err()
        };
        assert!(refused(|book| book.version = 2).contains("version 2"));
        assert!(refused(|book| book.tenants.clear()).contains("acme.eu"));
        let stranger = |book: &mut Book| {
            book.tenants.insert("No Name".to_owned(), Limits::default());
        };
        assert!(refused(stranger).contains("No Name"));
        let misnamed = |book: &mut Book| {
            let key = book.keys.remove("abcdefghij").unwrap();
            book.keys.insert("ABC".to_owned(), key);
        };
        assert!(refused(misnamed).contains("ABC"));
    }
}
