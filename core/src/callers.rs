//! The callers: who is asking, found out from the key that a request comes with. Nothing of what was
//! found is kept from one request to the next, so that a key that is revoked counts no more at once.

use overtime_engine::Sight;
use overtime_protocol::http::{Field, Head};
use overtime_protocol::keyring::KeyRing;
use overtime_protocol::{Code, Lane, LaneSet, Problem, Scope, TenantId, TenantName, UnixMillis};
use std::collections::HashMap;
use std::sync::Arc;

/// The scheme of keys in `Authorization` (RFC 6750), in any case.
const SCHEME: &str = "bearer";

/// What a caller without a key is told (RFC 6750, section 3).
const CHALLENGE: &str = "Bearer realm=\"overtime\"";

/// What a caller is told whose key does not count.
const CHALLENGE_AGAIN: &str = "Bearer realm=\"overtime\", error=\"invalid_token\"";

/// Who asks.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    /// Whose work it is.
    pub(crate) tenant: TenantId,
    /// Whose tasks it sees.
    pub(crate) scope: Scope,
    /// The id of the key that it has shown.
    pub(crate) key: Option<Arc<str>>,
    lanes: LaneSet,
}

/// Whoever may call.
#[derive(Debug, Default)]
pub(crate) struct Callers {
    /// `None` while nobody is asked for a key.
    ring: Option<Arc<KeyRing>>,
    /// All tenants that ever had a key in this process.
    tenants: HashMap<TenantName, TenantId>,
    now: UnixMillis,
}

impl Callers {
    /// From here on these keys count and no others. `name` tells how a tenant is called within this
    /// process; it is asked once for each.
    pub(crate) fn set_keys(
        &mut self,
        ring: Arc<KeyRing>,
        mut name: impl FnMut(&TenantName) -> TenantId,
    ) {
        for tenant in ring.tenants() {
            if !self.tenants.contains_key(tenant) {
                self.tenants.insert(tenant.clone(), name(tenant));
            }
        }
        self.ring = Some(ring);
    }

    /// Sets the clock by which keys expire.
    pub(crate) fn set_time(&mut self, now: UnixMillis) {
        self.now = now;
    }

    /// Whether callers are asked for keys.
    pub(crate) fn need_keys(&self) -> bool {
        self.ring.is_some()
    }

    /// Who sends a request with this head.
    ///
    /// # Errors
    /// `unauthorized`, with what a caller is to show.
    pub(crate) fn of_head(&self, head: &Head) -> Result<Caller, Problem> {
        self.of(head.field(Field::Authorization).map(|text| bearer(text).unwrap_or_default()))
    }

    /// Who shows that key.
    ///
    /// # Errors
    /// `unauthorized`, with what a caller is to show.
    pub(crate) fn of(&self, key: Option<&str>) -> Result<Caller, Problem> {
        let Some(ring) = &self.ring else { return Ok(Caller::anybody()) };
        let bearer = key.and_then(|key| ring.check(key, self.now));
        let known = bearer.and_then(|bearer| Some((bearer, *self.tenants.get(bearer.tenant)?)));
        let (bearer, tenant) = known.ok_or_else(|| unauthorized(key.is_some()))?;
        Ok(Caller {
            tenant,
            scope: Scope::Own(bearer.tenant.shared()),
            key: Some(bearer.id.clone()),
            lanes: ring.policy(bearer.tenant).lanes,
        })
    }

    /// Whether the caller, who was let in before, would be let in now.
    pub(crate) fn still_lets_in(&self, caller: &Caller) -> bool {
        match (&self.ring, &caller.key) {
            (None, _) => true,
            (Some(ring), Some(key)) => ring.counts(key, self.now),
            // It came when nobody was asked.
            (Some(_), None) => false,
        }
    }
}

impl Caller {
    /// Whoever calls while nobody is asked for a key.
    pub(crate) fn anybody() -> Self {
        Self { tenant: TenantId::default(), scope: Scope::All, key: None, lanes: LaneSet::ALL }
    }

    /// Whose tasks it sees, as the engine has it.
    pub(crate) fn sight(&self) -> Sight {
        match self.scope {
            Scope::All => None,
            Scope::Own(_) => Some(self.tenant),
        }
    }

    /// The name of the tenant, by which its idempotency keys are told from those of others.
    pub(crate) fn name(&self) -> &str {
        match &self.scope {
            Scope::All => overtime_protocol::DEFAULT_TENANT,
            Scope::Own(name) => name,
        }
    }

    /// Refuses work in a lane that is not the caller's to use.
    ///
    /// # Errors
    /// `forbidden-lane`.
    pub(crate) fn may_use(&self, lane: Lane) -> Result<(), Problem> {
        if self.lanes.has(lane) {
            return Ok(());
        }
        let detail = format!("The tenant {} may not use the lane {}.", self.name(), lane.name());
        Err(Problem::new(Code::ForbiddenLane, detail))
    }
}

/// The key in the value of `Authorization`; `None` if it holds something else.
fn bearer(text: &str) -> Option<&str> {
    let (scheme, key) = text.split_once(' ')?;
    scheme.eq_ignore_ascii_case(SCHEME).then(|| key.trim_matches(' '))
}

fn unauthorized(has_shown: bool) -> Problem {
    let (challenge, detail) = if has_shown {
        (CHALLENGE_AGAIN, "The key is none of this server's, was revoked, or has expired.")
    } else {
        (CHALLENGE, "Show a key: Authorization: Bearer KEY.")
    };
    Problem { challenge: Some(challenge), ..Problem::new(Code::Unauthorized, detail) }
}

#[cfg(test)]
mod tests;
