//! Who was hurt: how many requests of a tenant were delayed past their wait, refused or failed in a
//! while. It is kept in a space of the state that no handler can name, one entry a tenant and while,
//! so that an operator can tell afterwards whom to inform.

use crate::bulk::RESERVED;
use crate::id::Epoch;
use crate::time::UnixMillis;
use bytes::Bytes;
use std::ops::{AddAssign, Range};

/// What happened to requests of one tenant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hurt {
    /// Those whose wait was over before their work was.
    pub delayed: u64,
    /// Those that were refused because there was too much to do.
    pub refused: u64,
    /// Those whose work failed for a reason that was not their input.
    pub failed: u64,
}

impl Hurt {
    /// Whether nothing happened.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

impl AddAssign for Hurt {
    fn add_assign(&mut self, other: Self) {
        self.delayed = self.delayed.saturating_add(other.delayed);
        self.refused = self.refused.saturating_add(other.refused);
        self.failed = self.failed.saturating_add(other.failed);
    }
}

/// What happened from `since` to `until`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HurtEntry {
    /// When the while began.
    pub since: UnixMillis,
    /// When it ended.
    pub until: UnixMillis,
    /// What happened in it.
    pub hurt: Hurt,
}

/// What all keys of this space begin with.
const SPACE: &[u8] = &[RESERVED, b'h', b'u', b'r', b't', b'/'];

/// How long a value is.
const VALUE_BYTES: usize = 32;

/// The key of an entry that ends at `until`: the epoch tells it from one of another process whose
/// clock showed the same.
pub fn hurt_key(tenant: &str, until: UnixMillis, epoch: Epoch) -> Bytes {
    let parts: [&[u8]; 5] =
        [SPACE, tenant.as_bytes(), b"/", &until.0.to_be_bytes(), &epoch.0.to_be_bytes()];
    parts.concat().into()
}

/// The value of an entry.
pub fn hurt_value(entry: &HurtEntry) -> Bytes {
    let Hurt { delayed, refused, failed } = entry.hurt;
    let numbers = [entry.since.0, delayed, refused, failed];
    numbers.into_iter().flat_map(u64::to_be_bytes).collect::<Vec<u8>>().into()
}

/// The tenant of the entry at that key, if that is one of this space.
pub fn hurt_tenant(key: &[u8]) -> Option<&str> {
    let rest = key.strip_prefix(SPACE)?;
    let slash = rest.iter().position(|&byte| byte == b'/')?;
    std::str::from_utf8(&rest[..slash]).ok()
}

/// The tenant and the entry at that key, if that is one of this space.
pub fn read_hurt<'a>(key: &'a [u8], value: &[u8]) -> Option<(&'a str, HurtEntry)> {
    let tenant = hurt_tenant(key)?;
    let until = number(key.get(SPACE.len() + tenant.len() + 1..)?.get(..8)?)?;
    if value.len() != VALUE_BYTES {
        return None;
    }
    let mut numbers = value.chunks_exact(8).filter_map(number);
    let since = UnixMillis(numbers.next()?);
    let hurt = Hurt { delayed: numbers.next()?, refused: numbers.next()?, failed: numbers.next()? };
    Some((tenant, HurtEntry { since, until: UnixMillis(until), hurt }))
}

fn number(bytes: &[u8]) -> Option<u64> {
    bytes.try_into().ok().map(u64::from_be_bytes)
}

/// The keys of a tenant's entries that end behind `from`.
pub fn hurts_of(tenant: &str, from: UnixMillis) -> Range<Bytes> {
    let start = [SPACE, tenant.as_bytes(), b"/", &from.0.saturating_add(1).to_be_bytes()].concat();
    start.into()..behind_tenant(tenant)
}

/// The keys of a tenant's entries that ended before `bound`.
pub fn hurts_before(tenant: &str, bound: UnixMillis) -> Range<Bytes> {
    let start = [SPACE, tenant.as_bytes(), b"/"].concat();
    let end = [&start[..], &bound.0.to_be_bytes()].concat();
    start.into()..end.into()
}

/// The keys of all tenants' entries behind those of `tenant`, or of all.
pub fn hurts_behind(tenant: Option<&str>) -> Range<Bytes> {
    let mut end = SPACE.to_vec();
    *end.last_mut().expect("the space has a name") += 1;
    tenant.map_or_else(|| Bytes::from_static(SPACE), behind_tenant)..end.into()
}

/// Behind the slash comes the zero, so that this is before the next tenant, whose name has neither.
fn behind_tenant(tenant: &str) -> Bytes {
    [SPACE, tenant.as_bytes(), b"0"].concat().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(since: u64, until: u64) -> HurtEntry {
        let hurt = Hurt { delayed: 1, refused: u64::MAX, failed: 3 };
        HurtEntry { since: UnixMillis(since), until: UnixMillis(until), hurt }
    }

    #[test]
    fn an_entry_is_read_as_it_was_written() {
        let entry = entry(5, 9);
        let (key, value) = (hurt_key("a.b-c", entry.until, Epoch(7)), hurt_value(&entry));
        assert_eq!(read_hurt(&key, &value), Some(("a.b-c", entry)));
        assert_eq!(read_hurt(&key, &value[1..]), None);
        assert_eq!(read_hurt(b"contacts/a", &value), None);
        assert_eq!(read_hurt(&key[..8], &value), None);
    }

    #[test]
    fn ranges_hold_the_entries_of_one_tenant_and_time() {
        let key = |tenant, until| hurt_key(tenant, UnixMillis(until), Epoch(1));
        let of = hurts_of("b", UnixMillis(100));
        assert!(of.contains(&key("b", 101)) && of.contains(&key("b", u64::MAX)));
        for other in [key("b", 100), key("b", 0), key("a", 200), key("b.", 200), key("ba", 200)] {
            assert!(!of.contains(&other), "{other:?}");
        }
        let before = hurts_before("b", UnixMillis(100));
        assert!(before.contains(&key("b", 99)) && before.contains(&key("b", 0)));
        assert!(!before.contains(&key("b", 100)) && !before.contains(&key("b-", 3)));
    }

    #[test]
    fn tenants_follow_each_other_whatever_their_names() {
        let mut names = ["a", "a-", "a.", "a0", "aa", "b", "b_"];
        names.sort_by_key(|name| hurt_key(name, UnixMillis(1), Epoch(1)));
        for (place, name) in names.iter().enumerate() {
            let behind = hurts_behind(Some(name));
            for (other_place, other) in names.iter().enumerate() {
                let key = hurt_key(other, UnixMillis(u64::MAX), Epoch(u64::MAX));
                assert_eq!(behind.contains(&key), other_place > place, "{name} {other}");
                assert!(hurts_behind(None).contains(&key));
            }
        }
    }
}
