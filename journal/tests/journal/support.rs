//! What the tests of the journal share: records to append, and a journal whose reports can be
//! waited for. It asserts nothing about the journal itself.

use bytes::Bytes;
use crossbeam_channel::{Receiver, Sender, unbounded};
use overtime_journal::{
    ArchiveFiles, Disk, Journal, Opened, Options, Report, Retention, Space, Storage, open, open_on,
};
use overtime_protocol::record::{Acceptance, Advance, Change, Put, ReadMark, Record, StartMark};
use overtime_protocol::{
    Answer, Append, Document, Durability, Fate, Fault, Finding, Form, Inquiry, KindName, Lane,
    Lookup, Opener, Payload, Problem, Product, Progress, Query, Question, Read, ReplyTo, Scope,
    SpoolOrder, Spooled, TaskFilter, TaskId, TaskState, Ticket, Unfinished, UnixMillis,
};
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::time::Duration;

/// No test waits longer than this for something that has to happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The append whose report the commit thread cannot get rid of while the gate is held.
const HOLDING: Ticket = Ticket(u64::MAX);

fn is_of(report: &Report, ticket: Ticket) -> bool {
    match report {
        Report::Verdicts(verdicts) => verdicts.iter().any(|verdict| verdict.ticket == ticket),
        Report::Answer(..)
        | Report::Found(..)
        | Report::Spooled(..)
        | Report::Noted(_)
        | Report::Space(_)
        | Report::Strained(_)
        | Report::Failed(_) => false,
    }
}

/// The process's one opener.
pub(crate) fn opener() -> Opener {
    static OPENER: OnceLock<Opener> = OnceLock::new();
    OPENER.get_or_init(|| Opener::mint().expect("only this function mints")).clone()
}

/// Far longer than since 1970, when the tasks of these tests ended.
pub(crate) const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// Options with segments small enough to be gone through quickly, for lookups that wait for the
/// archive as long as it takes, and for tasks that stay.
pub(crate) fn small(folder: &Path) -> Options {
    Options {
        segment_bytes: 64 * 1024,
        log_max_bytes: 512 * 1024,
        catch_up_max: PATIENCE,
        retention: Retention {
            finished: CENTURY,
            affected: CENTURY,
            incidents: CENTURY,
            ..Retention::default()
        },
        ..Options::new(folder)
    }
}

/// The same for lookups that hardly wait.
pub(crate) fn impatient(folder: &Path) -> Options {
    Options { catch_up_max: Duration::from_millis(1), ..small(folder) }
}

/// Starts what was opened; the tasks that it takes up, by ascending id, read in small pages.
pub(crate) fn take_up(mut opened: Opened) -> (Running, Vec<Unfinished>) {
    let mut backlog = opened.take_backlog().expect("it is given once");
    let running = Running::start(opened);
    let pages = std::iter::from_fn(|| {
        let page = backlog.next(3).expect("the backlog can be read");
        (!page.is_empty()).then_some(page)
    });
    let tasks: Vec<Unfinished> = pages.flatten().collect();
    assert!(tasks.is_sorted_by_key(|found| found.task));
    (running, tasks)
}

/// The tasks that a restart takes up in that folder; it ends in order.
pub(crate) fn unfinished_in(options: &Options) -> Vec<Unfinished> {
    let (running, tasks) = take_up(open(options, opener()).expect("the journal opens"));
    running.close();
    tasks
}

/// A running journal and what it reports.
pub(crate) struct Running {
    pub(crate) journal: Journal,
    pub(crate) appends: Sender<Append>,
    pub(crate) reports: Receiver<Report>,
    /// What was noted: it comes whenever the applier finds it.
    pub(crate) notes: Receiver<String>,
    /// What was said of the room on the disk.
    pub(crate) spaces: Receiver<Space>,
    next_ticket: std::cell::Cell<u64>,
    gate: Arc<Mutex<()>>,
}

impl Running {
    /// Opens and starts a journal that has to be sound.
    pub(crate) fn open(options: &Options) -> Self {
        Self::start(open(options, opener()).expect("the journal opens"))
    }

    /// The same on another disk.
    pub(crate) fn open_on(options: &Options, disk: Arc<dyn Disk>) -> Self {
        let storage = Storage { log: disk, archive: ArchiveFiles::System };
        Self::start(open_on(options, opener(), storage).expect("the journal opens"))
    }

