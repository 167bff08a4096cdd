//! Runs a scenario written as text against the engine and writes down what it wants done.
//!
//! A line that starts with `>` is an expected effect of the line above it. `+10ms` in front of a
//! line moves the clock first. After each line the engine ticks and starts what it may.

use super::completion::done;
use crate::engine::hurts::NOTE_TICKET;
use crate::engine::kept::KEPT_TICKET;
use crate::engine::{Engine, Setup};
use crate::event::{Ask, Effect, Event, Freed, Notice, Sight, Steer, Submission, Wants, Wish};
use crate::lanes::LanePlan;
use crate::limits::Limits;
use crate::seed::Seed;
use overtime_protocol::record::{Change, Put, ReadMark};
use overtime_protocol::repair::{Remedy, RepairOrder};
use overtime_protocol::{
    Answer, Chain, ChainNumber, Chunk, Code, Completion, DEFAULT_TENANT, Epoch, Fate, Fault,
    Finding, Fingerprint, Form, Go, Holder, Job, KeyHash, Kind, KindId, KindName, Lane,
    MemoryPressure, Monotonic, News, Now, Outcome, Payload, Problem, Product, Progress, Question,
    ReplyTo, RetryPolicy, Ruling, Scope, SpoolOrder, Spooled, Submitted, TaskId, Ticket,
    Unfinished, UnixMillis, Unsteerable, Verdict,
};
use overtime_protocol::{
    Append, CallEnd, CallGrant, CallNumber, CallReport, GateMode, HistoryFilter, Hurt, Upstream,
    UpstreamId, UpstreamName, UpstreamOrder, read_hurt,
};
use std::collections::HashMap;
use std::fmt::Write;
use std::time::Duration;

pub(super) fn kinds() -> Vec<Kind> {
    let twice = RetryPolicy { attempts: 2, ..RetryPolicy::default() };
    vec![
        Kind::durable("echo").in_memory(),
        Kind::durable("upsert"),
        Kind::durable("call").acting_outside(),
        Kind { retry: twice, ..Kind::durable("twice") },
        Kind { lane: Lane::Control, ..Kind::durable("control") },
        Kind { lane: Lane::Bulk, ..Kind::durable("bulk") },
        Kind::durable("pay").calling(UpstreamId(0)),
    ]
}

/// An upstream that takes so many calls at a time.
pub(super) fn upstream(name: &str, calls_max: usize) -> Upstream {
    let (name, slow) = (named(name), Duration::from_secs(3));
    Upstream { name, mode: GateMode::Shed, calls_max, slow }
}

fn named(name: &str) -> UpstreamName {
    UpstreamName::new(name).unwrap()
}

pub(super) fn setup(workers: usize, limits: Limits, seed: u64) -> Setup {
    Setup {
        limits,
        kinds: kinds(),
        upstreams: vec![upstream("bank", 2)],
        incidents: Vec::new(),
        plan: LanePlan::new(workers, 2),
        epoch: Epoch(1),
        highest: None,
        seed: Seed::new(seed),
    }
}

/// Compares the effects of each line of `scenario` with the `>` lines under it.
pub(super) fn check(workers: usize, scenario: &str) {
    check_within(workers, Limits::default(), scenario);
}

pub(super) fn check_within(workers: usize, limits: Limits, scenario: &str) {
    check_on(Engine::new(setup(workers, limits, 7)), scenario);
}

/// The same with as many as `max` workers, those included that are hired.
pub(super) fn check_elastic(workers: usize, max: usize, scenario: &str) {
    let setup = setup(workers, Limits::default(), 7);
    check_on(Engine::new(Setup { plan: setup.plan.up_to(max), ..setup }), scenario);
}

fn check_on(engine: Engine, scenario: &str) {
    let mut stage = Stage::new(engine);
    let (mut expected, mut seen) = (String::new(), String::new());
    for line in scenario.lines().map(str::trim).filter(|line| !line.is_empty()) {
        writeln!(expected, "{line}").unwrap();
        if !line.starts_with('>') {
            writeln!(seen, "{line}").unwrap();
            stage.play(line);
            stage.describe(&mut seen);
        }
    }
    assert_eq!(seen, expected, "\n--- seen ---\n{seen}");
}

