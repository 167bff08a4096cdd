//! How a client behaves when it is not served at once. The naive one is the caller that nobody
//! wrote with care: whatever is not the result is a failure, and a failure is tried again in a
//! while, for ever.

use super::{Call, Ended, How};
use crate::random::Random;
use crate::request::post_json;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// The shortest patience and the shortest pause of a naive client.
const SHORTEST: Duration = Duration::from_secs(2);
/// And how much longer they may be.
const SPREAD: Duration = Duration::from_secs(1);

/// What a client does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// Its operation is done.
    Done,
    /// It calls again at that time.
    Again(Instant),
    /// It asks what has become of its operation, at that time.
    Ask(Instant),
    /// It tells its own caller that it did not succeed.
    Desist,
}

/// Decides for all clients; each is known by its number.
pub trait Manner {
    /// `client` has a new operation. Whether it may call at all: who knows that nobody listens does
    /// not.
    fn begin(&mut self, client: usize, now: Instant) -> bool;

    /// What `client` sends now.
    fn call(&mut self, client: usize, now: Instant) -> Call<'_>;

    /// What `client` does, now that its call has ended.
    fn then(&mut self, client: usize, ended: &Ended<'_>) -> Then;
}

/// Whoever does not get the result tries again in two to three seconds.
#[derive(Debug)]
pub struct Naive {
    request: Vec<u8>,
    random: Random,
}

impl Naive {
    /// Clients who have the server sleep for `sleep` on behalf of each.
    pub fn new(target: SocketAddr, sleep: Duration, seed: u64) -> Self {
        Self { request: sleep_request(target, sleep), random: Random::new(seed) }
    }

    fn span(&mut self) -> Duration {
        SHORTEST + Duration::from_nanos(self.random.below(SPREAD.as_nanos() as u64))
    }
}

impl Manner for Naive {
    fn begin(&mut self, _: usize, _: Instant) -> bool {
        true
    }

    fn call(&mut self, _: usize, _: Instant) -> Call<'_> {
        let patience = self.span();
        Call { request: &self.request, patience }
    }

    fn then(&mut self, _: usize, ended: &Ended<'_>) -> Then {
        match &ended.how {
            How::Answered(response) if response.status == 200 => Then::Done,
            How::Answered(_) | How::GaveUp | How::Broken(_) => {
                Then::Again(ended.ended_at + self.span())
            }
        }
    }
}

/// A call that occupies a worker for `sleep`.
pub fn sleep_request(target: SocketAddr, sleep: Duration) -> Vec<u8> {
    post_json(target, "/v1/tasks/sleep", &format!("{{\"ms\":{}}}", sleep.as_millis()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::response::Response;

    #[test]
    fn whatever_is_not_the_result_is_tried_again_in_two_to_three_seconds() {
        let target = "127.0.0.1:7070".parse().unwrap();
        let mut naive = Naive::new(target, Duration::from_millis(50), 1);
        let now = Instant::now();
        let mut then = |status| {
            let how = How::Answered(Response { status, head: b"", body: b"" });
            naive.then(0, &Ended { sent_at: now, ended_at: now, how })
        };
        assert_eq!(then(200), Then::Done);
        for status in [202, 429, 503] {
            let Then::Again(at) = then(status) else { panic!("{status} is not tried again") };
            assert!((2.0..=3.0).contains(&(at - now).as_secs_f64()));
        }
    }
}