    /// Starts what was opened.
    pub(crate) fn start(opened: Opened) -> Self {
        let ((sender, reports), (note, notes)) = (unbounded(), unbounded());
        let (tell, spaces) = unbounded();
        let gate = Arc::new(Mutex::new(()));
        let gate_of_journal = Arc::clone(&gate);
        let journal = opened.start(Arc::new(move |report| {
            let holds = is_of(&report, HOLDING);
            match report {
                Report::Noted(line) => drop(note.send(line)),
                Report::Space(space) => drop(tell.send(space)),
                // Tests bring the log into strain on purpose.
                Report::Strained(_) => {}
                report => drop(sender.send(report)),
            }
            if holds {
                drop(gate_of_journal.lock());
            }
        }));
        let appends = journal.appends();
        Self { journal, appends, reports, notes, spaces, next_ticket: 1.into(), gate }
    }

    /// Sends a record without waiting.
    pub(crate) fn send(&self, record: Record) -> Ticket {
        let ticket = Ticket(self.next_ticket.get());
        self.next_ticket.set(ticket.0 + 1);
        let append = Append { ticket, record: record.into(), is_awaited: true };
        self.appends.send(append).expect("the journal takes appends");
        ticket
    }

    /// The next report.
    pub(crate) fn report(&self) -> Report {
        self.reports.recv_timeout(PATIENCE).expect("the journal reports")
    }