/// The engine with the names a scenario gives to tasks and callers.
pub(super) struct Stage {
    pub(super) engine: Engine,
    pub(super) now: Now,
    pub(super) out: Vec<Effect>,
    callers: Vec<String>,
    names: HashMap<TaskId, String>,
    last_named: Option<String>,
    chains: HashMap<ChainNumber, Out>,
    /// The job that each task's worker has, and in which chain.
    at_work: HashMap<TaskId, (Job, ChainNumber)>,
    tickets: Vec<(Ticket, String)>,
    /// Who waits to hear of a key, and what was asked.
    inquiries: Vec<(Ticket, String)>,
}

/// A chain that is out.
struct Out {
    lane: Lane,
    leader: TaskId,
    left: usize,
}

impl Stage {
    pub(super) fn new(engine: Engine) -> Self {
        Self {
            engine,
            now: Now { monotonic: Monotonic(0), unix: UnixMillis(1_800_000_000_000) },
            out: Vec::new(),
            callers: Vec::new(),
            names: HashMap::new(),
            last_named: None,
            chains: HashMap::new(),
            at_work: HashMap::new(),
            tickets: Vec::new(),
            inquiries: Vec::new(),
        }
    }

    pub(super) fn play(&mut self, line: &str) {
        let mut words = line.split_whitespace().peekable();
        if let Some(span) = words.next_if(|word| word.starts_with('+')) {
            self.advance(duration(&span[1..]));
        }
        let words: Vec<&str> = words.collect();
        let known =
            words.is_empty() || self.call(&words) || self.come_back(&words) || self.turn(&words);
        assert!(known, "not a line of a scenario: {line}");
        self.settle();
    }

    /// Plays these lines; what was seen comes back.
    pub(super) fn tell(&mut self, lines: &[&str]) -> String {
        let mut seen = String::new();
        for line in lines {
            self.play(line);
            self.describe(&mut seen);
            self.engine.audit();
        }
        seen
    }

    /// What a caller does.
    fn call(&mut self, words: &[&str]) -> bool {
        match *words {
            ["submit", name, kind, ref rest @ ..] => self.submit(name, kind, rest),
            ["ask", caller, wants, task, ref rest @ ..] => self.ask(caller, wants, task, rest),
            ["why", caller, task, ref rest @ ..] => {
                let (reply_to, task) = (self.caller(caller), self.id(task));
                let scope = self.sight(rest);
                self.event(Event::AskedWhy { reply_to, scope, task });
            }
            ["cancel", caller, task, ref rest @ ..] => {
                self.steer(caller, task, Wish::Cancel, rest);
            }
            ["retry", caller, task, ref rest @ ..] => self.steer(caller, task, Wish::Retry, rest),
            ["repair", caller, remedy, ref rest @ ..] => self.repair(caller, remedy, rest),
            ["progress", caller] => {
                let reply_to = self.caller(caller);
                self.event(Event::RepairShown { reply_to, print: 7 });
            }
            ["hold", caller, name] => self.steer_upstream(caller, UpstreamOrder::Hold(named(name))),
            ["release", caller, name] => {
                self.steer_upstream(caller, UpstreamOrder::Release(named(name)));
            }
            ["history", caller, name] => {
                let (name, limit) = (named(name), 100);
                let filter = HistoryFilter { name, from: None, to: None, limit, after: None };
                self.steer_upstream(caller, UpstreamOrder::History(Box::new(filter)));
            }
            ["follow", task] => self.event(Event::Followed(self.id(task))),
            ["unfollow", task] => self.event(Event::Unfollowed(self.id(task))),
            _ => return false,
        }
        true
    }

