//! The calls with which a server changes its folder, by the thread that makes them, and what is to
//! become of it when one fails. Which there are was counted with strace: no other thread writes, and
//! these make no other calls that do. What `write` does on other threads is for sockets and events.

use crate::ledger::Mix;
use crate::tracer::{Fault, Injection, When};

/// What a call that fails leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The server says why, acknowledges nothing any more, and ends.
    Ends,
    /// The caller is told; everything else goes on.
    Refuses,
    /// Nobody notices; what was to be done is done later, or needs not be done.
    GoesOn,
}

use Outcome::{Ends, GoesOn, Refuses};

/// A call of a thread.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target {
    pub(crate) thread: &'static str,
    pub(crate) call: &'static str,
    /// The load makes it at least so often.
    pub(crate) most: u64,
    pub(crate) mix: Mix,
    /// After EIO.
    pub(crate) broken: Outcome,
    /// After ENOSPC.
    pub(crate) full: Outcome,
}

const COMMIT: Target = usual("journal-commit", "pwrite64", 60, Ends, Refuses);
const APPLY: Target = usual("journal-apply", "pwrite64", 300, Ends, GoesOn);
const PREPARE: Target =
    Target { mix: Mix::Heavy, ..usual("journal-prepare", "pwrite64", 20, Ends, GoesOn) };
const SPOOL: Target = usual("spool", "write", 9, Refuses, Refuses);

/// All of them.
pub(crate) const TARGETS: &[Target] = &[
    COMMIT,
    // After a sync that failed nobody knows what is on disk, whatever the reason.
    Target { call: "fdatasync", full: Ends, ..COMMIT },
    APPLY,
    Target { call: "fdatasync", most: 2, full: Ends, mix: Mix::Heavy, ..APPLY },
    Target { call: "sync_file_range", most: 100, full: Ends, mix: Mix::Heavy, ..APPLY },
    // A spare file is made anew, so nothing is lost with it when the disk is full.
    PREPARE,
    Target { call: "openat", most: 1, ..PREPARE },
    Target { call: "fdatasync", ..PREPARE },
    Target { call: "fsync", most: 1, ..PREPARE },
    // A payload that cannot be kept concerns its task only. Its first writes are to the first payload;
    // then there are some to an event.
    SPOOL,
    Target { call: "openat", most: 8, ..SPOOL },
    Target { call: "sync_file_range", most: 20, ..SPOOL },
    Target { call: "fdatasync", most: 4, ..SPOOL },
    Target { call: "rename", most: 4, ..SPOOL },
    Target { call: "fsync", most: 4, ..SPOOL },
    // A payload that is not needed any more and cannot be put aside is deleted.
    Target { call: "renameat2", most: 4, broken: GoesOn, full: GoesOn, ..SPOOL },
];

impl Target {
    /// The thread and the call.
    pub(crate) fn name(&self) -> String {
        format!("{} {}", self.thread, self.call)
    }

    /// Whether the call is made only until a folder has all the files of its log.
    pub(crate) fn wants_new_folder(&self) -> bool {
        self.thread == PREPARE.thread
    }

    /// A fault of its call.
    pub(crate) fn fault(&self, injection: Injection, when: When) -> Fault {
        Fault { call: self.call, injection, when, file: None }
    }
}

const fn usual(
    thread: &'static str,
    call: &'static str,
    most: u64,
    broken: Outcome,
    full: Outcome,
) -> Target {
    Target { thread, call, most, mix: Mix::Usual, broken, full }
}

/// Calls of the main thread, which opens the folder. A number of them is made on a folder that is
/// new, fewer on one that is not.
pub(crate) const STARTS: &[(&str, u64)] = &[
    ("openat", 40),
    ("pwrite64", 50),
    ("fdatasync", 25),
    ("fsync", 7),
    ("ftruncate", 2),
    ("rename", 1),
    ("mkdir", 3),
    ("sync_file_range", 1),
    ("unlink", 1),
];
