//! Upstreams: the services that tasks call. How a call ended is said here in the words that a gate
//! judges by; nothing here calls anybody.

use crate::history::HistoryFilter;
use crate::kind::KindName;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The name of an upstream, of the same form as that of a kind: `[a-z0-9][a-z0-9._-]{0,63}`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UpstreamName(KindName);

impl UpstreamName {
    /// The name, if it has the form.
    pub fn new(name: &str) -> Option<Self> {
        KindName::new(name).map(Self)
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Display for UpstreamName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The place of an upstream in this process's table of upstreams. It means nothing in another
/// process: the journal stores names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UpstreamId(pub u16);

/// What is done when an upstream turns bad.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GateMode {
    /// It is called no more until it is well again; its tasks are held.
    #[default]
    Shed,
    /// It is told, and nothing is held.
    Observe,
    /// Nothing is judged, and its calls have no bound of their own.
    Off,
}

impl GateMode {
    /// Its name in the configuration and on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Shed => "shed",
            Self::Observe => "observe",
            Self::Off => "off",
        }
    }
}

impl CallEnd {
    /// One word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Failed(CallFailure::Connect) => "connect",
            Self::Failed(CallFailure::Broken) => "broken",
            Self::Failed(CallFailure::Timeout) => "timeout",
            Self::Failed(CallFailure::Status(_)) => "status",
            Self::Busy { .. } => "busy",
            Self::Untold => "untold",
        }
    }
}

/// What must be known of an upstream to decide when it is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    /// Its name.
    pub name: UpstreamName,
    /// What is done when it turns bad.
    pub mode: GateMode,
    /// The most calls at a time; 0 takes a quarter of the workers.
    pub calls_max: usize,
    /// A call that takes longer is slow.
    pub slow: Duration,
}

/// Names one call among all that this process made to one upstream, in order of start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallNumber(pub u64);

/// How a call to an upstream ended, as far as it tells how the upstream is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallEnd {
    /// It answered, whatever it said of the work.
    Answered,
    /// It could not be reached, or failed.
    Failed(CallFailure),
    /// It answered 429: it is well, and wants fewer calls.
    Busy {
        /// How long it asks to be left alone.
        retry_after: Option<Duration>,
    },
    /// The call did not come to anything that tells of it.
    Untold,
}

/// Why a call counts against its upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallFailure {
    /// No connection: refused, unreachable, no name, or no TLS.
    Connect,
    /// The connection broke before the answer was whole.
    Broken,
    /// No whole answer in time.
    Timeout,
    /// It answered 408 or 5xx.
    Status(u16),
}

/// What somebody wants of the upstreams.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UpstreamOrder {
    /// To see how all are, a page of them in the order of their names.
    ShowAll {
        /// So many at most.
        limit: u32,
        /// Behind this one.
        after: Option<UpstreamName>,
    },
    /// To see how one is.
    Show(UpstreamName),
    /// To see the hours that one had.
    History(Box<HistoryFilter>),
    /// That it is not called, not even for probes, until it is released.
    Hold(UpstreamName),
    /// That it is called again, whatever was seen of it.
    Release(UpstreamName),
}

/// Wants calls beside the one that a task's own attempt is: a bulk task makes one for each item.
#[derive(Clone, Debug)]
pub struct CallReport {
    /// The upstream.
    pub upstream: UpstreamId,
    /// Calls that ended since the last report.
    pub ended: Vec<(CallNumber, CallEnd)>,
    /// How many calls more are wanted now. An answer comes if it is not 0.
    pub wanted: u16,
}

/// The answer to who wants calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallGrant {
    /// These may begin now; each has to be reported when it ended.
    Granted {
        /// Those that may.
        calls: Vec<CallNumber>,
        /// How long each may take, if not as long as its kind says: as in [`Job`](crate::Job).
        limit: Option<Duration>,
    },
    /// The upstream is shed: the task is held until it is well again.
    Shed,
}

/// Shares the text of the name.
impl From<&UpstreamName> for Arc<str> {
    fn from(name: &UpstreamName) -> Self {
        name.as_str().into()
    }
}
