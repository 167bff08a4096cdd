//! Tenants: whose work it is, what each may do, and who is calling. It knows no key: how a caller
//! proves who it is stands in [`crate::keyring`].

use crate::lane::{LANES, Lane};
use std::fmt;
use std::sync::Arc;

/// The tenant of every caller while no keys are configured.
pub const DEFAULT_TENANT: &str = "default";

/// Names a tenant within this process; the journal stores names. The first is
/// [`DEFAULT_TENANT`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TenantId(pub u32);

/// The name of a tenant: `[a-z0-9][a-z0-9._-]{0,63}`, as of a kind.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TenantName(Arc<str>);

impl TenantName {
    /// The name, if it has the form of one.
    pub fn new(name: &str) -> Option<Self> {
        crate::kind::KindName::new(name).map(|name| Self(name.as_str().into()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name, shared.
    pub fn shared(&self) -> Arc<str> {
        self.0.clone()
    }
}

impl fmt::Display for TenantName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a tenant may do; whatever is not said has no bound of its own.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Policy {
    /// Submissions a second, on average.
    pub rate: Option<Rate>,
    /// Tasks of it that may be unfinished with somebody waiting or a worker busy, at a time.
    pub concurrency: Option<u32>,
    /// The lanes that its work and its questions may use.
    pub lanes: LaneSet,
}

impl Default for Policy {
    fn default() -> Self {
        Self { rate: None, concurrency: None, lanes: LaneSet::ALL }
    }
}

/// A token bucket: `burst` at most, filled with `per_second`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// Tokens a second, above zero and finite.
    pub per_second: f64,
    /// The most tokens, at least one.
    pub burst: u32,
}

/// Some of the lanes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LaneSet(u8);

impl LaneSet {
    /// All lanes.
    pub const ALL: Self = Self(0b1111);
    /// No lane.
    pub const NONE: Self = Self(0);

    /// These and `lane`.
    #[must_use]
    pub fn with(self, lane: Lane) -> Self {
        Self(self.0 | 1 << lane as u8)
    }

    /// Whether `lane` is among them.
    pub fn has(self, lane: Lane) -> bool {
        self.0 & 1 << lane as u8 != 0
    }

    /// Those that are in it, highest priority first.
    pub fn iter(self) -> impl Iterator<Item = Lane> {
        LANES.into_iter().filter(move |&lane| self.has(lane))
    }
}

/// Whose tasks a caller sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Everybody's: no keys are configured.
    All,
    /// Those of one tenant; those of others do not exist for it.
    Own(Arc<str>),
}

impl Scope {
    /// Whether the tasks of this tenant are seen.
    pub fn sees(&self, tenant: &str) -> bool {
        match self {
            Self::All => true,
            Self::Own(own) => **own == *tenant,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_of_lanes_has_what_was_put_in() {
        let set = LaneSet::NONE.with(Lane::Bulk).with(Lane::Control);
        assert_eq!(set.iter().collect::<Vec<_>>(), [Lane::Control, Lane::Bulk]);
        assert_eq!(LaneSet::ALL.iter().count(), LANES.len());
        assert!(LANES.into_iter().all(|lane| LaneSet::ALL.has(lane) && !LaneSet::NONE.has(lane)));
    }

    #[test]
    fn a_scope_sees_its_own_and_nothing_else() {
        assert!(Scope::All.sees("a"));
        assert!(Scope::Own("a".into()).sees("a"));
        assert!(!Scope::Own("a".into()).sees("b"));
    }
}