    /// What comes back from workers.
    fn come_back(&mut self, words: &[&str]) -> bool {
        match *words {
            ["stopped", task] => self.fail(task, Outcome::Cancelled),
            ["done", task] => self.complete(task, Outcome::Done(Product::default()), false),
            ["puts", task] => self.complete(task, Outcome::Done(Product::default()), true),
            ["reject", task] => self.fail(task, Outcome::Rejected(Fault::input("bad", "no"))),
            ["fail", task] => self.fail(task, Outcome::Ephemeral(Fault::ephemeral("busy", "no"))),
            ["busy", task, span] => {
                let retry_after = Some(duration(span));
                let fault = Fault { retry_after, ..Fault::ephemeral("busy", "later") };
                self.fail(task, Outcome::Ephemeral(fault));
            }
            ["defect", task] => self.fail(task, Outcome::Defect(Fault::input("bug", "no"))),
            ["recalled", leader, from] => {
                let (_, chain) = self.at_work[&self.id(leader)];
                self.chains.get_mut(&chain).unwrap().left = 1;
                let from = from.parse().unwrap();
                self.event(Event::Recalled { chain, from });
            }
            ["held", task] => self.fail(task, Outcome::Held(UpstreamId(0))),
            ["wants", task, count, ref ended @ ..] => self.want(task, count, ended),
            ["busy", task, call, span] => self.told_busy(task, call, duration(span)),
            ["chunk", task, cursor] => self.advance_task(task, cursor),
            ["yield", task] => self.fail(task, Outcome::Yielded),
            ["hired"] => self.event(Event::Hired),
            ["not-hired"] => self.event(Event::NotHired),
            _ => return false,
        }
        true
    }

    /// What the journal says, and whoever runs the server.
    fn turn(&mut self, words: &[&str]) -> bool {
        match *words {
            ["durable"] => self.judge_all(Fate::Durable { lsn: 1 }),
            ["full"] => self.judge_all(Fate::DiskFull),
            ["too-large", task] => self.judge(task, Fate::TooLarge),
            ["full", task] => self.judge(task, Fate::DiskFull),
            ["durable", task] => self.judge(task, Fate::Durable { lsn: 1 }),
            ["conflict", task, key] => {
                self.judge(task, Fate::Conflict { key_hash: key.parse().unwrap() });
            }
            ["page", ref tasks @ ..] => self.page(tasks),
            ["parked", task, ref rest @ ..] => self.parked(task, rest),
            ["found", caller, ref rest @ ..] => self.found(caller, rest),
            ["spooled", task] => self.spooled(task, Spooled::Written),
            ["spool-full", task] => self.spooled(task, Spooled::DiskFull),
            ["recovering"] => self.engine.begin_recovery(),
            ["recovered"] => self.event(Event::RecoveryEnded),
            ["space", ref over @ ..] => self.event(space(over)),
            ["pressure", level] => self.event(Event::MemoryPressure(pressure(level))),
            ["poison"] => self.event(Event::JournalFailed),
            ["drain"] => self.event(Event::DrainStarted),
            ["grace-ends"] => self.event(Event::GraceEnded),
            _ => return false,
        }
        true
    }

    fn steer_upstream(&mut self, caller: &str, order: UpstreamOrder) {
        let reply_to = self.caller(caller);
        self.event(Event::UpstreamsAsked { reply_to, order });
    }

    /// The worker of a bulk body wants so many calls, and tells which have ended.
    fn want(&mut self, task: &str, wanted: &str, ended: &[&str]) {
        let ended =
            ended.iter().map(|number| (CallNumber(number.parse().unwrap()), CallEnd::Answered));
        self.report_calls(task, ended.collect(), wanted.parse().unwrap());
    }

    /// A call of a bulk body was answered 429, with that span in `Retry-After`.
    fn told_busy(&mut self, task: &str, call: &str, span: Duration) {
        let end = CallEnd::Busy { retry_after: Some(span) };
        self.report_calls(task, vec![(CallNumber(call.parse().unwrap()), end)], 0);
    }

