//! What one `contacts.upsert` costs its worker: 256 bytes merged into a stored document of about
//! 300. Run with `cargo run --release -p overtime-worker --example upsert_cost`.

use bytes::Bytes;
use overtime_protocol::record::ReadMark;
use overtime_protocol::{
    Chain, ChainNumber, Clock, Form, Job, KindId, Lane, Opener, Outcome, Payload, TaskId,
    UnixMillis,
};
use overtime_worker::{
    Delivery, Equipment, PoolOptions, Source, SourceError, State, contacts, start,
};
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

const PATCH: &str = concat!(
    r#"{"email":"Person.0123456@Example.com","first_name":"Alexandra","last_name":"Montgomery","#,
    r#""phone":"+44 20 7946 0958","company":"Example Holdings","tags":["customer","newsletter"],"#,
    r#""fields":{"plan":"business","seats":12,"renewal":"2026-11-21","source":"web"}}"#,
);
const STORED: &str = concat!(
    r#"{"email":"person.0123456@example.com","first_name":"Alex","last_name":"Montgomery","#,
    r#""phone":"+44 20 7946 0000","company":"Example Ltd","tags":["customer"],"#,
    r#""fields":{"plan":"starter","score":0.75,"seats":3},"version":41,"#,
    r#""created_at":"2026-01-01T00:00:00.000Z","updated_at":"2026-10-01T00:00:00.000Z"}"#,
);
const UPSERTS: u64 = 200_000;

struct OneContact;

impl Source for OneContact {
    fn state(&self, _: &[u8]) -> Result<State, SourceError> {
        let value = Some(Bytes::from_static(STORED.as_bytes()));
        Ok(State { value, read: ReadMark::At { lsn: 1, watermark: 1 } })
    }

    fn payload(&self, _: TaskId) -> Result<Vec<Bytes>, SourceError> {
        Err(SourceError::new("nothing is stored"))
    }
}

fn main() {
    let equipment = Equipment {
        handlers: contacts::handlers(),
        opener: Opener::mint().expect("minted once a process"),
        source: Arc::new(OneContact),
        clock: Clock::start(),
    };
    let (sender, deliveries) = mpsc::channel();
    let deliver = Arc::new(move |delivery| sender.send(delivery).expect("main listens"));
    let options = PoolOptions { foreground: 1, bulk: 0, background: 0, ..PoolOptions::default() };
    let pool = start(options, equipment, deliver).expect("one thread");
    let mut spans: Vec<Duration> = (1..=UPSERTS)
        .map(|key| {
            let chain = Chain::new(ChainNumber(1), Lane::Interactive, vec![job(key)]);
            pool.foreground[0].chains.send(chain).expect("the worker lives");
            let Ok(Delivery::Completion { completion, .. }) = deliveries.recv() else {
                panic!("the worker has ended");
            };
            assert!(matches!(completion.outcome, Outcome::Done(_)), "{completion:?}");
            completion.ended - completion.started
        })
        .collect();
    spans.sort_unstable();
    let mean = spans.iter().sum::<Duration>() / spans.len() as u32;
    let (half, high) = (spans[spans.len() / 2], spans[spans.len() * 99 / 100]);
    println!("{} + {} bytes: mean {mean:?}, p50 {half:?}, p99 {high:?}", PATCH.len(), STORED.len());
}

fn job(key: u64) -> Job {
    Job {
        task: TaskId::from_key(key).expect("small"),
        attempt: 1,
        run: 1,
        kind: KindId(0),
        form: Form::Single,
        cursor: None,
        created_at: UnixMillis(0),
        payload: Payload::seal(vec![Bytes::from_static(PATCH.as_bytes())]),
        content_type: None,
        traceparent: None,
        call_limit: None,
    }
}
