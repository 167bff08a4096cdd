//! Notices: that a kind's attempts begin to fail more or less often is said on stderr, and counted, on
//! a thread of its own. Nobody waits for it.

use crate::lines::Lines;
use crossbeam_channel::{Receiver, Sender, bounded};
use overtime_console::{Family, Sample};
use overtime_engine::Notice;
use overtime_protocol::{Kind, Upstream};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// So many wait to be told; more are dropped and counted by whoever has them.
const NOTICES_MAX: usize = 64;

/// How often the error rate of each kind has changed.
#[derive(Debug)]
pub(crate) struct RateChanges(Vec<(String, AtomicU64)>);

/// Starts the thread. It ends when the sender is dropped.
///
/// # Errors
/// If the system refuses a thread.
pub(crate) fn start(
    kinds: &[Kind],
    upstreams: Vec<Upstream>,
    lines: Lines,
) -> io::Result<(Sender<Notice>, Arc<RateChanges>)> {
    let (sender, notices) = bounded(NOTICES_MAX);
    let count = |kind: &Kind| (kind.name.to_string(), AtomicU64::new(0));
    let changes = Arc::new(RateChanges(kinds.iter().map(count).collect()));
    let counted = Arc::clone(&changes);
    std::thread::Builder::new()
        .name("notices".to_owned())
        .spawn(move || tell_all(&notices, &counted, &upstreams, &lines))?;
    Ok((sender, changes))
}

fn tell_all(
    notices: &Receiver<Notice>,
    changes: &RateChanges,
    upstreams: &[Upstream],
    lines: &Lines,
) {
    for notice in notices {
        let change = match notice {
            Notice::Rate(change) => change,
            Notice::Gate(news) => {
                lines.say(news.told(upstreams));
                continue;
            }
        };
        let count = changes.0.iter().find(|(kind, _)| kind == change.kind.as_str());
        count.into_iter().for_each(|(_, count)| {
            count.fetch_add(1, Relaxed);
        });
        lines.say(change);
    }
}

impl RateChanges {
    /// How often, by kind.
    pub(crate) fn metric(&self) -> Family {
        let sample = |(kind, count): &(String, AtomicU64)| {
            Sample::new(count.load(Relaxed)).label("kind", kind.clone())
        };
        let help = "Times that attempts began to fail more or less often than before";
        Family::counter("overtime_error_rate_changes", help, self.0.iter().map(sample))
    }
}
