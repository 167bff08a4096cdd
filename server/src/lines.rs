//! Lines for the operator, on stderr: printed by a thread of their own, because stderr may be a pipe
//! that nobody reads, or whose reader has gone. Nobody waits for them, and one that cannot be printed
//! stops nobody.

use crossbeam_channel::{Receiver, Sender, bounded};
use std::fmt::Display;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

/// So many wait to be printed; more are left out, and their number is told.
const LINES_MAX: usize = 64;

/// How long the end of the process waits for what was said before it.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// The way to stderr. A clone is another way there.
#[derive(Clone, Debug)]
pub(crate) struct Lines {
    sender: Sender<Said>,
    left_out: Arc<AtomicU64>,
}

/// What comes to the thread.
#[derive(Debug)]
enum Said {
    Line(String),
    /// Everything before this was printed when it is dropped.
    Mark(Sender<()>),
}

impl Lines {
    /// Starts the thread. It ends with the last who could say something.
    ///
    /// # Errors
    /// If the system refuses a thread.
    pub(crate) fn start() -> io::Result<Self> {
        let (sender, said) = bounded(LINES_MAX);
        let left_out = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&left_out);
        let thread = thread::Builder::new().name("lines".to_owned());
        thread.spawn(move || print_all(&said, &counted))?;
        Ok(Self { sender, left_out })
    }

    /// Says a line, unless too many wait.
    pub(crate) fn say(&self, line: impl Display) {
        if self.sender.try_send(Said::Line(line.to_string())).is_err() {
            self.left_out.fetch_add(1, Relaxed);
        }
    }

    /// Waits until what was said is printed, but not for long.
    pub(crate) fn finish(&self) {
        let (mark, reached) = bounded(0);
        if self.sender.try_send(Said::Mark(mark)).is_ok() {
            let _ = reached.recv_timeout(LAST_WORDS);
        }
    }
}

fn print_all(said: &Receiver<Said>, left_out: &AtomicU64) {
    for said in said {
        match said {
            Said::Line(line) => print(&line),
            Said::Mark(mark) => drop(mark),
        }
        match left_out.swap(0, Relaxed) {
            0 => {}
            count => print(&format!("and {count} more lines, for which there was no room")),
        }
    }
}

fn print(line: &str) {
    // Nobody reads it: then there is nobody to tell.
    let _ = writeln!(io::stderr(), "overtime: {line}");
}

/// Says why the process ends. It ends soon also if nobody reads that.
pub fn complain(reason: impl Display) {
    if let Ok(lines) = Lines::start() {
        lines.say(reason);
        lines.finish();
    }
}
