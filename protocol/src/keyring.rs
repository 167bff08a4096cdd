//! Keys: how a caller proves which tenant it is. A key is shown once, when it is made, as
//! `ot_<id>_<secret>`: the id finds its entry, the secret is 256 bits of chance of which only the
//! SHA-256 is stored. The ring is whole and unchanging; whoever changes something makes another.

use crate::tenant::{Policy, TenantName};
use crate::time::UnixMillis;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// What every key starts with.
pub const KEY_PREFIX: &str = "ot_";
/// The letters of a key's id.
pub const KEY_ID_LEN: usize = 10;
/// The bytes of a key's secret, which are shown as twice as many hexadecimal digits.
pub const SECRET_BYTES: usize = 32;
/// The letters of a whole key.
const KEY_LEN: usize = KEY_PREFIX.len() + KEY_ID_LEN + 1 + 2 * SECRET_BYTES;

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

impl KeyEntry {
    fn counts(&self, now: UnixMillis) -> bool {
        self.expires.is_none_or(|at| now < at)
    }
}

/// All keys that were not revoked, and what the tenants may do. That there is a ring means that
/// callers are asked for a key: one without keys lets nobody in.
#[derive(Clone, Debug, Default)]
pub struct KeyRing {
    keys: HashMap<Arc<str>, KeyEntry>,
    policies: HashMap<TenantName, Policy>,
}

/// A key that counts, without its secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bearer<'a> {
    /// The key's id.
    pub id: &'a Arc<str>,
    /// Whose it is.
    pub tenant: &'a TenantName,
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

    /// The tenants that something is said about.
    pub fn policies(&self) -> impl Iterator<Item = (&TenantName, &Policy)> {
        self.policies.iter()
    }

    /// What a tenant may do: everything, if nothing is said about it.
    pub fn policy(&self, tenant: &TenantName) -> Policy {
        self.policies.get(tenant).copied().unwrap_or_default()
    }

    /// The tenants that have a key, some of them more than once.
    pub fn tenants(&self) -> impl Iterator<Item = &TenantName> {
        self.keys.values().map(|entry| &entry.tenant)
    }

    /// Whether there are keys of more than one tenant.
    pub fn has_several_tenants(&self) -> bool {
        let first = self.tenants().next();
        self.tenants().any(|tenant| Some(tenant) != first)
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is no key, so that nobody is let in.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Whose key this is, if it is one and counts at `now`.
    pub fn check(&self, key: &str, now: UnixMillis) -> Option<Bearer<'_>> {
        // No hash is made of what cannot be a key, however long it is.
        if key.len() != KEY_LEN {
            return None;
        }
        let (id, secret) = key.strip_prefix(KEY_PREFIX)?.split_once('_')?;
        // What is unknown costs as much as what is known.
        let given = SecretHash::of(secret);
        let (id, entry) = self.keys.get_key_value(id)?;
        let counts = entry.secret.agrees(&given) && entry.counts(now);
        counts.then_some(Bearer { id, tenant: &entry.tenant })
    }

    /// Whether the key with that id counts at `now`: for those who have shown it before.
    pub fn counts(&self, id: &str, now: UnixMillis) -> bool {
        self.keys.get(id).is_some_and(|entry| entry.counts(now))
    }

    /// When the next key behind `now` expires.
    pub fn next_expiry(&self, now: UnixMillis) -> Option<UnixMillis> {
        let expiries = self.keys.values().filter_map(|entry| entry.expires);
        expiries.filter(|&at| now < at).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "abcdefghij";

    fn key(id: &str, secret: char) -> String {
        format!("{KEY_PREFIX}{id}_{}", secret.to_string().repeat(2 * SECRET_BYTES))
    }

    fn ring(tenant: &TenantName, expires: Option<UnixMillis>) -> KeyRing {
        let mut ring = KeyRing::default();
        let secret = SecretHash::of(&"5".repeat(2 * SECRET_BYTES));
        ring.add(ID, KeyEntry { tenant: tenant.clone(), secret, expires });
        ring
    }

    #[test]
    fn a_key_counts_whole_in_time_and_not_otherwise() {
        let tenant = TenantName::new("acme").unwrap();
        let ring = ring(&tenant, Some(UnixMillis(1_000)));
        let whose = |key: &str, now| ring.check(key, UnixMillis(now)).map(|holder| holder.tenant);
        let good = key(ID, '5');
        assert_eq!(whose(&good, 999), Some(&tenant));
        assert_eq!(whose(&good, 1_000), None);
        for wrong in [
            &key(ID, '6'),
            &key("abcdefghik", '5'),
            &good[..good.len() - 1],
            &format!("{good}5"),
            &good.replace("ot_", "to_"),
            &good.to_uppercase(),
            "",
            "ot_",
        ] {
            assert_eq!(whose(wrong, 0), None, "{wrong}");
        }
        assert_eq!(KeyRing::default().check(&good, UnixMillis(0)), None);
    }

    #[test]
    fn a_key_that_was_shown_is_known_by_its_id() {
        let ring = ring(&TenantName::new("acme").unwrap(), Some(UnixMillis(1_000)));
        let counts = |id, now| ring.counts(id, UnixMillis(now));
        assert!(counts(ID, 999) && !counts(ID, 1_000) && !counts("abcdefghik", 0));
        assert_eq!(ring.next_expiry(UnixMillis(999)), Some(UnixMillis(1_000)));
        assert_eq!(ring.next_expiry(UnixMillis(1_000)), None);
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