    /// Makes the commit thread wait until the guard is dropped, so that what is sent meanwhile
    /// goes into one batch.
    pub(crate) fn hold(&self) -> MutexGuard<'_, ()> {
        let guard = self.gate.lock().expect("no test panics while it holds the gate");
        let append = Append { ticket: HOLDING, record: plain(0).into(), is_awaited: true };
        self.appends.send(append).expect("the journal takes appends");
        self.fates(&[HOLDING]);
        guard
    }

    /// Appends records and waits for what becomes of each.
    pub(crate) fn append_all(&self, records: impl IntoIterator<Item = Record>) -> Vec<Fate> {
        let tickets: Vec<_> = records.into_iter().map(|record| self.send(record)).collect();
        self.fates(&tickets)
    }

    /// Waits for what becomes of these appends, which are the next to be answered.
    pub(crate) fn fates(&self, tickets: &[Ticket]) -> Vec<Fate> {
        let mut verdicts = Vec::new();
        while verdicts.len() < tickets.len() {
            match self.report() {
                Report::Verdicts(some) => verdicts.extend(some),
                other => panic!("{other:?}"),
            }
        }
        let answered: Vec<_> = verdicts.iter().map(|verdict| verdict.ticket).collect();
        assert_eq!(answered, tickets, "one verdict for each append, in order");
        verdicts.into_iter().map(|verdict| verdict.fate).collect()
    }

    /// Appends one record and waits for what becomes of it.
    pub(crate) fn append(&self, record: Record) -> Fate {
        self.append_all([record])[0]
    }

    /// Appends one record that has to become durable. Its LSN.
    pub(crate) fn durable(&self, record: Record) -> u64 {
        match self.append(record) {
            Fate::Durable { lsn } => lsn,
            other => panic!("{other:?}"),
        }
    }

    /// Has a payload spooled and waits for what becomes of it.
    pub(crate) fn spool(&self, number: u64, segments: Vec<Bytes>) -> Spooled {
        let order = SpoolOrder::Write { task: task(number), payload: Payload::seal(segments) };
        self.journal.spool().send(order).expect("the spool takes orders");
        match self.report() {
            Report::Spooled(found, outcome) if found == task(number) => outcome,
            other => panic!("{other:?}"),
        }
    }

    /// Asks and waits for the answer.
    pub(crate) fn ask(&self, query: Query) -> Answer {
        self.ask_within(Scope::All, query)
    }

    /// The same for somebody who does not see everything.
    pub(crate) fn ask_within(&self, scope: Scope, query: Query) -> Answer {
        self.look_up(Lookup::Read(Read { reply_to: ReplyTo(7), scope, query }));
        match self.report() {
            Report::Answer(ReplyTo(7), answer) => answer,
            other => panic!("{other:?}"),
        }
    }

    /// Asks for a page of tasks, none of which is live.
    pub(crate) fn list(&self, scope: Scope, filter: &TaskFilter) -> Answer {
        match self.ask_within(scope.clone(), Query::List(Box::new(filter.clone()))) {
            Answer::Sighted(sighted) => {
                self.ask_within(scope, Query::Sheet(Box::new(sighted.sheet(|_| None))))
            }
            answer => answer,
        }
    }

    /// Asks a journal that may fail meanwhile. An error is why it did.
    pub(crate) fn ask_or_hear(&self, query: Query) -> Result<Answer, String> {
        self.look_up(Lookup::Read(Read { reply_to: ReplyTo(7), scope: Scope::All, query }));
        match self.report() {
            Report::Answer(ReplyTo(7), answer) => Ok(answer),
            Report::Failed(reason) => Err(reason),
            other => panic!("{other:?}"),
        }
    }

    fn look_up(&self, lookup: Lookup) {
        let is_long = lookup.is_long();
        let long = || self.journal.long_lookups();
        let lookups = if is_long { long() } else { self.journal.short_lookups() };
        lookups.send(lookup).expect("the journal takes lookups");
    }

    /// Asks as the engine does, without waiting.
    pub(crate) fn inquire(&self, question: Question) {
        self.look_up(Lookup::Inquiry(Inquiry { ticket: Ticket(8), question }));
    }

    /// Asks as the engine does and waits for what is found.
    pub(crate) fn find_out(&self, question: Question) -> Finding {
        self.inquire(question);
        match self.report() {
            Report::Found(Ticket(8), finding) => finding,
            other => panic!("{other:?}"),
        }
    }

    /// Waits until the archive has everything up to `lsn`.
    pub(crate) fn wait_applied(&self, lsn: u64) {
        let stats = self.journal.stats();
        while stats.applied_lsn.load(std::sync::atomic::Ordering::SeqCst) < lsn {
            assert!(!stats.poisoned.load(std::sync::atomic::Ordering::SeqCst));
            std::thread::yield_now();
        }
    }

    /// Ends the journal in order. What it says at the end must not be that it failed.
    pub(crate) fn close(self) {
        self.close_and_hear(|_| {});
    }

    /// Ends a journal that has failed; why it has.
    pub(crate) fn close_failed(self) -> String {
        drop(self.appends);
        self.journal.close().expect_err("it has failed")
    }

    /// Ends it in order, and gives everything that was noted to `hear`.
    pub(crate) fn close_and_hear(self, hear: impl FnOnce(&[String])) {
        drop(self.appends);
        assert_eq!(self.journal.close(), Ok(()));
        for report in self.reports.try_iter() {
            assert!(!matches!(report, Report::Failed(_)), "{report:?}");
        }
        hear(&self.notes.try_iter().collect::<Vec<_>>());
    }
}

/// Keeps the applier from writing until the connection is dropped: it holds the archive's write
/// lock.
pub(crate) fn stop_applier(folder: &Path) -> rusqlite::Connection {
    let connection = rusqlite::Connection::open(folder.join("archive.db")).expect("it is there");
    connection.execute_batch("BEGIN IMMEDIATE").expect("nobody else writes for long");
    connection
}

/// What a crash of the machine leaves at best: the files as they are now.
pub(crate) fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("the folder is made");
    for entry in fs::read_dir(from).expect("the folder is there") {
        let entry = entry.expect("the folder can be read");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("it has a type").is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("the file is copied");
        }
    }
}

/// The task of that number.
pub(crate) fn task(number: u64) -> TaskId {
    TaskId::from_key(number).expect("small numbers are task ids")
}

/// A record that says nothing but who it is about.
pub(crate) fn plain(number: u64) -> Record {
    Record {
        attempt: 1,
        run: 1,
        acceptance: None,
        change: None,
        puts: Vec::new(),
        ..Record::new(task(number), UnixMillis(0))
    }
}

