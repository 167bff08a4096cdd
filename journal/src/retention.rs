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
}

impl Default for Retention {
    /// A week, whatever the kind.
    fn default() -> Self {
        Self { finished: Duration::from_secs(7 * 24 * 60 * 60), kinds: HashMap::default() }
    }
}

impl Retention {
    /// How long tasks of that kind are kept.
    pub fn of(&self, kind: &KindName) -> Duration {
        self.kinds.get(kind).copied().unwrap_or(self.finished)
    }

    /// What of that kind ended before this has to go.
    pub(crate) fn bound(&self, kind: &KindName, now: UnixMillis) -> UnixMillis {
        let span = u64::try_from(self.of(kind).as_millis()).unwrap_or(u64::MAX);
        UnixMillis(now.0.saturating_sub(span))
    }

    /// No task goes sooner than this.
    pub(crate) fn shortest(&self) -> Duration {
        self.kinds.values().copied().chain([self.finished]).min().unwrap_or(self.finished)
    }
}
