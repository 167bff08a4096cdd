//! What the commit thread takes next. Single records come first; chunks of bulk tasks are set
//! aside and go behind them, a few at a time. It never reorders the records of one task.

use crossbeam_channel::{Receiver, RecvTimeoutError};
use overtime_protocol::record::Change;
use overtime_protocol::{Append, TaskId};
use std::collections::VecDeque;
use std::time::Duration;

/// The most chunks that are set aside. Each has a worker that waits for it, so there are few.
const CHUNKS_MAX: usize = 1024;

/// How soon chunks that have to wait for room look for it again.
const CHUNKS_ASK_AGAIN: Duration = Duration::from_millis(5);

/// Appends on their way into a batch.
#[derive(Default)]
pub(crate) struct Queue {
    /// What goes next.
    first: VecDeque<Append>,
    /// Chunks, in the order in which they came.
    chunks: VecDeque<Append>,
    /// All senders were seen to be gone.
    is_last: bool,
}

impl Queue {
    /// Waits until there is something to commit. Whether there ever will be.
    pub(crate) fn wait(&mut self, appends: &Receiver<Append>) -> bool {
        if self.is_empty()
            && let Ok(append) = appends.recv()
        {
            self.sort(append);
        }
        !self.is_empty()
    }

    /// Whether there is something to commit now.
    #[cfg(feature = "steps")]
    pub(crate) fn has_some(&self, appends: &Receiver<Append>) -> bool {
        !self.is_empty() || !appends.is_empty()
    }

    /// Whether chunks are set aside.
    pub(crate) fn has_chunks(&self) -> bool {
        !self.chunks.is_empty()
    }

    /// Makes known that nobody sends any more.
    #[cfg(feature = "steps")]
    pub(crate) fn be_last(&mut self) {
        self.is_last = true;
    }

    /// Whether nobody sends any more, so that there is nothing to wait for.
    pub(crate) fn is_last(&self) -> bool {
        self.is_last
    }

    /// Waits a moment for something to commit while the chunks have to wait.
    pub(crate) fn wait_beside_chunks(&mut self, appends: &Receiver<Append>) {
        match appends.recv_timeout(CHUNKS_ASK_AGAIN) {
            Ok(append) => self.sort(append),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => self.is_last = true,
        }
    }

    /// What goes before the chunks that are set aside.
    pub(crate) fn next(&mut self, appends: &Receiver<Append>) -> Option<Append> {
        loop {
            if let Some(append) = self.first.pop_front() {
                return Some(append);
            }
            if self.chunks.len() >= CHUNKS_MAX {
                return None;
            }
            self.sort(appends.try_recv().ok()?);
        }
    }

    /// The chunk that was set aside first.
    pub(crate) fn next_chunk(&mut self) -> Option<Append> {
        self.chunks.pop_front()
    }

    /// Puts an append back that found no room: it goes before everything else.
    pub(crate) fn put_back(&mut self, append: Append) {
        self.first.push_front(append);
    }

    /// Puts a chunk back that there is no time for: it is the first of the chunks.
    pub(crate) fn put_chunk_back(&mut self, chunk: Append) {
        self.chunks.push_front(chunk);
    }

    fn is_empty(&self) -> bool {
        self.first.is_empty() && self.chunks.is_empty()
    }

    fn sort(&mut self, append: Append) {
        if matches!(append.record.change, Some(Change::Advanced(_))) {
            self.chunks.push_back(append);
            return;
        }
        let own_chunk = self.take_chunk_of(append.record.task);
        self.first.extend(own_chunk.into_iter().chain([append]));
    }

    fn take_chunk_of(&mut self, task: TaskId) -> Option<Append> {
        let place = self.chunks.iter().position(|chunk| chunk.record.task == task)?;
        self.chunks.remove(place)
    }
}

/// How much of a batch's time goes to chunks: what a single record waits for at most.
pub(crate) const CHUNKS_SPAN: Duration = Duration::from_millis(1);

/// How many bytes of chunks go into that time, as far as was seen.
pub(crate) struct Pace {
    ns_per_kib: u64,
}

impl Default for Pace {
    /// A guess on the slow side: 128 KiB in the time there is.
    fn default() -> Self {
        Self { ns_per_kib: 8_000 }
    }
}

impl Pace {
    /// The bytes of chunks that a batch has time for.
    pub(crate) fn bytes(&self) -> u64 {
        let span_ns = CHUNKS_SPAN.as_nanos() as u64;
        span_ns * 1024 / self.ns_per_kib
    }

