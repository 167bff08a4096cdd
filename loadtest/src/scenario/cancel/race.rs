//! One task, one who waits for it and one who cancels it.

use crate::caller::Caller;
use crate::document::{Problem, Task, read};
use crate::random::Random;
use crate::request::{delete, long_poll, post_json_once};
use crate::response::Response;
use anyhow::bail;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

const POLL_SECONDS: u32 = 10;
/// How long a task may take to come to rest.
const PATIENCE: Duration = Duration::from_secs(60);

/// When `sleep` looks for the first time whether it is to end.
const LOOK_MS: u64 = 50;
const LOOK: Duration = Duration::from_millis(LOOK_MS);

/// What everybody was told of a task.
#[derive(Clone, Debug)]
pub(super) struct Ending {
    pub(super) id: String,
    /// The answer to the cancellation.
    pub(super) cancel_status: u16,
    /// The answer to who waited.
    pub(super) waiter_status: u16,
    /// What the task's document says once it rests.
    pub(super) state: String,
}

/// Who plays one race after the other, on two connections.
pub(super) struct Racer {
    target: SocketAddr,
    waiter: Caller,
    canceller: Caller,
    random: Random,
    longest_ms: u64,
}

/// How long everything takes, in milliseconds but for the last.
struct Spans {
    delay: u64,
    sleep: u64,
    /// From the acceptance to the cancellation.
    lead: Duration,
}

impl Spans {
    /// A third of the tasks race with their start, a third with their end, and a third with the
    /// moment at which a longer sleep looks whether it is to end.
    fn draw(random: &mut Random, longest_ms: u64) -> Self {
        let (way, spread) = (random.below(3), Duration::from_millis(longest_ms));
        let lead = Duration::from_micros(random.below(2_000 * longest_ms));
        let [delay, sleep] = [random.below(longest_ms + 1), random.below(longest_ms + 1)];
        match way {
            0 => Self { delay, sleep, lead },
            1 => Self { delay: 0, sleep, lead },
            _ => {
                Self { delay: 0, sleep: LOOK_MS + sleep, lead: LOOK.saturating_sub(spread) + lead }
            }
        }
    }
}

impl Racer {
    pub(super) fn connect(
        target: SocketAddr,
        random: Random,
        longest_ms: u64,
    ) -> anyhow::Result<Self> {
        let waiter = Caller::connect(target)?;
        let canceller = Caller::connect(target)?;
        Ok(Self { target, waiter, canceller, random, longest_ms })
    }

    /// Submits a task, waits for it under its key, and cancels it at a random moment.
    pub(super) fn race(&mut self, number: u64) -> anyhow::Result<Ending> {
        let Spans { delay, sleep, lead } = Spans::draw(&mut self.random, self.longest_ms);
        let (key, body) = (format!("race-{number:08}"), format!("{{\"ms\":{sleep}}}"));
        let path = format!("/v1/tasks/sleep?delay={delay}ms");
        let submit = post_json_once(self.target, &format!("{path}&wait=0s"), &key, &body);
        let id = accepted(&self.canceller.ask(&submit)?)?;
        self.waiter.send(&post_json_once(self.target, &path, &key, &body))?;
        std::thread::sleep(lead);
        let address = format!("/v1/tasks/{id}");
        let cancel_status = self.canceller.ask(&delete(self.target, &address))?.status;
        let waiter_status = waited(&self.waiter.answer()?)?;
        Ok(Ending { state: self.state_at_rest(&address)?, id, cancel_status, waiter_status })
    }

    fn state_at_rest(&mut self, address: &str) -> anyhow::Result<String> {
        let (begun, poll) = (Instant::now(), long_poll(self.target, address, POLL_SECONDS));
        loop {
            let task: Task = read(self.canceller.ask(&poll)?.body)?;
            if task.is_at_rest() {
                return Ok(task.state);
            }
            if begun.elapsed() > PATIENCE {
                bail!("{address} has not come to rest after {PATIENCE:?}");
            }
        }
    }
}

fn accepted(response: &Response<'_>) -> anyhow::Result<String> {
    match response.status {
        202 => Ok(read::<Task>(response.body)?.id),
        status => bail!("a task was answered with {status} instead of 202"),
    }
}

/// The status, if the answer is one that a waiter may get.
fn waited(response: &Response<'_>) -> anyhow::Result<u16> {
    match response.status {
        200 => Ok(200),
        409 if read::<Problem>(response.body)?.code.as_deref() == Some("cancelled") => Ok(409),
        status => bail!(
            "who waited was answered with {status}: {}",
            String::from_utf8_lossy(response.body)
        ),
    }
}