    fn report_calls(&mut self, task: &str, ended: Vec<(CallNumber, CallEnd)>, wanted: u16) {
        let (job, chain) = self.at_work[&self.id(task)].clone();
        let report = CallReport { upstream: UpstreamId(0), ended, wanted };
        self.event(Event::CallsReported { task: job.task, run: job.run, chain, report });
    }

    pub(super) fn advance(&mut self, span: Duration) {
        self.now.monotonic = self.now.monotonic + span;
        self.now.unix = self.now.unix + span;
    }

    pub(super) fn event(&mut self, event: Event) {
        self.engine.handle(event, self.now, &mut self.out);
        self.engine.audit();
    }

    fn settle(&mut self) {
        self.engine.tick(usize::MAX, self.now, &mut self.out);
        self.engine.audit();
        while self.engine.has_work_to_start() {
            self.engine.dispatch(64, self.now, &mut self.out);
            self.engine.audit();
        }
        self.name_own_tasks();
    }

    /// Tasks that nobody has submitted are the server's own.
    fn name_own_tasks(&mut self) {
        let all: Vec<TaskId> = self.engine.table.iter().map(|task| task.durable.id).collect();
        for id in all {
            let number = self.names.len();
            self.names.entry(id).or_insert_with(|| format!("own{number}"));
        }
    }

    fn submit(&mut self, name: &str, kind: &str, rest: &[&str]) {
        let value = |key: &str| rest.iter().find_map(|word| word.strip_prefix(key));
        let kind = kinds().iter().position(|known| known.name.as_str() == kind).unwrap();
        let bytes = value("bytes=").map_or(3, |bytes| bytes.parse().unwrap());
        let reply_to = self.caller(name);
        let tenant = self.engine.tenant(value("tenant=").unwrap_or(DEFAULT_TENANT));
        self.last_named = Some(name.to_owned());
        self.event(Event::Submitted(Submission {
            reply_to,
            tenant,
            kind: KindId(kind as u16),
            form: if rest.contains(&"bulk") { Form::Bulk } else { Form::Single },
            wait: value("wait=").map_or(Duration::from_secs(10), duration),
            urgency: value("u=").map_or(3, |u| u.parse().unwrap()),
            delay: value("delay=").map_or(Duration::ZERO, duration),
            payload: Payload::seal(vec![vec![b'x'; bytes].into()]),
            content_type: None,
            traceparent: None,
            key: value("key=").map(|key| KeyHash([key.as_bytes()[0]; 16])),
            strict: rest.contains(&"strict"),
        }));
        self.name_tasks(name);
    }

    /// Whose tasks a caller sees: everybody's, unless `as=` names a tenant.
    fn sight(&mut self, rest: &[&str]) -> Sight {
        let name = rest.iter().find_map(|word| word.strip_prefix("as="))?;
        Some(self.engine.tenant(name))
    }

    /// Whether a worker has the task.
    pub(super) fn has(&self, task: &str) -> bool {
        let slot = self.names.iter().find(|(_, name)| *name == task);
        let slot = slot.and_then(|(&id, _)| self.engine.table.find(id));
        let task = slot.and_then(|slot| self.engine.table.get(slot));
        task.is_some_and(|task| matches!(task.run, crate::task::Run::Running))
    }

    /// That task is called that.
    pub(super) fn name(&mut self, name: &str, task: TaskId) {
        self.names.insert(task, name.to_owned());
    }

    /// Tasks that are new since the last line are called that.
    fn name_tasks(&mut self, name: &str) {
        let known: Vec<TaskId> = self.engine.table.iter().map(|task| task.durable.id).collect();
        for id in known {
            self.names.entry(id).or_insert_with(|| name.to_owned());
        }
    }

    fn ask(&mut self, caller: &str, wants: &str, task: &str, rest: &[&str]) {
        let wait = rest.iter().find_map(|word| word.strip_prefix("wait="));
        let wants = if wants == "result" { Wants::Result } else { Wants::Document };
        let reply_to = self.caller(caller);
        let task = self.id(task);
        let wait = wait.map_or(Duration::ZERO, duration);
        let scope = self.sight(rest);
        self.event(Event::Asked(Ask { reply_to, scope, task, wants, wait }));
    }

