//! What a slow client does: it is never wrong, only slow. Each habit has the words to begin with,
//! and the limit after which a server is to have closed it.

use crate::request::get;
use serde::Serialize;
use std::fmt::{Display, Formatter};
use std::net::SocketAddr;
use std::time::Duration;

/// What is sent of a body at the pace of a byte at a time.
const BODY_BYTES: usize = 50_000;

/// A way to be slow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Habit {
    /// A head, a byte at a time.
    Head,
    /// A body, a byte at a time.
    Body,
    /// Nothing at all.
    Silent,
    /// A request for something long, whose answer is not read.
    Unread,
}

/// All of them, and how many in a hundred clients have each. Whoever does not read an answer costs
/// the kernel megabytes of its own, so there are few of them.
pub(super) const SHARES: [(Habit, usize); 4] =
    [(Habit::Head, 45), (Habit::Body, 30), (Habit::Silent, 24), (Habit::Unread, 1)];

impl Habit {
    /// The habit of client `number`.
    pub(super) fn of(number: usize) -> Self {
        let mut place = number % 100;
        for (habit, share) in SHARES {
            if place < share {
                return habit;
            }
            place -= share;
        }
        Self::Silent
    }

    /// Whether it goes on with a byte at a time.
    pub(super) fn is_dribble(self) -> bool {
        matches!(self, Self::Head | Self::Body)
    }

    /// What it says first; `long` is the path of something long.
    pub(super) fn opening(self, target: SocketAddr, long: &str) -> Vec<u8> {
        let post = format!("POST /v1/tasks/echo HTTP/1.1\r\nHost: {target}\r\n");
        match self {
            Self::Head => format!("{post}X-Slow: "),
            Self::Body => format!("{post}Content-Length: {BODY_BYTES}\r\n\r\n"),
            Self::Silent => String::new(),
            Self::Unread => return get(target, long),
        }
        .into_bytes()
    }
}

impl Display for Habit {
    fn fmt(&self, out: &mut Formatter<'_>) -> std::fmt::Result {
        out.pad(match self {
            Self::Head => "head, byte by byte",
            Self::Body => "body, byte by byte",
            Self::Silent => "open and silent",
            Self::Unread => "answer not read",
        })
    }
}

/// After what time a server is to have closed each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limits {
    pub(super) head: Duration,
    pub(super) body: Duration,
    pub(super) silent: Duration,
    pub(super) unread: Duration,
}

impl Limits {
    pub(super) fn of(&self, habit: Habit) -> Duration {
        match habit {
            Habit::Head => self.head,
            Habit::Body => self.body,
            Habit::Silent => self.silent,
            Habit::Unread => self.unread,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn a_hundred_clients_have_the_shares() {
        let mut counts: BTreeMap<Habit, usize> = BTreeMap::new();
        for number in 0..300 {
            *counts.entry(Habit::of(number)).or_default() += 1;
        }
        assert_eq!(counts.len(), SHARES.len());
        for (habit, share) in SHARES {
            assert_eq!(counts[&habit], 3 * share, "{habit}");
        }
    }

    #[test]
    fn an_opening_is_no_whole_request_unless_only_its_answer_is_left_alone() {
        let target = "127.0.0.1:1".parse().unwrap();
        let opening = |habit: Habit| String::from_utf8(habit.opening(target, "/long")).unwrap();
        assert!(!opening(Habit::Head).contains("\r\n\r\n"));
        assert!(opening(Habit::Body).ends_with("Content-Length: 50000\r\n\r\n"));
        assert!(opening(Habit::Silent).is_empty());
        assert!(opening(Habit::Unread).starts_with("GET /long HTTP/1.1\r\n"));
    }
}