    /// Takes down that so many bytes took so long.
    pub(crate) fn learn(&mut self, bytes: u64, span: Duration) {
        let ns = u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
        let Some(seen) = ns.saturating_mul(1024).checked_div(bytes) else { return };
        // One batch that waited for something else does not count for much, nor does one that
        // found everything in a cache.
        let seen = seen.clamp(self.ns_per_kib / 4, self.ns_per_kib * 4);
        self.ns_per_kib = ((self.ns_per_kib * 7 + seen) / 8).max(100);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crossbeam_channel::{Sender, unbounded};
    use overtime_protocol::record::{Advance, Record};
    use overtime_protocol::{Progress, Ticket, UnixMillis};

    struct Bench {
        sender: Sender<Append>,
        appends: Receiver<Append>,
        queue: Queue,
    }

    impl Bench {
        fn new() -> Self {
            let (sender, appends) = unbounded();
            Self { sender, appends, queue: Queue::default() }
        }

        /// Sends a record of that task; its ticket is the task's number.
        fn send(&self, task: u64, ticket: u64, change: Option<Change>) {
            let record = Record {
                attempt: 1,
                run: 1,
                acceptance: None,
                change,
                puts: Vec::new(),
                ..Record::new(TaskId::from_key(task).unwrap(), UnixMillis(0))
            };
            let append = Append { ticket: Ticket(ticket), record: record.into(), is_awaited: true };
            self.sender.send(append).unwrap();
        }

        fn single(&self, task: u64, ticket: u64) {
            self.send(task, ticket, None);
        }

        fn chunk(&self, task: u64, ticket: u64) {
            let advance = Advance { cursor: "".into(), progress: Progress::default() };
            self.send(task, ticket, Some(Change::Advanced(advance)));
        }

        /// The tickets of what goes next, then those of the chunks behind it.
        fn order(&mut self) -> (Vec<u64>, Vec<u64>) {
            assert!(self.queue.wait(&self.appends));
            let first = std::iter::from_fn(|| self.queue.next(&self.appends));
            let first = first.map(|append| append.ticket.0).collect();
            let chunks = std::iter::from_fn(|| self.queue.next_chunk());
            (first, chunks.map(|append| append.ticket.0).collect())
        }
    }

    #[test]
    fn singles_go_first() {
        let mut bench = Bench::new();
        bench.chunk(1, 10);
        bench.single(2, 20);
        bench.chunk(3, 30);
        bench.single(4, 40);
        assert_eq!(bench.order(), (vec![20, 40], vec![10, 30]));
    }

    #[test]
    fn records_of_one_task_keep_their_order() {
        let mut bench = Bench::new();
        bench.chunk(1, 10);
        bench.chunk(2, 20);
        bench.single(2, 21);
        bench.single(3, 30);
        bench.single(1, 11);
        bench.chunk(1, 12);
        assert_eq!(bench.order(), (vec![20, 21, 30, 10, 11], vec![12]));
    }

    #[test]
    fn what_was_put_back_goes_before_everything() {
        let mut bench = Bench::new();
        bench.single(1, 10);
        bench.chunk(2, 20);
        bench.single(3, 30);
        let first = bench.queue.next(&bench.appends).unwrap();
        bench.queue.put_back(first);
        assert_eq!(bench.order(), (vec![10, 30], vec![20]));
        bench.chunk(2, 21);
        bench.single(3, 31);
        assert!(bench.queue.next(&bench.appends).is_some());
        let chunk = bench.queue.next_chunk().unwrap();
        bench.queue.put_back(chunk);
        bench.single(3, 32);
        assert_eq!(bench.order(), (vec![21, 32], vec![]));
    }

    #[test]
    fn it_ends_when_all_is_taken_and_nobody_sends() {
        let mut bench = Bench::new();
        bench.chunk(1, 10);
        let Bench { sender, appends, queue } = &mut bench;
        drop(std::mem::replace(sender, unbounded().0));
        assert!(queue.wait(appends));
        assert!(queue.wait(appends));
        assert!(queue.next(appends).is_none());
        assert!(queue.next_chunk().is_some());
        assert!(!queue.wait(appends));
    }

    #[test]
    fn the_pace_follows_what_is_seen_and_not_what_is_odd() {
        let mut pace = Pace::default();
        let guess = pace.bytes();
        pace.learn(0, Duration::from_secs(1));
        assert_eq!(pace.bytes(), guess);
        pace.learn(1024, Duration::from_secs(1));
        assert!(pace.bytes() > guess / 2);
        for _ in 0..100 {
            pace.learn(1 << 20, Duration::from_millis(1));
        }
        // A MiB takes a millisecond, and that is the time there is.
        assert!((950_000..1_150_000).contains(&pace.bytes()), "{}", pace.bytes());
    }
}