    fn steer(&mut self, caller: &str, task: &str, wish: Wish, rest: &[&str]) {
        let reply_to = self.caller(caller);
        let task = self.id(task);
        self.last_named = self.names.get(&task).cloned();
        let scope = self.sight(rest);
        self.event(Event::Steered(Steer { reply_to, scope, task, wish }));
    }

    /// A repair of the kind `upsert`.
    fn repair(&mut self, caller: &str, remedy: &str, rest: &[&str]) {
        let value = |key: &str| rest.iter().find_map(|word| word.strip_prefix(key));
        let order = Box::new(RepairOrder {
            print: 7,
            remedy: if remedy == "retry" { Remedy::Retry } else { Remedy::Discard },
            kind: KindName::new("upsert"),
            dry_run: rest.contains(&"dry"),
            rate: value("rate=").map_or(100, |rate| rate.parse().unwrap()),
            stop_at: value("stop_at=").map(|most| most.parse().unwrap()),
        });
        let reply_to = self.caller(caller);
        self.event(Event::RepairAsked { reply_to, order });
    }

    /// The journal has found these parked tasks.
    fn page(&mut self, tasks: &[&str]) {
        let place = self.inquiries.iter().position(|(_, name)| name == "page").unwrap();
        let (ticket, _) = self.inquiries.remove(place);
        let tasks = tasks.iter().map(|name| self.id(name)).collect();
        self.event(Event::Found { ticket, finding: Finding::ParkedBy(tasks) });
    }

    /// The journal has answered what was asked about that task: what it would be again, unless
    /// `not`, `unknown` or `lost` says otherwise; `attempts=`, `kind=` and `tenant=` say more.
    fn parked(&mut self, name: &str, rest: &[&str]) {
        let value = |key: &str| rest.iter().find_map(|word| word.strip_prefix(key));
        let place = self.inquiries.iter().position(|(_, known)| known == name).unwrap();
        let (ticket, _) = self.inquiries.remove(place);
        let task = self.id(name);
        let refused = |code| {
            let answer = Answer::from(Problem::new(code, "no"));
            let tenant = value("tenant=").map(Into::into);
            Err(Box::new(Unsteerable { tenant, answer }))
        };
        let found = match rest {
            ["not", ..] => refused(Code::NotParked),
            ["unknown", ..] => refused(Code::UnknownTask),
            _ => {
                let kind = value("kind=").unwrap_or("upsert");
                let mut parked = super::recovery::unfinished(1, kind, None);
                parked.acceptance.tenant = value("tenant=").unwrap_or(DEFAULT_TENANT).into();
                Ok(Box::new(Unfinished {
                    task,
                    attempts: value("attempts=").map_or(1, |count| count.parse().unwrap()),
                    payload_lost: rest.contains(&"lost"),
                    ..parked
                }))
            }
        };
        self.event(Event::Found { ticket, finding: Finding::Parked(found) });
    }

    fn advance_task(&mut self, task: &str, cursor: &str) {
        let (job, chain) = self.at_work[&self.id(task)].clone();
        let Job { task, run, .. } = job;
        let progress = Progress { done: cursor.parse().unwrap(), total: None };
        let (cursor, puts) = (cursor.to_owned().into(), Vec::new());
        let chunk = Chunk { task, run, cursor, progress, puts, expects: Vec::new() };
        self.event(Event::Advanced { chunk, chain });
    }

    /// The journal has answered the inquiry for that caller: `payload=` is what it had sent,
    /// `held-by=` names who holds the key, with `ended` or `parked` if that is so.
    fn found(&mut self, caller: &str, rest: &[&str]) {
        let value = |key: &str| rest.iter().find_map(|word| word.strip_prefix(key));
        let fingerprint = Fingerprint([value("payload=").map_or(0, |text| text.as_bytes()[0]); 16]);
        let place = self.inquiries.iter().position(|(_, name)| name == caller).unwrap();
        let (ticket, name) = self.inquiries.remove(place);
        let holder = value("held-by=").map(|task| {
            let task = self.id(task);
            let answer = Problem { task: Some(task), ..Problem::new(Code::Cancelled, "again") };
            let first = value("first=").map_or(0, |text| text.as_bytes()[0]);
            let replay = rest.contains(&"ended").then(|| answer.into());
            Box::new(Holder { task, fingerprint: Fingerprint([first; 16]), replay })
        });
        self.last_named = Some(name.clone());
        self.event(Event::Found { ticket, finding: Finding::Key { fingerprint, holder } });
        self.name_tasks(&name);
    }

