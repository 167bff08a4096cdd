//! What an answer's status means for the work: a table that an operator may change, status by
//! status. It reads no answers.

use std::collections::BTreeMap;
use ureq::http::StatusCode;

/// What becomes of a delivery that was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is done, and the answer is the result.
    Done,
    /// It may pass by itself: it is delivered again.
    Retry,
    /// The input is wrong: the task fails.
    Fail,
    /// A person has to look at it: the task is parked.
    Park,
}

/// What statuses mean where they do not mean the usual.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statuses(BTreeMap<u16, Verdict>);

impl Statuses {
    /// These, and whatever is not among them means the usual.
    pub fn new(statuses: impl IntoIterator<Item = (u16, Verdict)>) -> Self {
        Self(statuses.into_iter().collect())
    }

    pub(super) fn verdict(&self, status: StatusCode) -> Verdict {
        let status = status.as_u16();
        self.0.get(&status).copied().unwrap_or_else(|| usual(status))
    }

    /// Whether somebody has said what it means.
    pub(super) fn names(&self, status: StatusCode) -> bool {
        self.0.contains_key(&status.as_u16())
    }
}

/// An expired credential, a path that has moved or a method that nobody has written yet must not
/// destroy work that was accepted: those wait for a person.
fn usual(status: u16) -> Verdict {
    match status {
        200..=299 => Verdict::Done,
        400 | 413 | 415 | 422 => Verdict::Fail,
        408 | 425 | 429 => Verdict::Retry,
        501 => Verdict::Park,
        500..=599 => Verdict::Retry,
        _ => Verdict::Park,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(number: u16) -> StatusCode {
        StatusCode::from_u16(number).unwrap()
    }

    #[test]
    fn statuses_mean_the_usual_unless_somebody_says_otherwise() {
        let usual = Statuses::default();
        for (verdict, numbers) in [
            (Verdict::Done, &[200, 201, 202, 204, 299][..]),
            (Verdict::Fail, &[400, 413, 415, 422]),
            (Verdict::Retry, &[408, 425, 429, 500, 502, 503, 504, 505, 599]),
            (
                Verdict::Park,
                &[300, 304, 401, 402, 403, 404, 405, 409, 410, 418, 451, 501, 600, 999],
            ),
        ] {
            for number in numbers {
                assert_eq!(usual.verdict(status(*number)), verdict, "{number}");
            }
        }
        let changed = Statuses::new([(404, Verdict::Retry), (409, Verdict::Done)]);
        assert_eq!(changed.verdict(status(404)), Verdict::Retry);
        assert_eq!(changed.verdict(status(409)), Verdict::Done);
        assert_eq!(changed.verdict(status(410)), Verdict::Park);
        assert!(changed.names(status(404)) && !changed.names(status(410)));
    }
}
