//! Appends on their way to the journal, in the order in which they came. One sync costs about as much
//! for one as for all, so they are held back for a moment while others are about to join them.

use crossbeam_channel::{Sender, TrySendError};
use overtime_protocol::{Append, Monotonic};
use std::collections::VecDeque;
use std::time::Duration;

/// How long they are held back if somebody waits for one of them. A loop that sleeps meanwhile wakes
/// with the next completion, or a millisecond later at the latest, for a poll cannot be timed more
/// finely.
const HOLD: Duration = Duration::from_micros(200);

/// How long they are held back if nobody waits for any of them. What has ended by then is done once
/// more if the process is killed, as what is just under way would be.
const UNAWAITED_HOLD: Duration = Duration::from_millis(2);

/// So many are worth a sync of their own.
const WORTH: usize = 24;

/// So many are if nobody waits for any of them.
const UNAWAITED_WORTH: usize = 256;

/// Whether others are about to join them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outlook {
    /// Something is about to come back.
    MoreSoon,
    /// Nothing that is known of.
    Quiet,
}

/// Appends that have not been sent.
#[derive(Debug)]
pub(crate) struct Appends {
    sender: Sender<Append>,
    /// Bounded by the tasks there can be.
    waiting: VecDeque<Append>,
    /// The channel has no room: the verdict on what fills it wakes the loop.
    is_blocked: bool,
    /// Since when the first of them is here.
    since: Option<Monotonic>,
    /// Since when the first of them is here that somebody waits for.
    awaited_since: Option<Monotonic>,
}

impl Appends {
    pub(crate) fn new(sender: Sender<Append>) -> Self {
        let waiting = VecDeque::new();
        Self { sender, waiting, is_blocked: false, since: None, awaited_since: None }
    }

    pub(crate) fn push(&mut self, append: Append, now: Monotonic) {
        self.since.get_or_insert(now);
        if append.is_awaited {
            self.awaited_since.get_or_insert(now);
        }
        self.waiting.push_back(append);
    }

    /// Sends all of them, as far as there is room, unless they are held back.
    pub(crate) fn send(&mut self, outlook: Outlook, now: Monotonic) {
        if self.is_held(outlook, now) {
            return;
        }
        while let Some(append) = self.waiting.pop_front() {
            if let Err(TrySendError::Full(append)) = self.sender.try_send(append) {
                self.waiting.push_front(append);
                self.is_blocked = true;
                return;
            }
        }
        (self.is_blocked, self.since, self.awaited_since) = (false, None, None);
    }

    /// Whether more are to join them first. Those that found no room have waited.
    fn is_held(&self, outlook: Outlook, now: Monotonic) -> bool {
        let (since, hold, worth) = match (self.awaited_since, outlook) {
            (Some(_), Outlook::Quiet) => return false,
            (Some(since), Outlook::MoreSoon) => (since, HOLD, WORTH),
            (None, _) => (self.since.unwrap_or(now), UNAWAITED_HOLD, UNAWAITED_WORTH),
        };
        !self.is_blocked && now.since(since) < hold && self.waiting.len() < worth
    }

    /// Whether there are some to send now.
    pub(crate) fn has_some_to_send(&self, outlook: Outlook) -> bool {
        let is_awaited = self.awaited_since.is_some();
        let is_held = self.is_blocked || !is_awaited || outlook == Outlook::MoreSoon;
        !self.waiting.is_empty() && !is_held
    }

