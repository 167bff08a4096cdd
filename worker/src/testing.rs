//! What the tests of this crate run handlers with: a source in memory, jobs, and a handler that
//! does what the test says.

mod gate;
mod journal;

pub(crate) use gate::FakeGate;
pub(crate) use journal::FakeJournal;

use crate::attempt::Workshop;
use crate::cancel::CancelFlag;
use crate::effects::Overlay;
use crate::failure::Failure;
use crate::handler::Handler;
use crate::input::Input;
use crate::source::{Source, SourceError, State};
use bytes::Bytes;
use overtime_protocol::record::{Expect, Put, ReadMark};
use overtime_protocol::{
    Clock, Completion, Fault, Form, Job, Kind, KindId, Opener, Outcome, Payload, Product, TaskId,
    UnixMillis,
};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock};

/// The test process's one opener.
pub(crate) fn opener() -> Opener {
    static OPENER: OnceLock<Opener> = OnceLock::new();
    OPENER.get_or_init(|| Opener::mint().expect("only this function mints")).clone()
}

pub(crate) fn task(key: u64) -> TaskId {
    TaskId::from_key(key).expect("tests use small keys")
}

/// A first attempt at task 1 of kind 0.
pub(crate) fn job(payload: &str) -> Job {
    Job {
        task: task(1),
        attempt: 1,
        run: 1,
        kind: KindId(0),
        form: Form::Single,
        cursor: None,
        created_at: UnixMillis(1_000),
        payload: Payload::seal(vec![Bytes::copy_from_slice(payload.as_bytes())]),
        content_type: None,
        traceparent: None,
        call_limit: None,
    }
}

pub(crate) fn stored_job(key: u64) -> Job {
    Job { task: task(key), payload: Payload::stored(16), ..job("") }
}

/// State and payloads in memory; each write gets the next sequence number.
#[derive(Clone, Default)]
pub(crate) struct FakeSource(Arc<Mutex<Stored>>);

#[derive(Default)]
struct Stored {
    lsn: u64,
    state: HashMap<Vec<u8>, (Option<Bytes>, u64)>,
    payloads: HashMap<TaskId, Bytes>,
    broken: bool,
}

impl FakeSource {
    pub(crate) fn set(&self, key: &[u8], value: &'static str) -> ReadMark {
        self.write(key, Some(value.into()))
    }

    pub(crate) fn write(&self, key: &[u8], value: Option<Bytes>) -> ReadMark {
        let mut stored = self.0.lock().unwrap();
        stored.lsn += 1;
        let lsn = stored.lsn;
        stored.state.insert(key.to_vec(), (value, lsn));
        ReadMark::At { lsn, watermark: 0 }
    }

    pub(crate) fn store_payload(&self, task: TaskId, payload: &'static str) {
        self.0.lock().unwrap().payloads.insert(task, payload.into());
    }

    pub(crate) fn break_state(&self) {
        self.0.lock().unwrap().broken = true;
    }

    /// Writes all under one number, as the journal does with a record, if what was read still
    /// stands.
    pub(crate) fn append(&self, puts: &[Put], expects: &[Expect]) -> Option<u64> {
        let mut stored = self.0.lock().unwrap();
        let reads = puts.iter().map(|put| (&put.key, put.read));
        let mut reads = reads.chain(expects.iter().map(|expect| (&expect.key, expect.read)));
        if !reads.all(|(key, read)| stored.holds(key, read)) {
            return None;
        }
        stored.lsn += 1;
        let lsn = stored.lsn;
        for put in puts {
            stored.state.insert(put.key.to_vec(), (put.value.clone(), lsn));
        }
        Some(lsn)
    }

    pub(crate) fn value(&self, key: &[u8]) -> Option<Bytes> {
        self.0.lock().unwrap().state.get(key)?.0.clone()
    }