/// The acceptance of a task with that payload.
pub(crate) fn accepted(number: u64, payload: impl Into<Bytes>) -> Record {
    let acceptance = Acceptance {
        kind: KindName::new("echo").expect("a kind"),
        lane: Lane::Interactive,
        tenant: "acme".into(),
        created_at: UnixMillis(1_000 + number),
        due_at: Some(UnixMillis(5_000)),
        urgency: 4,
        content_type: Some("text/plain".into()),
        traceparent: Some("00-trace".into()),
        form: Form::Single,
        payload: Payload::seal(vec![payload.into()]),
    };
    Record { attempt: 0, acceptance: Some(acceptance), ..plain(number) }
}

/// The start of an attempt.
pub(crate) fn started(number: u64, attempt: u32, crashes: u8) -> Record {
    let mark = StartMark { at: UnixMillis(9_000), isolated: false, crashes };
    Record { attempt, change: Some(Change::Started(mark)), ..plain(number) }
}

/// A chunk of an attempt, up to that item of the payload.
pub(crate) fn advanced(number: u64, attempt: u32, items: u64) -> Record {
    let advance = Advance {
        cursor: format!("behind item {items}").into(),
        progress: Progress { done: items, total: None },
    };
    Record { attempt, change: Some(Change::Advanced(advance)), ..plain(number) }
}

/// The acceptance of a task of many items whose payload is spooled.
pub(crate) fn accepted_bulk(number: u64, len: u64) -> Record {
    let mut record = accepted(number, "");
    let acceptance = record.acceptance.as_mut().expect("it accepts");
    (acceptance.form, acceptance.payload) = (Form::Bulk, Payload::spooled(len));
    record
}

/// The end of an attempt that is to be repeated.
pub(crate) fn retrying(number: u64, attempt: u32) -> Record {
    let fault = Fault::ephemeral("busy", "come back");
    let change = Change::Retrying { next_at: UnixMillis(77_000), fault };
    Record { attempt, change: Some(change), ..plain(number) }
}

/// The problem that an answer has to be.
pub(crate) fn problem(answer: Answer) -> Problem {
    match answer {
        Answer::Problem(problem) => *problem,
        other => panic!("{other:?}"),
    }
}

/// A whole document.
pub(crate) fn document(number: u64, state: TaskState) -> Box<Document> {
    Box::new(Document {
        id: task(number),
        kind: KindName::new("echo").expect("a kind"),
        lane: Lane::Interactive,
        state,
        attempts: 2,
        created_at: UnixMillis(1_000 + number),
        started_at: Some(UnixMillis(9_000)),
        finished_at: state.is_final().then_some(UnixMillis(9_500)),
        next_attempt_at: None,
        progress: Some(Progress { done: 3, total: Some(9) }),
        fault: (state == TaskState::Failed || state == TaskState::Parked).then(|| Fault {
            retry_after: Some(Duration::from_millis(1_500)),
            members: Some("\"offset\":7".into()),
            ..Fault::input("invalid-email", "no @")
        }),
        tenant: "acme".into(),
        durability: Durability::Disk,
    })
}

/// The rest of a task for a person.
pub(crate) fn parked(number: u64) -> Record {
    let change = Change::Parked(document(number, TaskState::Parked));
    Record { change: Some(change), ..plain(number) }
}

/// A person has a parked task run again.
pub(crate) fn resumed(number: u64) -> Record {
    Record { attempt: 2, change: Some(Change::Resumed), ..plain(number) }
}

/// A caller asks for the end of an attempt.
pub(crate) fn cancel_asked(number: u64) -> Record {
    Record { change: Some(Change::CancelAsked), ..plain(number) }
}

/// The end of a task in that state.
pub(crate) fn finished(number: u64, state: TaskState, product: Option<&'static str>) -> Record {
    let product = product.map(|body| Product {
        content_type: Some("text/plain".into()),
        body: Bytes::from_static(body.as_bytes()),
    });
    let change = Change::Finished(document(number, state), product);
    Record { change: Some(change), ..plain(number) }
}

/// A put of a value.
pub(crate) fn put(key: &str, value: impl Into<Bytes>, read: ReadMark) -> Put {
    Put { key: Bytes::copy_from_slice(key.as_bytes()), value: Some(value.into()), read }
}

/// A record that writes one key.
pub(crate) fn writes(number: u64, put: Put) -> Record {
    Record { puts: vec![put], ..plain(number) }
}

/// What a reader saw who saw no value, in a journal of which nothing is applied.
pub(crate) const NEVER: ReadMark = ReadMark::At { lsn: 0, watermark: 0 };
