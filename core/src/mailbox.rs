//! The one way into the core from another thread: push, then wake the poll once.

use crate::limits::MAILBOX_MAX;
use crate::sleep::Sleep;
use crate::snapshot::Snapshot;
use crate::workers::WorkerChannel;
use crossbeam_channel::{Receiver, Sender, bounded};
use mio::Waker;
use overtime_protocol::keyring::KeyRing;
use overtime_protocol::{
    Answer, CallReport, Chunk, Claims, Completion, Finding, KindName, MemoryPressure, ReplyTo,
    Spooled, TaskId, Ticket, Unfinished, Verdict,
};
use std::io;
use std::sync::Arc;

/// What other threads tell the core.
#[derive(Debug)]
pub enum Mail {
    /// An attempt came back.
    Completed {
        /// The worker, by its place among all workers.
        worker: usize,
        /// What came back.
        completion: Completion,
        /// Whether the worker has nothing left to do.
        chain_ended: bool,
    },
    /// A worker wants a part of its attempt appended, and waits for the ruling.
    Advanced {
        /// The worker, by its place among all workers.
        worker: usize,
        /// What it did.
        chunk: Chunk,
    },
    /// A worker tells of its calls to an upstream, and may want more.
    Called {
        /// The worker, by its place among all workers.
        worker: usize,
        /// For which task.
        task: TaskId,
        /// Which run of it.
        run: u32,
        /// What.
        report: CallReport,
    },
    /// A worker that was to be hired is there, and has nothing to do.
    Hired {
        /// Its number.
        worker: usize,
        /// The way to it.
        channel: WorkerChannel,
    },
    /// The system has refused a thread for that worker.
    NotHired {
        /// Its number.
        worker: usize,
    },
    /// The spool said what became of a payload.
    Spooled(TaskId, Spooled),
    /// The journal said what became of a batch of appends.
    Judged(Vec<Verdict>),
    /// The journal answers a read.
    Answered(ReplyTo, Answer),
    /// Whether the journal's archive is behind.
    Strained(bool),
    /// The journal has found what the engine had inquired.
    Found(Ticket, Finding),
    /// Some of the tasks that a former process accepted and did not finish.
    Recovered {
        /// The tasks.
        unfinished: Vec<Unfinished>,
        /// Whether that process ended in order.
        clean: bool,
        /// Bounds how many are on their way.
        permit: Permit,
    },
    /// All of them were told.
    RecoveryEnded,
    /// There is enough room on the disk, or there is not.
    Space {
        /// Whether what is left is kept for work that was accepted.
        is_low: bool,
        /// Kinds whose tasks take more than their share.
        over: Vec<KindName>,
    },
    /// How close the process is to the end of its memory, when that has changed.
    MemoryPressure(MemoryPressure),
    /// The journal cannot write any more, and why.
    JournalFailed(String),
    /// Who may call has changed: these are all keys.
    Keys(Arc<KeyRing>),
    /// Somebody wants the server to end in order.
    Stop,
    /// Somebody wants to know how things stand; the answer is dropped if there is no room for it.
    Inspect(Sender<Box<Snapshot>>),
}

/// Goes back where it came from when the message that it came with is gone, whatever became of
/// that.
#[derive(Debug)]
pub struct Permit(pub Sender<()>);

impl Drop for Permit {
    fn drop(&mut self) {
        // Nobody waits for it any more if this fails.
        let _ = self.0.try_send(());
    }
}

/// The sending side; clones share it.
#[derive(Clone, Debug)]
pub struct Mailbox {
    sender: Sender<Mail>,
    bell: Arc<Bell>,
}

impl Mailbox {
    /// Pushes one message; waits while the mailbox is full, which the core never leaves it for
    /// long. After the core's end it is dropped.
    pub fn push(&self, mail: Mail) {
        if self.sender.send(mail).is_ok() && self.bell.sleep.has_to_be_ended() {
            self.bell.ring();
        }
    }

    /// Leaves one message without waking the core, which looks again by itself as long as it
    /// waits for the chain of these claims. If it has recalled that chain it may be asleep.
    pub fn leave(&self, mail: Mail, claims: &Claims) {
        if self.sender.send(mail).is_ok()
            && self.bell.sleep.has_to_be_ended_if(|| claims.are_recalled())
        {
            self.bell.ring();
        }
    }
}

/// The receiving side, which the core keeps.
#[derive(Debug)]
pub(crate) struct Inbox {
    receiver: Receiver<Mail>,
    bell: Arc<Bell>,
}

pub(crate) fn mailbox(waker: Waker) -> (Mailbox, Inbox) {
    let (sender, receiver) = bounded(MAILBOX_MAX);
    let bell = Arc::new(Bell { sleep: Sleep::new(), waker });
    (Mailbox { sender, bell: bell.clone() }, Inbox { receiver, bell })
}

impl Inbox {
    pub(crate) fn take(&self) -> Option<Mail> {
        self.receiver.try_recv().ok()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.receiver.is_empty()
    }

    /// Announces that the core is about to sleep. `false` if mail came first: then it must not.
    pub(crate) fn lie_down(&self) -> bool {
        self.bell.sleep.lie_down(|| self.receiver.is_empty())
    }

    pub(crate) fn get_up(&self) {
        self.bell.sleep.get_up();
    }
}

/// The core's sleep, and how it is ended.
#[derive(Debug)]
struct Bell {
    sleep: Sleep,
    waker: Waker,
}

impl Bell {
    fn ring(&self) {
        let woken: io::Result<()> = self.waker.wake();
        woken.expect("an eventfd of this process takes a wake");
    }
}
