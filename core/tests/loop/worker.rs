//! The workers: they do what the kinds of these tests do.

#![expect(
    clippy::disallowed_methods,
    reason = "the test plays the workers, which open payloads and wait for them"
)]

use bytes::Bytes;
use crossbeam_channel::{Receiver, bounded};
use overtime_core::{Mail, Mailbox, WorkerChannel};
use overtime_protocol::{
    Chain, Chunk, Completion, Job, Opener, Outcome, Product, Progress, Ruling,
};
use std::sync::OnceLock;
use std::thread;

fn opener() -> Opener {
    static OPENER: OnceLock<Opener> = OnceLock::new();
    OPENER.get_or_init(|| Opener::mint().expect("nothing else here mints it")).clone()
}

/// One worker, with its ways in and out.
struct Worker {
    number: usize,
    mailbox: Mailbox,
    /// One message lets one `held` or `steps` go on.
    held: Receiver<()>,
    rulings: Receiver<Ruling>,
}

pub(super) fn start(number: usize, mailbox: Mailbox, held: Receiver<()>) -> WorkerChannel {
    let (chains, handed_out) = bounded::<Chain>(1);
    let (rule, rulings) = bounded(1);
    let (grants, _) = bounded(1);
    let worker = Worker { number, mailbox, held, rulings };
    thread::spawn(move || handed_out.into_iter().for_each(|chain| worker.run(chain)));
    WorkerChannel { chains, rulings: rule, grants }
}

impl Worker {
    fn run(&self, chain: Chain) {
        let count = chain.jobs.len();
        for job in chain.jobs {
            let body = self.work(&job);
            // What is taken back from a slow worker is not its own any more.
            let chain_ended = chain.claims.claim() >= count;
            let Some(body) = body else { continue };
            let completion = Completion {
                task: job.task,
                attempt: job.attempt,
                run: job.run,
                outcome: Outcome::Done(Product { content_type: None, body }),
                progress: None,
                puts: Vec::new(),
                expects: Vec::new(),
                call: overtime_protocol::CallEnd::Untold,
                started: Default::default(),
                ended: Default::default(),
            };
            self.mailbox.push(Mail::Completed { worker: self.number, completion, chain_ended });
            if chain_ended {
                break;
            }
        }
    }

    fn work(&self, job: &Job) -> Option<Bytes> {
        let payload = || Bytes::from(opener().open(&job.payload).unwrap().concat());
        match job.kind.0 {
            0 => Some(payload()),
            2 => self.held.recv().ok().map(|()| Bytes::new()),
            3 => Some("taken".into()),
            4 => self.steps(job, std::str::from_utf8(&payload()).unwrap().parse().unwrap()),
            _ => None,
        }
    }

    fn steps(&self, job: &Job, total: u64) -> Option<Bytes> {
        self.held.recv().ok()?;
        for done in 1..=total {
            let chunk = Chunk {
                task: job.task,
                run: job.run,
                cursor: Bytes::new(),
                progress: Progress { done, total: Some(total) },
                puts: Vec::new(),
                expects: Vec::new(),
            };
            self.mailbox.push(Mail::Advanced { worker: self.number, chunk });
            match self.rulings.recv() {
                Ok(Ruling::Kept { .. }) => {}
                _ => return None,
            }
        }
        Some("done".into())
    }
}
