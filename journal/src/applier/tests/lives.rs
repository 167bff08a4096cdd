//! Lives of tasks at random: what the archive has of them in the end does not depend on how many
//! records went into one transaction.

use super::Bench;
use crate::archive::Writer;
use crate::fold::Fold;
use overtime_protocol::record::{Acceptance, Advance, Change, Record, StartMark};
use overtime_protocol::{
    Claim, Document, Durability, Fault, Fingerprint, Form, KeyHash, KindName, Lane, Payload,
    Product, Progress, TaskId, TaskState, UnixMillis,
};
use std::time::Duration;

const LIVES: u64 = 100;
const TASKS: u64 = 4;
const RECORDS: u64 = 40;

/// What a restart takes up of a task, and what is shown of it.
const UNFINISHED: &str = "SELECT id, state, kind, tenant, lane, attempts, created_at, accepted_lsn, \
    key, fingerprint, progress_done, progress_total, fault_code, fault_detail, fault_source, \
    fault_class, fault_retry_after_ms, fault_print, due_at, urgency, content_type, traceparent, \
    form, spooled_len, mark_at, mark_isolated, iif(state = 4, 0, coalesce(crashes, 0)), next_at, \
    coalesce(forgiven, 0), coalesce(cancel_asked, 0), fault_members, cursor, payload \
    FROM tasks WHERE state < 5 ORDER BY id";

const ENDED: &str = "SELECT id, state, kind, tenant, lane, attempts, created_at, started_at, \
    finished_at, accepted_lsn, ended_lsn, key, fingerprint, progress_done, progress_total, \
    fault_code, fault_detail, fault_print, fault_members, form, product_type, product, payload \
    FROM tasks WHERE state >= 5 ORDER BY id";

const OTHERS: [&str; 4] = [
    "SELECT * FROM events ORDER BY task, sequence",
    "SELECT kind, class, print, code, count, first_at, last_at FROM errors",
    "SELECT * FROM usage ORDER BY kind",
    "SELECT * FROM state ORDER BY key",
];

struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// A task as it stands.
pub(super) struct Life {
    task: TaskId,
    is_accepted: bool,
    state: TaskState,
    attempts: u32,
    done: Option<u64>,
}

impl Life {
    pub(super) fn new(number: u64) -> Self {
        let task = TaskId::from_key(number).unwrap();
        Self { task, is_accepted: false, state: TaskState::Queued, attempts: 0, done: None }
    }

    fn acceptance(&self) -> Acceptance {
        let is_bulk = self.task.key().is_multiple_of(2);
        Acceptance {
            kind: self.kind(),
            lane: Lane::Interactive,
            tenant: "acme".into(),
            created_at: UnixMillis(7),
            due_at: Some(UnixMillis(8)),
            urgency: 3,
            content_type: Some("text/plain".into()),
            traceparent: None,
            form: if is_bulk { Form::Bulk } else { Form::Single },
            payload: Payload::seal(vec!["payload".into()]),
        }
    }

    fn kind(&self) -> KindName {
        KindName::new(if self.task.key() > 2 { "echo" } else { "call" }).unwrap()
    }

    pub(super) fn document(
        &self,
        state: TaskState,
        fault: Option<Fault>,
        at: UnixMillis,
    ) -> Box<Document> {
        Box::new(Document {
            id: self.task,
            kind: self.kind(),
            lane: Lane::Interactive,
            state,
            attempts: self.attempts,
            created_at: UnixMillis(7),
            started_at: (self.attempts > 0).then_some(UnixMillis(9)),
            finished_at: state.is_final().then_some(at),
            next_attempt_at: None,
            progress: self.progress(),
            fault,
            tenant: "acme".into(),
            durability: Durability::Disk,
        })
    }

    fn progress(&self) -> Option<Progress> {
        self.done.map(|done| Progress { done, total: None })
    }

    /// What happens next, if anything does.
    fn next(&mut self, chance: &mut Chance, at: UnixMillis) -> Option<Record> {
        if self.state.is_final() {
            return None;
        }
        let mut record = Record::new(self.task, at);
        if !self.is_accepted {
            self.is_accepted = true;
            let key = KeyHash([chance.below(3) as u8; 16]);
            let claim = Claim { key, fingerprint: Fingerprint([1; 16]) };
            record.claim = (chance.below(2) == 0).then_some(claim);
            record.acceptance = Some(self.acceptance());
            if chance.below(2) == 0 {
                return Some(record);
            }
        }
        record.change = Some(self.change(chance, at));
        record.attempt = self.attempts;
        if matches!(record.change, Some(Change::Finished(..))) {
            record.acceptance = None;
        }
        Some(record)
    }

