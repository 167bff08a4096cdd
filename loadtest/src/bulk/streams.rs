//! Several callers at once, each on a thread, until they are stopped or have nothing left to send.

use super::body::BulkRequest;
use super::client::{Answer, BulkClient};
use super::tally::Tally;
use crate::document::BulkResult;
use anyhow::Context;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long a body that was accepted may take until its end.
const PATIENCE: Duration = Duration::from_secs(300);

/// Where a stream gets its next body from.
pub type Source = Box<dyn FnMut() -> Option<Arc<BulkRequest>> + Send>;

/// The same bodies over and over.
pub fn cycle(requests: Vec<Arc<BulkRequest>>) -> Source {
    let mut next = 0;
    Box::new(move || {
        let request = requests.get(next % requests.len().max(1)).cloned();
        next += 1;
        request
    })
}

/// Sources that share the bodies; each of them is sent once.
pub fn shared(requests: Vec<Arc<BulkRequest>>, streams: usize) -> Vec<Source> {
    let next = Arc::new(AtomicU64::new(0));
    let requests = Arc::new(requests);
    (0..streams)
        .map(|_| {
            let (next, requests) = (next.clone(), requests.clone());
            let source: Source = Box::new(move || {
                requests.get(next.fetch_add(1, Ordering::Relaxed) as usize).cloned()
            });
            source
        })
        .collect()
}

/// Streams under way.
#[derive(Debug)]
pub struct Streams {
    begun: Instant,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Tally>>,
}

impl Streams {
    /// Starts a stream for each source.
    pub fn start(target: SocketAddr, sources: Vec<Source>) -> anyhow::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let begun = Instant::now();
        let start = |source| {
            let stop = stop.clone();
            let stream = Stream { client: BulkClient::new(target), tally: Tally::default(), stop };
            std::thread::Builder::new().name("bulk".into()).spawn(move || stream.run(source))
        };
        let threads = sources.into_iter().map(start).collect::<Result<_, _>>();
        Ok(Self { begun, stop, threads: threads.context("cannot start a stream")? })
    }

    /// Waits until every stream has sent all it had; what they counted, and how long it took.
    pub fn join(self) -> anyhow::Result<(Tally, Duration)> {
        let mut all = Tally::default();
        for thread in self.threads {
            let tally = thread.join().map_err(|_| anyhow::anyhow!("a stream panicked"))?;
            all.add(tally);
        }
        Ok((all, self.begun.elapsed()))
    }

    /// The same, but no stream begins another body.
    pub fn stop(self) -> anyhow::Result<(Tally, Duration)> {
        self.stop.store(true, Ordering::Relaxed);
        self.join()
    }
}

struct Stream {
    client: BulkClient,
    tally: Tally,
    stop: Arc<AtomicBool>,
}

impl Stream {
    fn run(mut self, mut source: Source) -> Tally {
        while !self.is_stopped()
            && let Some(request) = source()
        {
            if let Err(error) = self.deliver(&request) {
                self.tally.lose(&error);
            }
        }
        self.tally
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Sends a body until it is taken, and waits until its work is done.
    fn deliver(&mut self, request: &BulkRequest) -> anyhow::Result<()> {
        let begun = Instant::now();
        loop {
            match self.client.post(&request.bytes)? {
                Answer::Done(result) => {
                    self.done(request, result, begun);
                    return Ok(());
                }
                Answer::Accepted(id) => {
                    let result = self.client.follow(&id, PATIENCE)?;
                    self.tally.accepted += 1;
                    self.done(request, result, begun);
                    return Ok(());
                }
                Answer::Refused { status, retry_after: Some(span) } if !self.is_stopped() => {
                    *self.tally.retried.entry(status).or_default() += 1;
                    std::thread::sleep(span);
                }
                Answer::Refused { retry_after: Some(_), .. } => return Ok(()),
                Answer::Refused { status, retry_after: None } => {
                    *self.tally.refused.entry(status).or_default() += 1;
                    return Ok(());
                }
            }
        }
    }

    fn done(&mut self, request: &BulkRequest, result: BulkResult, begun: Instant) {
        let sent = request.places.len() as u64;
        self.tally.bodies += 1;
        self.tally.bytes += request.bytes.len() as u64;
        self.tally.items += result.items;
        self.tally.failed += result.failed;
        let is_right = result.items == sent && result.succeeded + result.failed == sent;
        self.tally.wrong += u64::from(!is_right);
        self.tally.latency.record(begun.elapsed());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bulk::body::requests;
    use crate::contacts::Contacts;
    use crate::floor::control::Control;
    use std::net::TcpListener;

    fn control() -> SocketAddr {
        let control = Control::start(TcpListener::bind("127.0.0.1:0").unwrap(), None).unwrap();
        let target = control.address().unwrap();
        std::thread::spawn(move || control.run());
        target
    }

    #[test]
    fn shared_bodies_are_each_sent_once() {
        let target = control();
        let requests = requests(target, &Contacts::new(2_000, 1), 20_000);
        let (bodies, bytes) =
            (requests.len() as u64, requests.iter().map(|r| r.bytes.len() as u64).sum::<u64>());
        let streams = Streams::start(target, shared(requests, 3)).unwrap();
        let (tally, _) = streams.join().unwrap();
        assert_eq!((tally.bodies, tally.items, tally.bytes), (bodies, 2_000, bytes));
        assert_eq!(tally.faults(), 0);
    }

    #[test]
    fn a_cycle_goes_on_until_it_is_stopped() {
        let target = control();
        let requests = requests(target, &Contacts::new(20, 1), 1_000);
        let mut source = cycle(requests.clone());
        let seen = Arc::new(AtomicU64::new(0));
        let count = seen.clone();
        let counted: Source = Box::new(move || {
            count.fetch_add(1, Ordering::Relaxed);
            source()
        });
        let streams = Streams::start(target, vec![counted]).unwrap();
        while seen.load(Ordering::Relaxed) <= 2 * requests.len() as u64 {
            std::thread::yield_now();
        }
        let (tally, _) = streams.stop().unwrap();
        assert!(tally.bodies >= 2 * requests.len() as u64 && tally.faults() == 0);
    }

    #[test]
    fn an_answer_with_other_counters_is_a_fault() {
        let target = control();
        let mut request = (*requests(target, &Contacts::new(3, 1), 10_000)[0]).clone();
        request.places = 0..4;
        let streams = Streams::start(target, shared(vec![Arc::new(request)], 1)).unwrap();
        let (tally, _) = streams.join().unwrap();
        assert_eq!((tally.wrong, tally.faults()), (1, 1));
    }
}
