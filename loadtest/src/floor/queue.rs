//! The other control: so many workers, one queue without an end, and every caller held until it is
//! its turn. It refuses nobody and forgets nothing, the work of callers who have left neither: that
//! is what an ordinary server does, and why it does not come back from an outage.

use super::client::Liveness;
use super::clients::{Clients, WAKER};
use crate::open_files::make_room_up_to;
use anyhow::Context;
use crossbeam_channel::{Receiver, Sender, unbounded};
use mio::Waker;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

/// As many as a process may have here.
const CONNECTIONS: u64 = 20_000;
const ANSWER: &[u8] = b"{}";

/// The thread that accepts, frames and answers.
pub struct Queue {
    clients: Clients,
    to_workers: Sender<Ticket>,
    from_workers: Receiver<Ticket>,
    body: Vec<u8>,
}

/// Who is owed an answer.
#[derive(Clone, Copy, Debug)]
struct Ticket {
    client: usize,
    birth: u64,
}

impl Queue {
    /// Listens, and starts workers who take `service` for each request.
    pub fn start(listener: TcpListener, workers: usize, service: Duration) -> anyhow::Result<Self> {
        make_room_up_to(CONNECTIONS)?;
        let clients = Clients::listen(listener)?;
        let waker = Arc::new(Waker::new(clients.registry(), WAKER)?);
        let (to_workers, jobs) = unbounded();
        let (done, from_workers) = unbounded();
        for number in 0..workers {
            let worker =
                Worker { jobs: jobs.clone(), done: done.clone(), waker: waker.clone(), service };
            let thread = thread::Builder::new().name(format!("work-{number}"));
            thread.spawn(move || worker.run()).context("cannot start a worker")?;
        }
        Ok(Self { clients, to_workers, from_workers, body: Vec::new() })
    }

    /// Where it listens.
    pub fn address(&self) -> anyhow::Result<SocketAddr> {
        self.clients.address()
    }

    /// Serves until the process ends.
    pub fn run(mut self) -> anyhow::Result<()> {
        let mut events = Clients::events();
        loop {
            self.clients.wait(&mut events)?;
            for event in &events {
                if let Some(index) = self.clients.admit(event)? {
                    self.read(index)?;
                }
            }
            while let Ok(Ticket { client, birth }) = self.from_workers.try_recv() {
                self.clients.answer(client, birth, ANSWER);
            }
            self.clients.flush();
        }
    }

    fn read(&mut self, index: usize) -> anyhow::Result<()> {
        let Some(client) = self.clients.get(index) else { return Ok(()) };
        let liveness = client.fill();
        let birth = client.birth();
        loop {
            self.body.clear();
            match client.take_body(&mut self.body, |_| Ok(())) {
                Ok(Some(())) => self
                    .to_workers
                    .send(Ticket { client: index, birth })
                    .context("the workers have ended")?,
                Ok(None) if liveness == Liveness::Open => return Ok(()),
                Ok(None) | Err(_) => {
                    self.clients.close(index);
                    return Ok(());
                }
            }
        }
    }
}

struct Worker {
    jobs: Receiver<Ticket>,
    done: Sender<Ticket>,
    waker: Arc<Waker>,
    service: Duration,
}

impl Worker {
    /// Until nobody can send anything any more.
    fn run(self) {
        for ticket in &self.jobs {
            thread::sleep(self.service);
            if self.done.send(ticket).is_err() || self.waker.wake().is_err() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ask::ask;
    use crate::request::post;
    use std::io::Write;
    use std::net::TcpStream;

    #[test]
    fn the_work_of_a_caller_who_has_left_is_done_before_the_next_one_is_served() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let service = Duration::from_millis(20);
        let queue = Queue::start(listener, 1, service).unwrap();
        let target = queue.address().unwrap();
        thread::spawn(move || queue.run());
        let request = post(target, "/v1/tasks/sleep", "application/json", b"{}");
        for _ in 0..3 {
            TcpStream::connect(target).unwrap().write_all(&request).unwrap();
        }
        let begun = std::time::Instant::now();
        assert_eq!(ask(target, &request).unwrap().status, 200);
        // Less than that cannot be, however slow the machine is.
        assert!(begun.elapsed() >= service * 2, "{:?}", begun.elapsed());
    }
}