    fn spooled(&mut self, task: &str, outcome: Spooled) {
        let task = self.id(task);
        self.event(Event::Spooled { task, outcome });
    }

    fn fail(&mut self, task: &str, outcome: Outcome) {
        self.complete(task, outcome, false);
    }

    fn complete(&mut self, task: &str, outcome: Outcome, puts: bool) {
        let id = self.id(task);
        let read = ReadMark::At { lsn: 0, watermark: 0 };
        let put = Put { key: "k".into(), value: Some("v".into()), read };
        let (job, chain) = self.at_work[&id].clone();
        let is_done = matches!(outcome, Outcome::Done(_));
        let completion = Completion {
            outcome,
            puts: if puts { vec![put] } else { Vec::new() },
            call: if is_done { CallEnd::Answered } else { CallEnd::Untold },
            ..done(&job, self.now.monotonic)
        };
        let out = self.chains.get_mut(&chain).unwrap();
        out.left -= 1;
        let freed = (out.left == 0).then_some(Freed { chain, lane: out.lane });
        self.event(Event::Completed { completion, freed });
    }

    fn judge_all(&mut self, fate: Fate) {
        for (ticket, _) in std::mem::take(&mut self.tickets) {
            self.event(Event::Judged(Verdict { ticket, fate }));
        }
    }

    fn judge(&mut self, task: &str, fate: Fate) {
        let place = self.tickets.iter().position(|(_, name)| name == task).unwrap();
        let (ticket, _) = self.tickets.remove(place);
        self.event(Event::Judged(Verdict { ticket, fate }));
    }

    fn caller(&mut self, name: &str) -> ReplyTo {
        self.callers.push(name.to_owned());
        ReplyTo(self.callers.len() as u64 - 1)
    }

    pub(super) fn id(&self, name: &str) -> TaskId {
        *self.names.iter().find(|(_, known)| *known == name).expect("a task of that name").0
    }

    pub(super) fn describe(&mut self, text: &mut String) {
        for effect in std::mem::take(&mut self.out) {
            if is_about_incidents(&effect) {
                let (ticket, fate) = (KEPT_TICKET, Fate::Durable { lsn: 1 });
                self.event(Event::Judged(Verdict { ticket, fate }));
                continue;
            }
            text.push_str("> ");
            self.describe_one(effect, text);
            text.push('\n');
        }
    }

    fn describe_append(&mut self, append: &Append, text: &mut String) {
        if append.ticket == NOTE_TICKET {
            text.push_str("note");
            append.record.puts.iter().for_each(|put| describe_hurt(put, text));
            self.tickets.push((append.ticket, "note".to_owned()));
            return;
        }
        if append.ticket == KEPT_TICKET {
            let name = |put: &Put| String::from_utf8_lossy(&put.key[1..]).into_owned();
            let names = append.record.puts.iter().map(name);
            let names: Vec<String> = names.filter(|name| !name.starts_with("incident")).collect();
            write!(text, "keep {}", names.join(" ")).unwrap();
            self.tickets.push((append.ticket, "keep".to_owned()));
            return;
        }
        let name = self.names[&append.record.task].clone();
        let accepted = if append.record.acceptance.is_some() { " accepted" } else { "" };
        let change = append.record.change.as_ref().map_or("", change_name);
        write!(text, "append {name}{accepted}{change}").unwrap();
        self.tickets.push((append.ticket, name));
    }

