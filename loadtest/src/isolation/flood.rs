//! The flood: clients that send one bulk body after the other and wait for what came of each. It
//! counts what was done, and never what was merely sent.

use super::calls::{KIND, open};
use crate::ask::exchange;
use crate::contacts::{Contacts, Form};
use crate::request::post;
use serde::Serialize;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How large a body is.
const BODY_BYTES: usize = 1 << 20;
/// How many items each stream has, to send again and again in bodies of that size.
const ITEMS_EACH: u32 = 20_000;
/// Who was refused tries again after this.
const PAUSE: Duration = Duration::from_millis(50);
/// How long no byte of an answer may come; longer than the wait that is asked for.
const PATIENCE: Duration = Duration::from_secs(90);

/// Streams of bulk, with all that they will send.
pub(super) struct Flood {
    target: SocketAddr,
    streams: Vec<Vec<Vec<u8>>>,
}

/// What came of it.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Bulk {
    /// Items of bodies that were answered.
    pub(super) items: u64,
    pub(super) items_per_second: f64,
    pub(super) bodies: u64,
    pub(super) megabytes: f64,
    pub(super) megabytes_per_second: f64,
    /// Bodies that were refused, and tried again.
    pub(super) refused: u64,
    /// Bodies that got no answer.
    pub(super) broken: u64,
}

impl Flood {
    pub(super) fn new(target: SocketAddr, streams: u32, seed: u64) -> Self {
        let path = format!("/v1/bulk/{KIND}?wait=60s");
        let stream = |number: u32| -> Vec<Vec<u8>> {
            let contacts = Contacts::fresh(ITEMS_EACH, seed ^ u64::from(number + 1));
            let bodies = contacts.bodies(Form::Ndjson, BODY_BYTES);
            let request = |body: Vec<u8>| post(target, &path, Form::Ndjson.content_type(), &body);
            bodies.map(|(body, _)| request(body)).collect()
        };
        Self { target, streams: (0..streams).map(stream).collect() }
    }

    /// Pours until `is_over`, and waits for the last answers.
    pub(super) fn pour(&self, is_over: &AtomicBool) -> Bulk {
        let begun = Instant::now();
        let mut bulk = Bulk::default();
        std::thread::scope(|scope| {
            let streams: Vec<_> = self
                .streams
                .iter()
                .map(|requests| scope.spawn(move || self.send(requests, is_over)))
                .collect();
            for stream in streams {
                bulk.add(&stream.join().expect("no stream panics"));
            }
        });
        let seconds = begun.elapsed().as_secs_f64();
        bulk.items_per_second = bulk.items as f64 / seconds;
        bulk.megabytes_per_second = bulk.megabytes / seconds;
        bulk
    }

    fn send(&self, requests: &[Vec<u8>], is_over: &AtomicBool) -> Bulk {
        let mut bulk = Bulk::default();
        for request in requests.iter().cycle() {
            if is_over.load(Ordering::Relaxed) {
                break;
            }
            match self.send_one(request) {
                Ok((200, items)) => {
                    bulk.items += items;
                    bulk.bodies += 1;
                    bulk.megabytes += request.len() as f64 / 1e6;
                }
                Ok(_) => {
                    bulk.refused += 1;
                    std::thread::sleep(PAUSE);
                }
                Err(_) => bulk.broken += 1,
            }
        }
        bulk
    }

    /// Sends one body; its status, and how many items were done.
    fn send_one(&self, request: &[u8]) -> anyhow::Result<(u16, u64)> {
        let mut stream = open(self.target)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut input = Vec::new();
        let response = exchange(&mut stream, request, &mut input)?;
        let told: serde_json::Value = serde_json::from_slice(response.body).unwrap_or_default();
        Ok((response.status, told["succeeded"].as_u64().unwrap_or_default()))
    }
}

impl Bulk {
    fn add(&mut self, other: &Self) {
        self.items += other.items;
        self.bodies += other.bodies;
        self.megabytes += other.megabytes;
        self.refused += other.refused;
        self.broken += other.broken;
    }
}
