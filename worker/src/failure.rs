//! Failures: the ways in which a handler can end without a product. A panic is not one of them:
//! it is caught around the handler and told as an ephemeral fault.

use crate::cancel::CancelFlag;
use crate::source::SourceError;
use overtime_protocol::{Fault, Outcome, Source};

/// The longest detail of a fault that leaves this crate, in bytes. Details are stored and shown.
const DETAIL_MAX_BYTES: usize = 4 * 1024;

/// Why a handler has no product, and so what becomes of the task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The caller's input is wrong: the task fails, and its caller is told (422).
    Input(Fault),
    /// It may pass by itself: the task is retried with a growing delay.
    Ephemeral(Fault),
    /// The handler or its configuration is wrong: the task is parked for a person.
    Defect(Fault),
    /// The handler has seen that the task is to be cancelled, and stopped.
    Cancelled,
}

impl Failure {
    /// The caller's input is wrong. `code` is a stable slug, `detail` one sentence for a person.
    pub fn input(code: &'static str, detail: impl Into<String>) -> Self {
        Self::Input(Fault::input(code, detail))
    }

    /// Something that may pass by itself.
    pub fn ephemeral(code: &'static str, detail: impl Into<String>) -> Self {
        Self::Ephemeral(Fault::ephemeral(code, detail))
    }

    /// The handler or its configuration is wrong. Persistent, like a wrong input, but not the
    /// caller's doing.
    pub fn defect(code: &'static str, detail: impl Into<String>) -> Self {
        Self::Defect(Fault::input(code, detail))
    }

    /// The handler stops because [`Input::is_cancelled`](crate::Input::is_cancelled) says that the
    /// task is to be cancelled. If it does not say so, this is a defect.
    pub fn cancelled() -> Self {
        Self::Cancelled
    }

    /// The failure as it counts: only what was asked to stop may say that it did.
    pub(crate) fn checked(self, cancel: CancelFlag<'_>) -> Self {
        match self {
            Self::Cancelled if !cancel.is_raised() => {
                Self::defect("not-cancelled", "the handler stopped though nobody asked it to")
            }
            other => other,
        }
    }
}

/// A read that failed is the server's fault, and may succeed the next time; what is lost will not
/// come back.
impl From<SourceError> for Failure {
    fn from(error: SourceError) -> Self {
        let detail = error.to_string();
        if error.is_lost() {
            let fault = Fault::input("payload-lost", detail);
            return Self::Defect(Fault { source: Source::Server, ..fault });
        }
        let fault = Fault::ephemeral("journal-read", detail);
        Self::Ephemeral(Fault { source: Source::Server, ..fault })
    }
}

impl From<Failure> for Outcome {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Input(fault) => Self::Rejected(bounded(fault)),
            Failure::Ephemeral(fault) => Self::Ephemeral(bounded(fault)),
            Failure::Defect(fault) => Self::Defect(bounded(fault)),
            Failure::Cancelled => Self::Cancelled,
        }
    }
}

/// The fault with a detail of bounded length.
pub(crate) fn bounded(mut fault: Fault) -> Fault {
    let end = fault.detail.floor_char_boundary(DETAIL_MAX_BYTES);
    fault.detail.truncate(end);
    fault
}

#[cfg(test)]
mod tests {
    use super::*;
    use overtime_protocol::Class;

    #[test]
    fn each_failure_becomes_its_outcome() {
        let outcome = |failure: Failure| Outcome::from(failure);
        assert!(matches!(outcome(Failure::input("a", "b")), Outcome::Rejected(_)));
        assert!(matches!(outcome(Failure::ephemeral("a", "b")), Outcome::Ephemeral(_)));
        let Outcome::Defect(fault) = outcome(Failure::defect("a", "b")) else {
            panic!("a defect became something else");
        };
        assert_eq!((fault.class, fault.source), (Class::Persistent, Source::Task));
    }

    #[test]
    fn a_long_detail_is_cut_between_characters() {
        let detail = format!("x{}", "é".repeat(DETAIL_MAX_BYTES));
        let Outcome::Rejected(fault) = Failure::input("long", detail).into() else {
            panic!("an input failure became something else");
        };
        assert_eq!(fault.detail.len(), DETAIL_MAX_BYTES - 1);
        assert!(fault.detail.ends_with('é'));
    }

    #[test]
    fn a_failed_read_is_the_servers_fault() {
        let Failure::Ephemeral(fault) = Failure::from(SourceError::new("disk gone")) else {
            panic!("a failed read is ephemeral");
        };
        assert_eq!((&*fault.code, fault.source), ("journal-read", Source::Server));
        assert!(fault.detail.contains("disk gone"), "{}", fault.detail);
        let Failure::Defect(fault) = Failure::from(SourceError::payload_lost("no file")) else {
            panic!("a lost payload waits for a person");
        };
        assert_eq!((&*fault.code, fault.source), ("payload-lost", Source::Server));
    }
}