    fn describe_one(&mut self, effect: Effect, text: &mut String) {
        match effect {
            Effect::Dispatch(chain) => self.describe_chain(&chain, text),
            Effect::Append(append) => self.describe_append(&append, text),
            Effect::Reply { to, answer } => {
                let caller = &self.callers[to.0 as usize];
                write!(text, "reply {caller} {}", describe_answer(&answer)).unwrap();
            }
            Effect::Recall(chain) => {
                write!(text, "recall {}", self.names[&self.chains[&chain].leader]).unwrap();
            }
            Effect::Hire => text.push_str("hire"),
            Effect::Retire(count) => write!(text, "retire {count}").unwrap(),
            Effect::Notice(notice) => match *notice {
                Notice::Rate(change) => write!(text, "notice {:?}", change.trend).unwrap(),
                Notice::Gate(news) => write!(text, "gate {}", news.name()).unwrap(),
            },
            Effect::Explain { to, explanation, .. } => {
                let caller = &self.callers[to.0 as usize];
                let waits_for = explanation.waits_for.map_or("nothing", |what| what.name());
                let state = explanation.state.name();
                write!(text, "explain {caller} {state} waits for {waits_for}").unwrap();
                if let Some(position) = explanation.position {
                    write!(text, " behind {position}").unwrap();
                }
            }
            Effect::Cancel { chain, place } => {
                let name = self.names[&self.chains[&chain].leader].clone();
                write!(text, "stop {place} of {name}").unwrap();
            }
            Effect::Grant { grant, .. } => describe_grant(&grant, text),
            Effect::Rule { ruling, .. } => {
                let ruling = match ruling {
                    Ruling::Kept { go: Go::On, .. } => "go on",
                    Ruling::Kept { go: Go::Yield, .. } => "yield",
                    Ruling::Conflict => "conflict",
                    Ruling::Stop => "stop",
                };
                write!(text, "ruling {ruling}").unwrap();
            }
            Effect::Spool(SpoolOrder::Write { task, .. }) => {
                write!(text, "spool {}", self.names[&task]).unwrap();
            }
            Effect::Spool(SpoolOrder::Remove(task)) => {
                write!(text, "unspool {}", self.names[&task]).unwrap();
            }
            Effect::Inquire(inquiry) => {
                let name = match &inquiry.question {
                    Question::Key { .. } | Question::Fingerprint { .. } => {
                        self.last_named.clone().expect("somebody submits")
                    }
                    Question::Parked(task) => self.names[task].clone(),
                    Question::ParkedBy { .. } => "page".to_owned(),
                };
                write!(text, "inquire for {name}").unwrap();
                self.inquiries.push((inquiry.ticket, name));
            }
            Effect::Publish { task, event } => {
                let (name, news) = (&self.names[&task], news_name(&event.news));
                write!(text, "publish {name}#{} {news}", event.attempt).unwrap();
            }
            Effect::Read(read) => {
                write!(text, "read {:?}", read.reply_to).unwrap();
                if let Scope::Own(own) = read.scope {
                    write!(text, " as {own}").unwrap();
                }
            }
        }
    }

    fn describe_chain(&mut self, chain: &Chain, text: &mut String) {
        write!(text, "dispatch {}", chain.lane.name()).unwrap();
        let (leader, left) = (chain.jobs[0].task, chain.jobs.len());
        self.chains.insert(chain.number, Out { lane: chain.lane, leader, left });
        for job in &chain.jobs {
            self.at_work.insert(job.task, (job.clone(), chain.number));
            write!(text, " {}#{}", self.names[&job.task], job.attempt).unwrap();
            if let Some(cursor) = &job.cursor {
                write!(text, " from={}", String::from_utf8_lossy(cursor)).unwrap();
            }
            if let Some(limit) = job.call_limit {
                write!(text, " within {limit:?}").unwrap();
            }
            if job.payload.is_spooled() {
                text.push_str(" spooled");
            } else if job.payload.is_stored() {
                text.push_str(" stored");
            }
        }
    }
}

