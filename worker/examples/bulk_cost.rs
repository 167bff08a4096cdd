//! What an item of a bulk body costs its worker, in CPU time: in each format, with a handler that
//! does nothing (so: reading), and with `contacts.upsert` of contacts that are new or stored. The
//! journal rules at once. Run with `cargo run --release -p overtime-worker --example bulk_cost`.

use bytes::Bytes;
use overtime_protocol::record::ReadMark;
use overtime_protocol::{
    Chain, ChainNumber, Clock, Form, Go, Job, Kind, KindId, Lane, Opener, Outcome, Payload,
    Product, Ruling, TaskId, UnixMillis,
};
use overtime_worker::{
    Delivery, Equipment, Failure, Handler, Input, Pool, PoolOptions, Source, SourceError, State,
    contacts, start,
};
use rustix::time::{ClockId, clock_gettime};
use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver};

const ITEMS: u64 = 200_000;
const SEGMENT_BYTES: usize = 64 * 1024;
const STORED: &str = concat!(
    r#"{"email":"person.0123456@example.com","first_name":"Alex","last_name":"Montgomery","#,
    r#""phone":"+44 20 7946 0000","company":"Example Ltd","tags":["customer"],"#,
    r#""fields":{"plan":"starter","score":0.75,"seats":3},"version":41,"#,
    r#""created_at":"2026-01-01T00:00:00.000Z","updated_at":"2026-10-01T00:00:00.000Z"}"#,
);

/// Does nothing with its input.
struct Nothing;

impl Handler for Nothing {
    fn kind(&self) -> Kind {
        Kind::durable("nothing")
    }

    fn run(&self, _: &mut Input<'_>) -> Result<Product, Failure> {
        Ok(Product::default())
    }
}

/// Has a contact at every key, or none at any.
struct Contacts {
    stored: AtomicBool,
}

impl Source for Contacts {
    fn state(&self, _: &[u8]) -> Result<State, SourceError> {
        let stored = self.stored.load(Ordering::Relaxed);
        let value = stored.then(|| Bytes::from_static(STORED.as_bytes()));
        Ok(State { value, read: ReadMark::At { lsn: u64::from(stored), watermark: 1 } })
    }

    fn payload(&self, _: TaskId) -> Result<Vec<Bytes>, SourceError> {
        Err(SourceError::new("nothing is stored"))
    }
}

fn main() {
    let source = Arc::new(Contacts { stored: AtomicBool::new(false) });
    let mut handlers: Vec<Arc<dyn Handler>> = vec![Arc::new(Nothing)];
    handlers.extend(contacts::handlers());
    let equipment = Equipment {
        handlers,
        opener: Opener::mint().expect("minted once a process"),
        source: source.clone(),
        clock: Clock::start(),
    };
    let (sender, deliveries) = mpsc::channel();
    let deliver = Arc::new(move |delivery| sender.send(delivery).expect("main listens"));
    let options = PoolOptions { foreground: 0, bulk: 1, background: 0, ..PoolOptions::default() };
    let pool = start(options, equipment, deliver).expect("one thread");
    for (content_type, line, shape) in [
        ("application/json", json as fn(u64) -> String, ["[", ",", "]"]),
        ("application/x-ndjson", json, ["", "\n", "\n"]),
        ("text/csv", csv, ["email,first_name,last_name,phone,company\n", "\n", "\n"]),
    ] {
        let body = body(line, shape);
        let size = body.len() as u64 / ITEMS;
        for (name, kind, stored) in
            [("reading", 0, false), ("upsert, new", 1, false), ("upsert, stored", 1, true)]
        {
            source.stored.store(stored, Ordering::Relaxed);
            let (spent, chunks) = measure(&pool, &deliveries, job(kind, content_type, &body));
            let each = spent / ITEMS;
            println!("{content_type}, {size} bytes: {name}: {each} ns an item, {chunks} chunks");
        }
    }
}

/// The CPU time of a job in nanoseconds, and the number of its chunks.
fn measure(pool: &Pool, deliveries: &Receiver<Delivery>, job: Job) -> (u64, u64) {
    let worker = &pool.bulk[0];
    let before = cpu_nanos();
    let chain = Chain::new(ChainNumber(1), Lane::Bulk, vec![job]);
    worker.chains.send(chain).expect("the worker lives");
    let mut chunks = 0;
    loop {
        match deliveries.recv().expect("the worker lives") {
            Delivery::Chunk { .. } => {
                chunks += 1;
                let ruling = Ruling::Kept { lsn: 1 + chunks, go: Go::On };
                worker.rulings.send(ruling).expect("the worker lives");
            }
            Delivery::Completion { completion, .. } => {
                let spent = cpu_nanos() - before;
                let Outcome::Done(product) = &completion.outcome else { panic!("{completion:?}") };
                let all = format!("\"succeeded\":{ITEMS},\"failed\":0");
                assert!(product.body.windows(all.len()).any(|text| text == all.as_bytes()));
                return (spent, chunks);
            }
            other => panic!("{other:?}"),
        }
    }
}

fn cpu_nanos() -> u64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

fn body(line: fn(u64) -> String, [open, between, close]: [&str; 3]) -> Bytes {
    let mut body = open.to_owned();
    for number in 0..ITEMS {
        let end = if number + 1 == ITEMS { close } else { between };
        let _ = write!(body, "{}{end}", line(number));
    }
    body.into()
}

fn json(number: u64) -> String {
    format!(
        concat!(
            r#"{{"email":"Person.{:07}@Example.com","first_name":"Alexandra","#,
            r#""last_name":"Montgomery","phone":"+44 20 7946 0958","company":"Example Holdings","#,
            r#""tags":["customer","newsletter"],"fields":{{"plan":"business","seats":12,"#,
            r#""renewal":"2026-11-21","source":"web"}}}}"#,
        ),
        number
    )
}

fn csv(number: u64) -> String {
    format!(
        "Person.{number:07}@Example.com,Alexandra,Montgomery,+44 20 7946 0958,\"Example, Holdings\""
    )
}

fn job(kind: u16, content_type: &str, body: &Bytes) -> Job {
    let segments = (0..body.len()).step_by(SEGMENT_BYTES);
    let end = |start: usize| (start + SEGMENT_BYTES).min(body.len());
    Job {
        task: TaskId::from_key(1).expect("small"),
        attempt: 1,
        run: 1,
        kind: KindId(kind),
        created_at: UnixMillis(0),
        payload: Payload::seal(segments.map(|start| body.slice(start..end(start))).collect()),
        form: Form::Bulk,
        cursor: None,
        content_type: Some(content_type.into()),
        traceparent: None,
        call_limit: None,
    }
}
