//! The way out, in phases: told, refusing, leaving, gone.

use overtime_protocol::Monotonic;

/// How far the server is on its way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Drain {
    /// It is not.
    Open,
    /// It says that it is not ready, and still takes everything in, so that balancers can look
    /// elsewhere first.
    Notice {
        /// Until then.
        until: Monotonic,
    },
    /// New tasks are refused, the others are finished.
    Grace {
        /// Until then.
        until: Monotonic,
    },
    /// Nothing is started any more; the last answers leave.
    Leaving {
        /// Until then at the latest.
        until: Monotonic,
    },
    /// The journal has failed; the last answers leave.
    Failed {
        /// Why.
        reason: String,
        /// Until then at the latest.
        until: Monotonic,
    },
}

impl Drain {
    /// When the phase ends by itself.
    pub(crate) fn until(&self) -> Option<Monotonic> {
        match self {
            Self::Open => None,
            Self::Notice { until }
            | Self::Grace { until }
            | Self::Leaving { until }
            | Self::Failed { until, .. } => Some(*until),
        }
    }
}