    /// When those go that nobody waits for. The others are joined before any poll ends, or go.
    pub(crate) fn next_deadline(&self) -> Option<Monotonic> {
        let since = self.since.filter(|_| self.awaited_since.is_none() && !self.is_blocked)?;
        Some(since + UNAWAITED_HOLD)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::Outlook::{MoreSoon, Quiet};
    use super::*;
    use crossbeam_channel::{Receiver, bounded};
    use overtime_protocol::record::Record;
    use overtime_protocol::{TaskId, Ticket, UnixMillis};

    fn appends(room: usize) -> (Appends, Receiver<Append>) {
        let (sender, receiver) = bounded(room);
        (Appends::new(sender), receiver)
    }

    fn append(ticket: u64, is_awaited: bool) -> Append {
        let record = Record::new(TaskId::from_key(ticket).unwrap(), UnixMillis(0));
        Append { ticket: Ticket(ticket), record: record.into(), is_awaited }
    }

    fn sent(receiver: &Receiver<Append>) -> Vec<u64> {
        receiver.try_iter().map(|append| append.ticket.0).collect()
    }

    fn at(micros: u64) -> Monotonic {
        Monotonic(micros * 1_000)
    }

    #[test]
    fn one_that_is_awaited_goes_at_once_unless_others_are_about_to_join_it() {
        let (mut appends, receiver) = appends(9);
        appends.push(append(1, true), at(0));
        assert!(appends.has_some_to_send(Quiet) && !appends.has_some_to_send(MoreSoon));
        appends.send(MoreSoon, at(199));
        assert_eq!(sent(&receiver), []);
        appends.send(MoreSoon, at(200));
        assert_eq!(sent(&receiver), [1]);
        appends.push(append(2, true), at(300));
        appends.send(Quiet, at(300));
        assert_eq!(sent(&receiver), [2]);
        assert!(appends.is_empty() && appends.next_deadline().is_none());
    }

    #[test]
    fn those_that_nobody_waits_for_go_together_a_little_later() {
        let (mut appends, receiver) = appends(9);
        for number in 0..3 {
            appends.push(append(number, false), at(number * 500));
            appends.send(Quiet, at(number * 500));
        }
        assert!(!appends.has_some_to_send(Quiet), "it would turn until they are due");
        assert_eq!(appends.next_deadline(), Some(at(2_000)));
        appends.send(Quiet, at(1_999));
        assert_eq!(sent(&receiver), []);
        appends.send(Quiet, at(2_000));
        assert_eq!(sent(&receiver), [0, 1, 2]);
    }

    #[test]
    fn they_go_with_the_first_that_somebody_waits_for_and_never_behind_it() {
        let (mut appends, receiver) = appends(9);
        appends.push(append(1, false), at(0));
        appends.push(append(2, true), at(10));
        appends.push(append(3, false), at(10));
        assert!(appends.has_some_to_send(Quiet));
        appends.send(Quiet, at(10));
        assert_eq!(sent(&receiver), [1, 2, 3]);
        appends.push(append(4, false), at(20));
        assert_eq!(appends.next_deadline(), Some(at(2_020)));
    }

    #[test]
    fn one_that_is_awaited_waits_for_company_however_long_others_are_there() {
        let (mut appends, receiver) = appends(9);
        appends.push(append(1, false), at(0));
        appends.push(append(2, true), at(1_000));
        appends.send(MoreSoon, at(1_199));
        assert_eq!(sent(&receiver), []);
        appends.send(MoreSoon, at(1_200));
        assert_eq!(sent(&receiver), [1, 2]);
    }

    #[test]
    fn those_that_nobody_waits_for_go_as_soon_as_there_is_room_again() {
        let (mut appends, receiver) = appends(2);
        for number in 1..=UNAWAITED_WORTH as u64 {
            appends.push(append(number, false), at(0));
        }
        appends.send(Quiet, at(0));
        assert_eq!(sent(&receiver), [1, 2]);
        appends.send(Quiet, at(1));
        assert_eq!(sent(&receiver), [3, 4], "nothing else might wake the loop for them");
    }

    #[test]
    fn many_are_worth_a_sync_whoever_waits() {
        for (is_awaited, worth) in [(true, WORTH), (false, UNAWAITED_WORTH)] {
            let (mut appends, receiver) = appends(1_000);
            for number in 1..=worth {
                assert_eq!(sent(&receiver), []);
                appends.push(append(number as u64, is_awaited), at(0));
                appends.send(MoreSoon, at(0));
            }
            assert_eq!(sent(&receiver).len(), worth);
        }
    }

    #[test]
    fn those_without_room_stay_in_their_order_and_do_not_keep_the_loop_turning() {
        let (mut appends, receiver) = appends(2);
        for number in 1..=5 {
            appends.push(append(number, number != 1), at(0));
        }
        appends.send(Quiet, at(0));
        assert!(!appends.has_some_to_send(Quiet) && appends.next_deadline().is_none());
        assert_eq!(sent(&receiver), [1, 2]);
        appends.send(Quiet, at(1));
        assert_eq!(sent(&receiver), [3, 4]);
        appends.send(Quiet, at(2));
        assert_eq!(sent(&receiver), [5]);
        assert!(appends.is_empty());
    }
}
