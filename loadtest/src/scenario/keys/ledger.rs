//! What was sent under each key and what came back. It knows nothing of connections.

use crate::random::Random;

/// Every key, and the order in which they are sent.
#[derive(Debug)]
pub(super) struct Ledger {
    deck: Vec<u32>,
    keys: Vec<Key>,
    counts: Counts,
    /// What the first answer was that is none.
    first_nonsense: Option<String>,
}

/// What is known of a key.
#[derive(Clone, Debug, Default)]
struct Key {
    /// The first task that was named.
    task: Option<String>,
    is_finished: bool,
    has_second_task: bool,
}

/// The answers.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) finished: u64,
    pub(super) accepted: u64,
    pub(super) refused: u64,
    pub(super) lost: u64,
    /// Answers that say that they are replays.
    pub(super) replays: u64,
    /// Answers that must have been replays and do not say so.
    pub(super) unmarked: u64,
    pub(super) wrong_versions: u64,
    pub(super) nonsense: u64,
}

impl Ledger {
    /// Each of `keys` keys `duplicates` times, in an order that `seed` decides.
    pub(super) fn new(keys: u32, duplicates: u32, seed: u64) -> Self {
        let mut deck: Vec<u32> = (0..duplicates).flat_map(|_| 0..keys).collect();
        Random::new(seed).shuffle(&mut deck);
        Self {
            deck,
            keys: vec![Key::default(); keys as usize],
            counts: Counts::default(),
            first_nonsense: None,
        }
    }

    /// How many requests have yet to be sent.
    pub(super) fn left(&self) -> usize {
        self.deck.len()
    }

    /// The key to send next.
    pub(super) fn draw(&mut self) -> Option<u32> {
        self.deck.pop()
    }

    /// A key whose request has to be sent again.
    pub(super) fn put_back(&mut self, key: u32) {
        self.deck.push(key);
    }

    /// Whether a result of the key has been seen: what is sent from now on is a replay.
    pub(super) fn is_finished(&self, key: u32) -> bool {
        self.keys[key as usize].is_finished
    }

    /// An answer has named the task of a key.
    pub(super) fn note_task(&mut self, key: u32, task: &str) {
        let key = &mut self.keys[key as usize];
        match &key.task {
            None => key.task = Some(task.to_owned()),
            Some(known) => key.has_second_task |= known != task,
        }
    }

    /// A result of a key has been seen.
    pub(super) fn note_result(&mut self, key: u32) {
        self.keys[key as usize].is_finished = true;
    }

    /// An answer has come that is none.
    pub(super) fn note_nonsense(&mut self, status: u16, body: &[u8]) {
        self.counts.nonsense += 1;
        self.first_nonsense
            .get_or_insert_with(|| format!("{status} {}", String::from_utf8_lossy(body)));
    }

    pub(super) fn first_nonsense(&self) -> Option<&str> {
        self.first_nonsense.as_deref()
    }

    /// The task of a key.
    pub(super) fn task(&self, key: usize) -> Option<&str> {
        self.keys[key].task.as_deref()
    }

    /// How many keys there are.
    pub(super) fn keys(&self) -> usize {
        self.keys.len()
    }

    /// Keys of which no task was named, or more than one.
    pub(super) fn keys_astray(&self) -> u64 {
        let is_astray = |key: &&Key| key.task.is_none() || key.has_second_task;
        self.keys.iter().filter(is_astray).count() as u64
    }

    pub(super) fn counts(&self) -> Counts {
        self.counts
    }

    pub(super) fn counts_mut(&mut self) -> &mut Counts {
        &mut self.counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_drawn_as_often_as_asked_for() {
        let mut ledger = Ledger::new(7, 3, 1);
        let mut drawn = [0; 7];
        while let Some(key) = ledger.draw() {
            drawn[key as usize] += 1;
        }
        assert_eq!((drawn, ledger.left()), ([3; 7], 0));
    }

    #[test]
    fn a_key_without_a_task_or_with_two_is_astray() {
        let mut ledger = Ledger::new(3, 1, 1);
        ledger.note_task(0, "a");
        ledger.note_task(0, "a");
        ledger.note_task(1, "b");
        ledger.note_task(1, "c");
        assert_eq!(ledger.keys_astray(), 2);
        assert_eq!((ledger.task(0), ledger.task(2)), (Some("a"), None));
    }
}
