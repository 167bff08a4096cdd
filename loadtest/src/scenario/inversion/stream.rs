//! Bulk without a pause: each stream has its body accepted, watches its task until that has ended, and
//! sends it again. How far all of them have come is told together, and the longest time in which
//! nothing moved.

use crate::ask::exchange;
use crate::document::{Task, read};
use crate::request::get;
use anyhow::{Context, bail};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Accepted at once, so that its progress can be looked at.
pub(super) const PATH: &str = "/v1/bulk/contacts.upsert?wait=0s";
/// From one look at a task to the next.
const GLANCE: Duration = Duration::from_millis(250);
const PATIENCE: Duration = Duration::from_secs(60);
/// When a refused body is tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// How far all streams have come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Progress {
    pub(super) items: u64,
    pub(super) bodies: u64,
    pub(super) refused: u64,
    pub(super) failed: u64,
    pub(super) span: Duration,
    /// The longest time without an item more.
    pub(super) longest_rest: Duration,
    last: Instant,
}

impl Progress {
    fn new(now: Instant) -> Self {
        let rest = Duration::ZERO;
        Self {
            items: 0,
            bodies: 0,
            refused: 0,
            failed: 0,
            span: rest,
            longest_rest: rest,
            last: now,
        }
    }

    /// So many items more, seen now.
    fn advance(&mut self, items: u64, now: Instant) {
        if items > 0 {
            self.items += items;
            self.rest_until(now);
        }
    }

    fn rest_until(&mut self, now: Instant) {
        self.longest_rest = self.longest_rest.max(now.saturating_duration_since(self.last));
        self.last = now;
    }
}

/// Streams under way.
#[derive(Debug)]
pub(super) struct Bulk {
    begun: Instant,
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<anyhow::Result<()>>>,
}

#[derive(Debug)]
struct Shared {
    is_over: AtomicBool,
    progress: Mutex<Progress>,
}

impl Shared {
    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }
}

impl Bulk {
    /// A stream for each request.
    pub(super) fn start(target: SocketAddr, requests: Vec<Vec<u8>>) -> anyhow::Result<Self> {
        let begun = Instant::now();
        let progress = Mutex::new(Progress::new(begun));
        let shared = Arc::new(Shared { is_over: AtomicBool::new(false), progress });
        let start = |request| {
            let shared = shared.clone();
            let work = move || Stream::open(target, shared)?.run(request);
            std::thread::Builder::new().name("bulk".into()).spawn(work)
        };
        let threads = requests.into_iter().map(start).collect::<Result<_, _>>();
        Ok(Self { begun, shared, threads: threads.context("cannot start a stream")? })
    }

    /// Ends all of them, whatever they are at.
    pub(super) fn stop(self) -> anyhow::Result<Progress> {
        let now = Instant::now();
        let mut progress = *self.shared.progress();
        self.shared.is_over.store(true, Ordering::Relaxed);
        progress.rest_until(now);
        progress.span = now - self.begun;
        for thread in self.threads {
            thread.join().map_err(|_| anyhow::anyhow!("a stream panicked"))??;
        }
        Ok(progress)
    }
}

struct Stream {
    target: SocketAddr,
    stream: TcpStream,
    input: Vec<u8>,
    shared: Arc<Shared>,
}

impl Stream {
    fn open(target: SocketAddr, shared: Arc<Shared>) -> anyhow::Result<Self> {
        Ok(Self { target, stream: connect(target)?, input: Vec::new(), shared })
    }

    fn run(mut self, request: Vec<u8>) -> anyhow::Result<()> {
        while !self.shared.is_over() {
            let response = exchange(&mut self.stream, &request, &mut self.input)?;
            if response.status == 202 {
                let id = read::<Task>(response.body)?.id;
                self.watch(&id)?;
            } else {
                self.shared.progress().refused += 1;
                // What was refused may still be on its way.
                self.stream = connect(self.target)?;
                std::thread::sleep(AGAIN);
            }
        }
        Ok(())
    }

    /// Looks at a task until it has ended.
    fn watch(&mut self, id: &str) -> anyhow::Result<()> {
        let look = get(self.target, &format!("/v1/tasks/{id}"));
        let mut done = 0;
        while !self.shared.is_over() {
            let response = exchange(&mut self.stream, &look, &mut self.input)?;
            if response.status != 200 {
                bail!("a look at {id} was answered with {}", response.status);
            }
            let task = read::<Task>(response.body)?;
            let now_done = task.progress.map_or(done, |progress| progress.done.max(done));
            self.shared.progress().advance(now_done - done, Instant::now());
            done = now_done;
            if task.is_at_rest() {
                let mut progress = self.shared.progress();
                progress.bodies += 1;
                progress.failed += u64::from(!task.is_succeeded());
                return Ok(());
            }
            std::thread::sleep(GLANCE);
        }
        Ok(())
    }
}

fn connect(target: SocketAddr) -> anyhow::Result<TcpStream> {
    let stream = TcpStream::connect(target).context("cannot connect")?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_rest_is_between_two_items_or_behind_the_last() {
        let begun = Instant::now();
        let at = |seconds| begun + Duration::from_secs(seconds);
        let mut progress = Progress::new(begun);
        progress.advance(5, at(1));
        progress.advance(0, at(3));
        progress.advance(2, at(4));
        assert_eq!((progress.items, progress.longest_rest), (7, Duration::from_secs(3)));
        progress.rest_until(at(9));
        assert_eq!(progress.longest_rest, Duration::from_secs(5));
    }
}