    /// How many keys that begin so have a value.
    pub(crate) fn keys_under(&self, prefix: &[u8]) -> usize {
        let stored = self.0.lock().unwrap();
        let is_under =
            |key: &Vec<u8>, value: &Option<Bytes>| key.starts_with(prefix) && value.is_some();
        stored.state.iter().filter(|(key, (value, _))| is_under(key, value)).count()
    }

    pub(crate) fn commit(&self, puts: &[Put]) {
        for put in puts {
            self.write(&put.key, put.value.clone());
        }
    }
}

impl Stored {
    /// What a read of the key tells: 0 if nothing stands there.
    fn lsn_of(&self, key: &[u8]) -> u64 {
        match self.state.get(key) {
            Some((Some(_), lsn)) => *lsn,
            Some((None, _)) | None => 0,
        }
    }

    fn holds(&self, key: &[u8], read: ReadMark) -> bool {
        matches!(read, ReadMark::At { lsn, .. } if lsn == self.lsn_of(key))
    }
}

impl Source for FakeSource {
    fn state(&self, key: &[u8]) -> Result<State, SourceError> {
        let stored = self.0.lock().unwrap();
        if stored.broken {
            return Err(SourceError::new("broken by the test"));
        }
        let (value, _) = stored.state.get(key).cloned().unwrap_or_default();
        Ok(State { value, read: ReadMark::At { lsn: stored.lsn_of(key), watermark: 0 } })
    }

    fn payload(&self, task: TaskId) -> Result<Vec<Bytes>, SourceError> {
        let stored = self.0.lock().unwrap();
        let payload = stored.payloads.get(&task).map(|payload| vec![payload.clone()]);
        payload.ok_or_else(|| SourceError::new("no such payload"))
    }
}

pub(crate) fn workshop(handlers: Vec<Arc<dyn Handler>>, source: FakeSource) -> Workshop {
    Workshop { handlers, opener: opener(), source: Arc::new(source), clock: Clock::start() }
}

/// A handler that runs a closure.
pub(crate) struct Scripted(Script);

type Script = Box<dyn Fn(&mut Input<'_>) -> Result<Product, Failure> + Send + Sync>;

impl Scripted {
    pub(crate) fn new(
        script: impl Fn(&mut Input<'_>) -> Result<Product, Failure> + Send + Sync + 'static,
    ) -> Self {
        Self(Box::new(script))
    }
}

impl Handler for Scripted {
    fn kind(&self) -> Kind {
        Kind::durable("scripted")
    }

    fn run(&self, input: &mut Input<'_>) -> Result<Product, Failure> {
        (self.0)(input)
    }
}

/// One handler and the state it works on.
pub(crate) struct Bench {
    pub(crate) source: FakeSource,
    workshop: Workshop,
}

impl Bench {
    pub(crate) fn new(handler: Arc<dyn Handler>) -> Self {
        Self::sharing(handler, FakeSource::default())
    }

    pub(crate) fn sharing(handler: Arc<dyn Handler>, source: FakeSource) -> Self {
        Self { workshop: workshop(vec![handler], source.clone()), source }
    }

    /// Runs an attempt and commits what it wrote.
    pub(crate) fn attempt(&self, job: &Job) -> Completion {
        let mut journal = FakeJournal::of(self.source.clone());
        let (overlay, cancel) = (Overlay::default(), CancelFlag::default());
        let (completion, _) = self.workshop.run(job, &overlay, cancel, &mut journal);
        self.source.commit(&completion.puts);
        completion
    }

    /// The body of the answer to `payload`.
    pub(crate) fn answer(&self, payload: &str) -> String {
        match self.attempt(&job(payload)).outcome {
            Outcome::Done(product) => String::from_utf8(product.body.to_vec()).unwrap(),
            other => panic!("{payload}: {other:?}"),
        }
    }

    /// The fault with which `payload` is rejected.
    pub(crate) fn rejection(&self, payload: &str) -> Fault {
        match self.attempt(&job(payload)).outcome {
            Outcome::Rejected(fault) => fault,
            other => panic!("{payload}: {other:?}"),
        }
    }
}
