//! How long finished tasks are kept. What has not finished is kept without end.

use foldhash::HashMap;
use overtime_protocol::{KindName, UnixMillis};
use std::time::Duration;

/// How long a finished task, its result and its events are kept.
#[derive(Clone, Debug)]
pub struct Retention {
    /// Of the kinds that are not named.
    pub finished: Duration,
    /// Of those that are.
    pub kinds: HashMap<KindName, Duration>,
    /// How long it is kept which tenants were hurt.
    pub affected: Duration,
    /// How long incidents are kept that are over.
    pub incidents: Duration,
}

impl Default for Retention {
    /// A week, whatever the kind, and who was hurt, and by what, for 90 days.
    fn default() -> Self {
        Self {
            finished: Duration::from_hours(7 * 24),
            kinds: HashMap::default(),
            affected: Duration::from_hours(90 * 24),
            incidents: Duration::from_hours(90 * 24),
        }
    }
}

impl Retention {
    /// How long tasks of that kind are kept.
    pub fn of(&self, kind: &KindName) -> Duration {
        self.kinds.get(kind).copied().unwrap_or(self.finished)
    }

    /// What of that kind ended before this has to go.
    pub(crate) fn bound(&self, kind: &KindName, now: UnixMillis) -> UnixMillis {
        before(now, self.of(kind))
    }

    /// From when on a task of that kind has to go that ended then.
    pub(crate) fn due(&self, kind: &KindName, ended_at: UnixMillis) -> UnixMillis {
        ended_at + self.of(kind) + Duration::from_millis(1)
    }

    /// What ended before this is not known any more to have hurt anybody.
    pub(crate) fn affected_bound(&self, now: UnixMillis) -> UnixMillis {
        before(now, self.affected)
    }

    /// Incidents that were over before this have to go.
    pub(crate) fn incidents_bound(&self, now: UnixMillis) -> UnixMillis {
        before(now, self.incidents)
    }

    /// No task goes sooner than this.
    pub(crate) fn shortest(&self) -> Duration {
        self.kinds.values().copied().chain([self.finished]).min().unwrap_or(self.finished)
    }
}

fn before(now: UnixMillis, span: Duration) -> UnixMillis {
    let span = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
    UnixMillis(now.0.saturating_sub(span))
}
