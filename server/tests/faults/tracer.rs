//! strace(1) as a source of faults: on one thread of a running server, or on all from the start.

use crate::requirement::has_program;
use crate::server::{Server, wait_until};
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Whether the tests that need it can run.
pub(crate) fn is_there() -> bool {
    has_program("strace", "-V")
}

/// What happens to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Injection {
    /// The process is killed as it makes the call.
    Kill,
    /// The call fails with this name of an error, and does nothing.
    Error(&'static str),
}

/// Which of the calls that one thread makes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum When {
    /// One, counted from 1.
    Nth(u64),
    /// That one and all behind it.
    From(u64),
}

/// What is to happen to which calls.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    pub(crate) call: &'static str,
    pub(crate) injection: Injection,
    pub(crate) when: When,
    /// Only calls on this file; on any if there is none.
    pub(crate) file: Option<PathBuf>,
}

/// Words for strace that inject a fault, and write down what it did.
pub(crate) fn words(fault: &Fault, notes: &Path) -> Vec<String> {
    let Fault { call, injection, when, file } = fault;
    let what = match injection {
        Injection::Kill => "signal=KILL".to_owned(),
        Injection::Error(name) => format!("error={name}"),
    };
    let when = match when {
        When::Nth(count) => count.to_string(),
        When::From(count) => format!("{count}+"),
    };
    let notes = notes.to_str().expect("a path in UTF-8").to_owned();
    let inject = format!("inject={call}:{what}:when={when}");
    let trace = format!("trace={call}");
    let words = ["-ttt", "-o", &notes, "-e", &trace, "-e", &inject].map(str::to_owned);
    let file = file.as_ref().map(|file| file.to_str().expect("a path in UTF-8").to_owned());
    words.into_iter().chain(file.into_iter().flat_map(|file| ["-P".to_owned(), file])).collect()
}

/// A tracer of one thread.
pub(crate) struct Tracer {
    strace: Child,
    notes: PathBuf,
}

impl Tracer {
    /// Begins to trace the thread of that name. From when this returns, its calls are counted.
    pub(crate) fn attach(server: &Server, thread: &str, fault: &Fault, notes: &Path) -> Self {
        let _ = fs::remove_file(notes);
        let mut command = Command::new("strace");
        command.args(words(fault, notes));
        command.args(["-p", &thread_id(server.pid, thread).to_string()]);
        let mut strace = command.stderr(Stdio::piped()).spawn().expect("it is there");
        let mut lines = BufReader::new(strace.stderr.take().expect("it is piped"));
        let mut said = String::new();
        while !said.contains("attached") {
            let read = lines.read_line(&mut said).expect("it speaks UTF-8");
            assert!(read > 0, "strace: {said}");
        }
        // It says no more than that it is detached, which fits the pipe.
        std::mem::forget(lines);
        Self { strace, notes: notes.to_owned() }
    }

    /// Stops tracing; the thread goes on as if nothing had been.
    pub(crate) fn detach(mut self) -> Notes {
        let _ = Command::new("kill").args(["-TERM", &self.strace.id().to_string()]).status();
        self.strace.wait().expect("it is our child");
        Notes::read(&self.notes)
    }

    /// Waits until the thread is no more.
    pub(crate) fn wait(mut self) -> Notes {
        self.strace.wait().expect("it is our child");
        Notes::read(&self.notes)
    }

    /// Whether something was injected so far.
    pub(crate) fn has_struck(&self) -> bool {
        Notes::read(&self.notes).struck_at.is_some()
    }
}

impl Drop for Tracer {
    fn drop(&mut self) {
        if self.strace.try_wait().is_ok_and(|ended| ended.is_none()) {
            let _ = Command::new("kill").args(["-TERM", &self.strace.id().to_string()]).status();
            let _ = self.strace.wait();
        }
    }
}

/// What strace wrote down.
pub(crate) struct Notes {
    /// How many calls it saw.
    pub(crate) calls: u64,
    /// When the first was tampered with, in seconds since 1970.
    pub(crate) struck_at: Option<f64>,
}

impl Notes {
    /// Reads what was written down so far.
    pub(crate) fn read(notes: &Path) -> Self {
        let text = fs::read_to_string(notes).unwrap_or_default();
        let calls = text.lines().filter(|line| line.contains('(')).count() as u64;
        let struck = text.lines().find(|line| line.contains("INJECTED"));
        let is_time = |word: &&str| word.contains('.') && word.parse::<f64>().is_ok();
        let at = |line: &str| line.split(' ').find(is_time)?.parse().ok();
        Self { calls, struck_at: struck.and_then(at) }
    }
}

/// The number of the thread of that name.
fn thread_id(process: u32, name: &str) -> u32 {
    let folder = format!("/proc/{process}/task");
    let find = || {
        let mut threads = fs::read_dir(&folder).ok()?.flatten();
        let is_named = |path: &Path| {
            fs::read_to_string(path.join("comm")).is_ok_and(|found| found.trim() == name)
        };
        let thread = threads.find(|thread| is_named(&thread.path()))?;
        thread.file_name().to_str()?.parse().ok()
    };
    let mut found = None;
    wait_until(&format!("there is a thread {name}"), || {
        found = find();
        found.is_some()
    });
    found.expect("it was found")
}