    fn change(&mut self, chance: &mut Chance, at: UnixMillis) -> Change {
        if self.state == TaskState::Parked {
            if chance.below(4) == 0 {
                return self.finish(TaskState::Cancelled, None, at);
            }
            self.state = TaskState::Queued;
            return Change::Resumed;
        }
        if self.state != TaskState::Running {
            (self.state, self.attempts) = (TaskState::Running, self.attempts + 1);
            let (isolated, crashes) = (chance.below(4) == 0, chance.below(3) as u8);
            return Change::Started(StartMark { at, isolated, crashes });
        }
        let fault = |chance: &mut Chance| Fault {
            retry_after: (chance.below(2) == 0).then_some(Duration::from_secs(1)),
            members: (chance.below(2) == 0).then(|| "\"a\":1".into()),
            ..Fault::ephemeral("busy", ["wait", "go away"][chance.below(2) as usize])
        };
        match chance.below(12) {
            0..5 => {
                let done = self.done.unwrap_or(0) + chance.below(2);
                self.done = Some(done);
                let cursor = done.to_string().into();
                Change::Advanced(Advance { cursor, progress: Progress { done, total: None } })
            }
            5..8 => {
                self.state = TaskState::Retrying;
                Change::Retrying { next_at: at, fault: fault(chance) }
            }
            8 => Change::CancelAsked,
            9 => {
                self.state = TaskState::Parked;
                Change::Parked(self.document(self.state, Some(fault(chance)), at))
            }
            10 => self.finish(TaskState::Failed, Some(fault(chance)), at),
            _ => self.finish(TaskState::Succeeded, None, at),
        }
    }

    fn finish(&mut self, state: TaskState, fault: Option<Fault>, at: UnixMillis) -> Change {
        self.state = state;
        let made = Product { content_type: None, body: "made".into() };
        let product = (state == TaskState::Succeeded).then_some(made);
        Change::Finished(self.document(state, fault, at), product)
    }
}

/// All that a query finds, as text.
fn rows(archive: &Writer, sql: &str) -> Vec<String> {
    let mut statement = archive.connection().prepare(sql).unwrap();
    let names: Vec<String> = statement.column_names().map(str::to_owned).collect();
    let mut rows = statement.query([]).unwrap();
    let mut found = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        let cell =
            |(place, name): (usize, &String)| format!("{name} {:?}", row.get_ref(place).unwrap());
        found.push(names.iter().enumerate().map(cell).collect::<Vec<_>>().join(", "));
    }
    found
}

#[test]
fn what_is_applied_does_not_depend_on_what_is_applied_together() {
    let mut chance = Chance(0x9E37_79B9_7F4A_7C15);
    for life in 0..LIVES {
        let (mut apart, mut together) = (Bench::new(), Bench::new());
        let mut tasks: Vec<Life> = (1..=TASKS).map(Life::new).collect();
        let (mut fold, mut told) = (Fold::default(), Vec::new());
        for lsn in 1..=RECORDS {
            let place = chance.below(TASKS) as usize;
            let Some(record) = tasks[place].next(&mut chance, UnixMillis(100 + lsn)) else {
                continue;
            };
            told.push(format!("{record:?}"));
            let mut alone = Fold::default();
            alone.add(lsn, 1, record.clone());
            apart.applier.archive.apply(&alone).unwrap();
            fold.add(lsn, 1, record);
            if chance.below(10) == 0 {
                together.applier.archive.apply(&std::mem::take(&mut fold)).unwrap();
                told.push("applied".to_owned());
            }
        }
        together.applier.archive.apply(&fold).unwrap();
        for sql in [UNFINISHED, ENDED].into_iter().chain(OTHERS) {
            let [one, other] = [&apart, &together].map(|bench| rows(&bench.applier.archive, sql));
            assert_eq!(one, other, "life {life}, {sql}:\n{}", told.join("\n"));
        }
    }
}
