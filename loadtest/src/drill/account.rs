//! What is known of one contact that is changed over and over: which version was acknowledged last,
//! and whether one more upsert may have happened. Every upsert writes a value of its own, and a
//! contact has at most one upsert in progress, so what a server may hold is known exactly.

/// One upsert beyond the acknowledged ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Open {
    /// Sent and not answered: it happened once or not at all.
    Unknown { value: u64 },
    /// Accepted: it will have happened once.
    Accepted { value: u64 },
}

/// What is known of one contact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Account {
    /// The last acknowledged version; 0 if there is none.
    version: u64,
    /// The value of that version.
    value: u64,
    open: Option<Open>,
}

/// What a comparison shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Right,
    /// Something acknowledged is not there.
    Missing,
    /// Something happened more than once, or though nobody asked for it.
    Doubled,
    /// The version is right and the value is not.
    Wrong,
}

impl Account {
    pub(super) fn is_settled(&self) -> bool {
        self.open.is_none()
    }

    /// The version that was acknowledged last.
    pub(super) fn version(&self) -> u64 {
        self.version
    }

    pub(super) fn leave_open(&mut self, open: Open) {
        self.open = Some(open);
    }

    /// What was open did not happen.
    pub(super) fn close(&mut self) {
        self.open = None;
    }

    /// An upsert of `value` was answered with `version`.
    pub(super) fn acknowledge(&mut self, value: u64, version: u64) -> Comparison {
        let comparison = compare(version, self.version + 1);
        (self.version, self.value, self.open) = (version, value, None);
        comparison
    }

    /// Compares with what the server holds, and takes that over.
    pub(super) fn settle(&mut self, version: u64, value: u64) -> Comparison {
        let happened = match self.open.take() {
            None => None,
            Some(Open::Unknown { .. }) if version <= self.version => None,
            Some(Open::Unknown { value } | Open::Accepted { value }) => Some(value),
        };
        let expected = self.version + u64::from(happened.is_some());
        let comparison = match compare(version, expected) {
            Comparison::Right if value != happened.unwrap_or(self.value) => Comparison::Wrong,
            other => other,
        };
        (self.version, self.value) = (version, value);
        comparison
    }
}

fn compare(version: u64, expected: u64) -> Comparison {
    match version.cmp(&expected) {
        std::cmp::Ordering::Less => Comparison::Missing,
        std::cmp::Ordering::Equal => Comparison::Right,
        std::cmp::Ordering::Greater => Comparison::Doubled,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account() -> Account {
        let mut account = Account::default();
        assert_eq!(account.acknowledge(11, 1), Comparison::Right);
        assert_eq!(account.acknowledge(12, 2), Comparison::Right);
        account
    }

    #[test]
    fn what_was_acknowledged_is_expected_exactly() {
        for (version, value, comparison) in [
            (2, 12, Comparison::Right),
            (2, 11, Comparison::Wrong),
            (1, 11, Comparison::Missing),
            (0, 0, Comparison::Missing),
            (3, 12, Comparison::Doubled),
        ] {
            assert_eq!(account().settle(version, value), comparison, "{version} {value}");
        }
    }

    #[test]
    fn what_is_unknown_happened_once_or_not_at_all() {
        for (version, value, comparison) in [
            (2, 12, Comparison::Right),
            (3, 13, Comparison::Right),
            (2, 13, Comparison::Wrong),
            (3, 12, Comparison::Wrong),
            (1, 11, Comparison::Missing),
            (4, 13, Comparison::Doubled),
        ] {
            let mut account = account();
            account.leave_open(Open::Unknown { value: 13 });
            assert_eq!(account.settle(version, value), comparison, "{version} {value}");
            assert!(account.is_settled());
        }
    }

    #[test]
    fn what_was_accepted_happened_once() {
        for (version, value, comparison) in [
            (3, 13, Comparison::Right),
            (2, 12, Comparison::Missing),
            (4, 13, Comparison::Doubled),
            (3, 12, Comparison::Wrong),
        ] {
            let mut account = account();
            account.leave_open(Open::Accepted { value: 13 });
            assert_eq!(account.settle(version, value), comparison, "{version} {value}");
        }
    }

    #[test]
    fn an_unknown_that_comes_after_it_was_found_absent_is_doubled() {
        let mut account = account();
        account.leave_open(Open::Unknown { value: 13 });
        assert_eq!(account.settle(2, 12), Comparison::Right);
        assert_eq!(account.settle(3, 13), Comparison::Doubled);
    }

    #[test]
    fn an_answer_with_the_wrong_version_is_found_at_once() {
        assert_eq!(account().acknowledge(13, 2), Comparison::Missing);
        assert_eq!(account().acknowledge(13, 4), Comparison::Doubled);
    }
}
