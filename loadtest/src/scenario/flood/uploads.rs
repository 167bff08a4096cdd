//! All uploads at once, a thread each, and somebody who looks whether anything still moves.

use super::upload::Upload;
use crate::bulk::client::Answer;
use anyhow::{Context, bail};
use crossbeam_channel::{Receiver, RecvTimeoutError, unbounded};
use serde::Serialize;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

const GLANCE: Duration = Duration::from_millis(200);
const STACK_BYTES: usize = 256 * 1024;

/// What came of all uploads.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Outcome {
    /// From the first byte to the last answer.
    pub(super) seconds: f64,
    /// Answered 200.
    pub(super) done: u64,
    /// Answered 202.
    pub(super) accepted: u64,
    /// Answered 200 with other counters than those of what was sent. Who discards counts nothing.
    pub(super) wrong: u64,
    /// Refusals that were tried again, by status.
    pub(super) retried: BTreeMap<u16, u64>,
    /// Refusals without a time to come back, by status.
    pub(super) refused: BTreeMap<u16, u64>,
    /// Uploads without an answer.
    pub(super) lost: u64,
    /// Why, of the first one.
    pub(super) lost_why: Option<String>,
    /// Bytes that were sent, those of refused uploads too.
    pub(super) bytes: u64,
}

/// What an upload tells whoever watches.
enum Told {
    Ended(Upload, anyhow::Result<Answer>),
    Retried(u16),
}

/// Uploads under way.
pub(super) struct Uploads {
    begun: Instant,
    left: usize,
    moved: Arc<AtomicU64>,
    told: Receiver<Told>,
}

impl Uploads {
    /// Starts all of them.
    pub(super) fn start(target: SocketAddr, uploads: Vec<Upload>) -> anyhow::Result<Self> {
        let (moved, left, begun) = (Arc::new(AtomicU64::new(0)), uploads.len(), Instant::now());
        let (tell, told) = unbounded();
        for upload in uploads {
            let (moved, tell) = (moved.clone(), tell.clone());
            let thread = std::thread::Builder::new().name("upload".into()).stack_size(STACK_BYTES);
            let deliver = move || {
                let ended = deliver(target, &upload, &moved, |status| {
                    // Nobody listens any more once the run is given up.
                    drop(tell.send(Told::Retried(status)));
                });
                drop(tell.send(Told::Ended(upload, ended)));
            };
            thread.spawn(deliver).context("cannot start an upload")?;
        }
        Ok(Self { begun, left, moved, told })
    }

    /// Waits until all have ended. It is an error, and the uploads are left alone, if no byte moves
    /// for `stuck_after` or all of it takes longer than `patience`.
    pub(super) fn watch(
        mut self,
        stuck_after: Duration,
        patience: Duration,
    ) -> anyhow::Result<Outcome> {
        let mut outcome = Outcome::default();
        let mut last = (self.moved.load(Ordering::Relaxed), Instant::now());
        while self.left > 0 {
            match self.told.recv_timeout(GLANCE) {
                Ok(told) => self.note(told, &mut outcome),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => bail!("an upload panicked"),
            }
            let moved = self.moved.load(Ordering::Relaxed);
            if moved != last.0 {
                last = (moved, Instant::now());
            }
            if last.1.elapsed() > stuck_after {
                bail!("STUCK: no byte moved for {stuck_after:?}, {} uploads open", self.left);
            }
            if self.begun.elapsed() > patience {
                bail!("{} uploads are still open after {patience:?}", self.left);
            }
        }
        outcome.seconds = self.begun.elapsed().as_secs_f64();
        outcome.bytes = self.moved.load(Ordering::Relaxed);
        Ok(outcome)
    }

    fn note(&mut self, told: Told, outcome: &mut Outcome) {
        match told {
            Told::Retried(status) => *outcome.retried.entry(status).or_default() += 1,
            Told::Ended(upload, ended) => {
                self.left -= 1;
                outcome.end(&upload, ended);
            }
        }
    }
}

impl Outcome {
    fn end(&mut self, upload: &Upload, ended: anyhow::Result<Answer>) {
        match ended {
            Ok(Answer::Done(result)) => {
                self.done += 1;
                let is_right = result.succeeded == upload.lines as u64 && result.failed == 0;
                self.wrong += u64::from(!is_right);
            }
            Ok(Answer::Accepted(_)) => self.accepted += 1,
            Ok(Answer::Refused { status, .. }) => *self.refused.entry(status).or_default() += 1,
            Err(error) => {
                self.lost += 1;
                self.lost_why.get_or_insert_with(|| format!("{error:#}"));
            }
        }
    }

    /// All that went wrong.
    pub(super) fn faults(&self) -> u64 {
        self.wrong + self.lost + self.refused.values().sum::<u64>()
    }
}

/// Sends an upload until it is taken, as often as it is told to come back.
fn deliver(
    target: SocketAddr,
    upload: &Upload,
    moved: &AtomicU64,
    retried: impl Fn(u16),
) -> anyhow::Result<Answer> {
    loop {
        match upload.send(target, moved)? {
            Answer::Refused { status, retry_after: Some(span) } => {
                retried(status);
                std::thread::sleep(span);
            }
            other => return Ok(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::upload::Framing;
    use super::*;
    use crate::floor::reader::{Treatment, serve};
    use std::net::TcpListener;

    const ALL: [Framing; 3] = [Framing::Sized, Framing::Chunked, Framing::Trickling];

    fn uploads() -> Vec<Upload> {
        let upload = |framing, number| Upload { framing, lines: 40, line_bytes: 2_000, number };
        ALL.iter().zip(0..).map(|(framing, number)| upload(*framing, number)).collect()
    }

    #[test]
    fn every_upload_ends_however_it_is_framed() {
        for (treatment, wrong) in [(Treatment::Parse, 0), (Treatment::Discard, 3)] {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let target = listener.local_addr().unwrap();
            std::thread::spawn(move || serve(listener, treatment, 1, None));
            let minute = Duration::from_secs(60);
            let outcome = Uploads::start(target, uploads()).unwrap().watch(minute, minute).unwrap();
            assert_eq!((outcome.done, outcome.faults()), (3, wrong), "{outcome:?}");
            assert!(outcome.bytes > 3 * 80_000);
        }
    }

    #[test]
    fn a_server_that_reads_nothing_is_stuck_by_name() {
        // Connections wait in the listener's queue and are never accepted.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let uploads = Uploads::start(listener.local_addr().unwrap(), uploads()).unwrap();
        let error = uploads.watch(Duration::from_millis(1), Duration::MAX).unwrap_err();
        assert!(error.to_string().contains("STUCK"), "{error}");
    }

    #[test]
    fn a_server_that_hangs_up_loses_uploads() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let target = listener.local_addr().unwrap();
        std::thread::spawn(move || listener.incoming().for_each(drop));
        let minute = Duration::from_secs(60);
        let outcome = Uploads::start(target, uploads()).unwrap().watch(minute, minute).unwrap();
        assert_eq!((outcome.lost, outcome.faults()), (3, 3));
        assert!(outcome.lost_why.is_some());
    }
}
