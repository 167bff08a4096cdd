//! New keys: an id and a secret of chance, which the system provides. What is stored of the secret
//! is its hash; the key itself is in nobody's memory once it was shown.

use super::book::hexadecimal;
use anyhow::{Context, Result};
use overtime_protocol::keyring::{KEY_ID_LEN, KEY_PREFIX, SECRET_BYTES, SecretHash};
use rustix::rand::{GetRandomFlags, getrandom};

/// A new key. It has no form for people who debug.
pub(super) struct Minted {
    pub(super) id: String,
    pub(super) hash: SecretHash,
    secret: String,
}

impl Minted {
    /// The key as its holder shows it.
    pub(super) fn shown(&self) -> String {
        format!("{KEY_PREFIX}{}_{}", self.id, self.secret)
    }
}

/// Makes a key whose id is not `taken`.
pub(super) fn mint(taken: impl Fn(&str) -> bool) -> Result<Minted> {
    let secret = hexadecimal(&chance::<SECRET_BYTES>()?);
    let mut id = random_id()?;
    while taken(&id) {
        id = random_id()?;
    }
    Ok(Minted { id, hash: SecretHash::of(&secret), secret })
}

fn random_id() -> Result<String> {
    let mut id = String::with_capacity(KEY_ID_LEN);
    while id.len() < KEY_ID_LEN {
        // Bytes that would make some letters likelier than others are passed over.
        let letters = chance::<KEY_ID_LEN>()?.into_iter().filter(|&byte| byte < 26 * 9);
        let letters = letters.map(|byte| char::from(b'a' + byte % 26));
        id.extend(letters.take(KEY_ID_LEN - id.len()));
    }
    Ok(id)
}

/// Bytes of the system's random source, which is ready from the first moment on or waited for.
fn chance<const BYTES: usize>() -> Result<[u8; BYTES]> {
    let mut bytes = [0; BYTES];
    let mut filled = 0;
    while filled < BYTES {
        filled += getrandom(&mut bytes[filled..], GetRandomFlags::empty())
            .context("the system has no chance to offer")?;
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::super::book::is_key_id;
    use super::*;
    use overtime_protocol::keyring::{KeyEntry, KeyRing};
    use overtime_protocol::{TenantName, UnixMillis};
    use std::cell::Cell;

    #[test]
    fn a_key_that_was_minted_is_one() {
        let minted = mint(|_| false).unwrap();
        assert!(is_key_id(&minted.id), "{}", minted.id);
        let tenant = TenantName::new("acme").unwrap();
        let mut ring = KeyRing::default();
        ring.add(&minted.id, KeyEntry { tenant, secret: minted.hash, expires: None });
        assert!(ring.check(&minted.shown(), UnixMillis(0)).is_some());
        assert_ne!(mint(|_| false).unwrap().shown(), minted.shown());
    }

    #[test]
    fn an_id_that_is_taken_is_not_used_again() {
        let first = Cell::new(None);
        let taken = |id: &str| {
            let is_first = first.take().is_none();
            first.set(Some(id.to_owned()));
            is_first
        };
        let minted = mint(taken).unwrap();
        assert_eq!(first.take(), Some(minted.id));
    }
}
