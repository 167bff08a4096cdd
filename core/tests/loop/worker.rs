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
    let worker = Worker { number, mailbox, held, rulings };
    thread::spawn(move || handed_out.into_iter().for_each(|chain| worker.run(chain)));
    WorkerChannel { chains, rulings: rule }
}

impl Worker {
    fn run(&self, chain: Chain) {
        let last = chain.jobs.len() - 1;
        for (at, job) in chain.jobs.into_iter().enumerate() {
            let Some(body) = self.work(&job) else { continue };
            let completion = Completion {
                task: job.task,
                attempt: job.attempt,
                run: job.run,
                outcome: Outcome::Done(Product { content_type: None, body }),
                progress: None,
                puts: Vec::new(),
                expects: Vec::new(),
                started: Default::default(),
                ended: Default::default(),
            };
            let mail = Mail::Completed { worker: self.number, completion, chain_ended: at == last };
            self.mailbox.push(mail);
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
