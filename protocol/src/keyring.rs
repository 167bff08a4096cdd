//! Keys: how a caller proves which tenant it is. A key is shown once, when it is made, as
//! `ot_<id>_<secret>`: the id finds its entry, the secret is 256 bits of chance of which only the
//! SHA-256 is stored. The ring is whole and unchanging; whoever changes something makes another.

use crate::tenant::{Policy, TenantName};
use crate::time::UnixMillis;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::fmt;

/// What every key starts with.
pub const KEY_PREFIX: &str = "ot_";
/// The letters of a key's id.
pub const KEY_ID_LEN: usize = 10;
/// The bytes of a key's secret, which are shown as twice as many hexadecimal digits.
pub const SECRET_BYTES: usize = 32;

/// What is stored of a secret.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SecretHash(pub [u8; 32]);

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretHash(..)")
    }
}

impl SecretHash {
    /// The hash of a secret as it is written in a key.
    pub fn of(secret: &str) -> Self {
        Self(Sha256::digest(secret.as_bytes()).into())
    }

    /// Whether both are the same, found out in a time that does not tell where they differ.
    pub fn agrees(&self, other: &Self) -> bool {
        let differences = self.0.iter().zip(&other.0).fold(0, |all, (a, b)| all | (a ^ b));
        std::hint::black_box(differences) == 0
    }
}

/// One key.
#[derive(Clone, Debug)]
pub struct KeyEntry {
    /// Whose it is.
    pub tenant: TenantName,
    /// What is stored of its secret.
    pub secret: SecretHash,
    /// From when on it is worth nothing.
    pub expires: Option<UnixMillis>,
}

/// All keys, and what the tenants may do.
#[derive(Clone, Debug, Default)]
pub struct KeyRing {
    keys: HashMap<Box<str>, KeyEntry>,
    policies: HashMap<TenantName, Policy>,
}

impl KeyRing {
    /// Adds a key with that id.
    pub fn add(&mut self, id: &str, entry: KeyEntry) {
        self.keys.insert(id.into(), entry);
    }

    /// Says what a tenant may do.
    pub fn allow(&mut self, tenant: TenantName, policy: Policy) {
        self.policies.insert(tenant, policy);
    }

    /// Whether there is no key at all, so that nobody is asked for one.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The tenants that something is said about.
    pub fn policies(&self) -> impl Iterator<Item = (&TenantName, &Policy)> {
        self.policies.iter()
    }

    /// Whose key this is, if it is one and counts at `now`.
    pub fn check(&self, key: &str, now: UnixMillis) -> Option<&TenantName> {
        let (id, secret) = key.strip_prefix(KEY_PREFIX)?.split_once('_')?;
        // What is unknown costs as much as what is known.
        let given = SecretHash::of(secret);
        let entry = self.keys.get(id)?;
        let counts = entry.expires.is_none_or(|at| now < at);
        (entry.secret.agrees(&given) && counts).then_some(&entry.tenant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_counts_whole_in_time_and_not_otherwise() {
        let mut ring = KeyRing::default();
        assert!(ring.is_empty());
        let tenant = TenantName::new("acme").unwrap();
        let secret = SecretHash::of("s3cret");
        let expires = Some(UnixMillis(1_000));
        ring.add("abc", KeyEntry { tenant: tenant.clone(), secret, expires });
        assert_eq!(ring.check("ot_abc_s3cret", UnixMillis(999)), Some(&tenant));
        assert_eq!(ring.check("ot_abc_s3cret", UnixMillis(1_000)), None);
        for wrong in ["ot_abc_s3cre", "ot_abc_", "ot_abd_s3cret", "abc_s3cret", "ot_abc", "", "ot_"]
        {
            assert_eq!(ring.check(wrong, UnixMillis(0)), None, "{wrong}");
        }
    }

    #[test]
    fn hashes_agree_only_whole() {
        let one = SecretHash::of("a");
        assert!(one.agrees(&one));
        for place in 0..32 {
            let mut other = one;
            other.0[place] ^= 0x80;
            assert!(!one.agrees(&other), "{place}");
        }
        assert_eq!(format!("{one:?}"), "SecretHash(..)");
    }
}
