//! What a drill has sent and heard, in numbers.

use serde::Serialize;

/// How many of each answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Requests to do something, those that were sent again included.
    pub sent: u64,
    /// Orders answered with their result.
    pub answered: u64,
    /// Orders answered 202.
    pub accepted: u64,
    /// Orders whose answer was lost, or said that it is not known.
    pub unknown: u64,
    /// Of them, those that their key has cleared up.
    pub cleared_up: u64,
    /// Orders refused: they did not happen.
    pub refused: u64,
    /// Answers that repeated an earlier one.
    pub replayed: u64,
    /// Tasks that were told to be cancelled.
    pub cancelled: u64,
    /// Items of acknowledged bulk orders.
    pub items: u64,
    /// Tasks that were parked because the server was killed while they ran alone, and run again.
    pub revived: u64,
}

impl Counts {
    pub(super) fn add(&mut self, other: &Self) {
        self.sent += other.sent;
        self.answered += other.answered;
        self.accepted += other.accepted;
        self.unknown += other.unknown;
        self.cleared_up += other.cleared_up;
        self.refused += other.refused;
        self.replayed += other.replayed;
        self.cancelled += other.cancelled;
        self.items += other.items;
        self.revived += other.revived;
    }
}