fn describe_grant(grant: &CallGrant, text: &mut String) {
    let CallGrant::Granted { calls, limit } = grant else {
        return text.push_str("grant none");
    };
    write!(text, "grant {} calls", calls.len()).unwrap();
    limit.iter().for_each(|limit| write!(text, " within {limit:?}").unwrap());
}

/// Whether it only keeps incidents: they are looked at where they are tested, and are on disk at once.
fn is_about_incidents(effect: &Effect) -> bool {
    let Effect::Append(Append { ticket: KEPT_TICKET, record, .. }) = effect else { return false };
    record.puts.iter().all(|put| put.key.starts_with(b"\0incident"))
}

fn news_name(news: &News) -> &'static str {
    match news {
        News::State(state) | News::Faulted(state, _) => state.name(),
        News::Retrying(..) => "retrying",
        News::Progress(_) => "progress",
        News::CancelAsked => "cancel-asked",
    }
}

fn describe_hurt(Put { key, value, .. }: &Put, text: &mut String) {
    let (tenant, entry) = read_hurt(key, value.as_ref().unwrap()).unwrap();
    let Hurt { delayed, refused, failed } = entry.hurt;
    let span = entry.until.since(entry.since).as_secs();
    write!(text, " {tenant} {delayed} {refused} {failed} in {span}s").unwrap();
}

fn change_name(change: &Change) -> &'static str {
    match change {
        Change::Started(_) => " started",
        Change::Retrying { .. } => " retrying",
        Change::Advanced(_) => " advanced",
        Change::Resumed => " resumed",
        Change::CancelAsked => " cancel-asked",
        Change::Parked(_) => " parked",
        Change::Finished(document, _) => match document.state {
            overtime_protocol::TaskState::Succeeded => " succeeded",
            overtime_protocol::TaskState::Cancelled => " cancelled",
            _ => " failed",
        },
    }
}

pub(super) fn describe_answer(answer: &Answer) -> String {
    match answer {
        Answer::Result { account, .. } => format!("200 {}", account.durability.name()),
        Answer::Accepted { document, .. } => format!("202 {}", document.state.name()),
        Answer::Document(document) => format!("document {}", document.state.name()),
        Answer::Value { body, .. } => {
            let text = String::from_utf8_lossy(body);
            let member = |name: &str| {
                let (_, rest) = text.split_once(&format!("\"{name}\":\"")).unwrap_or_default();
                rest.split('"').next().unwrap_or_default().to_owned()
            };
            match member("name") {
                name if name.is_empty() => format!("value {text}"),
                name => format!("upstream {name} {}", member("state")),
            }
        }
        Answer::Repairing { progress, .. } => format!("202 {}", progress.state.name()),
        Answer::Events(page) => format!("{} events", page.events.len()),
        Answer::Sighted(sighted) => format!("{} sighted", sighted.tasks.len()),
        Answer::Problem(problem) => {
            let slug = problem.fault.as_ref().map_or(problem.code.slug(), |fault| &fault.code);
            let submitted = match problem.submitted {
                Submitted::No => "no",
                Submitted::Yes => "yes",
                Submitted::Unknown => "unknown",
            };
            format!("{} {slug} {submitted}", problem.code.status())
        }
    }
}

fn space(over: &[&str]) -> Event {
    let is_low = over.contains(&"low");
    let over = over.iter().filter_map(|name| KindName::new(name)).collect();
    Event::Space { is_low, over }
}

fn pressure(level: &str) -> MemoryPressure {
    match level {
        "full" => MemoryPressure::Full,
        "alarm" => MemoryPressure::Alarm,
        _ => MemoryPressure::Fine,
    }
}

fn duration(text: &str) -> Duration {
    let (number, unit) = text.split_at(text.find(|c: char| c.is_alphabetic()).unwrap());
    let number: u64 = number.parse().unwrap();
    match unit {
        "us" => Duration::from_micros(number),
        "ms" => Duration::from_millis(number),
        "s" => Duration::from_secs(number),
        "h" => Duration::from_secs(number * 3600),
        _ => panic!("not a unit: {unit}"),
    }
}
