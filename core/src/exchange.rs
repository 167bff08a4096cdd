//! An exchange: one request and its answer, from its head on.

use crate::callers::{Caller, Callers};
use bytes::Bytes;
use overtime_engine::Wish;
use overtime_protocol::call::{self, Call, Hosts, SubmitOptions, Wait, check_origin};
use overtime_protocol::http::{Field, Head, ReplyContext};
use overtime_protocol::native::{Request, Welcome};
use overtime_protocol::repair::RepairOrder;
use overtime_protocol::{
    Code, Form, KeyHash, Kind, KindId, KindName, Lane, OWN_KINDS, Problem, Query, Reach, TaskId,
    UpstreamOrder,
};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// What a request asks of the core, once routed.
#[derive(Debug)]
pub(crate) enum Order {
    /// Run something.
    Submit {
        kind: KindId,
        form: Form,
        /// The lane of its first attempts.
        lane: Lane,
        options: SubmitOptions,
        wait: Duration,
        /// What stands for its idempotency key.
        key: Option<KeyHash>,
        head: SubmitHead,
    },
    /// Show a task.
    Document { task: TaskId, wait: Duration },
    /// Show a task's result.
    Result { task: TaskId },
    /// Show why items of a bulk task failed.
    Errors { task: TaskId },
    /// Show what happens to a task, from there on.
    Events { task: TaskId, after: u64 },
    /// Say why a task is where it is.
    Explain { task: TaskId },
    /// Do something with a task.
    Steer { task: TaskId, wish: Wish },
    /// Do something with all tasks that are parked for one reason.
    Repair(Box<RepairOrder>),
    /// Say how far that is.
    ShowRepair { print: u64 },
    /// Show upstreams, or steer one.
    Upstreams(UpstreamOrder),
    /// Ask the journal.
    Read(Query),
    /// Say why not, once the body is out of the way.
    Refuse(Box<Problem>),
}

/// An order, and who gives it.
#[derive(Debug)]
pub(crate) struct Routed {
    pub(crate) order: Order,
    pub(crate) caller: Caller,
}

/// What a submission keeps of its head.
#[derive(Debug)]
pub(crate) struct SubmitHead {
    pub(crate) content_type: Option<Arc<str>>,
    pub(crate) traceparent: Option<Arc<str>>,
}

/// What turns heads into orders.
#[derive(Debug)]
pub(crate) struct Router {
    kinds: HashMap<Box<str>, (KindId, Kind)>,
    hosts: Hosts,
    pub(crate) callers: Callers,
    wait_default: Duration,
    wait_max: Duration,
    /// The content types that came lately are kept, so that most requests share theirs.
    last_content_type: Option<Arc<str>>,
}

impl Router {
    pub(crate) fn new(kinds: &[Kind], hosts: Hosts, waits: (Duration, Duration)) -> Self {
        let named = |(place, kind): (usize, &Kind)| {
            let id = KindId(u16::try_from(place).expect("kinds are few"));
            (kind.name.as_str().into(), (id, kind.clone()))
        };
        let kinds = kinds.iter().enumerate().map(named).collect();
        let (wait_default, wait_max) = waits;
        let callers = Callers::default();
        Self { kinds, hosts, callers, wait_default, wait_max, last_content_type: None }
    }

    /// What the head asks for, and how its answer is to look.
    pub(crate) fn route(&mut self, head: &Head) -> (Routed, ReplyContext) {
        let mut context = ReplyContext::of(head);
        let caller = match self.let_in(head) {
            Ok(caller) => caller,
            Err(problem) => return (refused(problem), context),
        };
        let call = call::parse(head);
        if let Ok(Call::Submit { options, .. }) = &call
            && options.wait_preferred
        {
            // A preference is told in whole seconds, rounded down: no more is promised than is kept.
            let wait = self.wait(options.wait).as_secs();
            context.wait_applied = Some(u32::try_from(wait).unwrap_or(u32::MAX));
        }
        let content_type = head.field(Field::ContentType).map(|text| self.share(text));
        let traceparent = head.field(Field::Traceparent).map(Into::into);
        let head = SubmitHead { content_type, traceparent };
        (self.routed(call, caller, head), context)
    }

    /// Who calls. A page of another origin cannot show a key that it was not given, so with keys
    /// nobody asks where a request comes from.
    fn let_in(&self, head: &Head) -> Result<Caller, Problem> {
        self.hosts.check(head)?;
        if !self.callers.need_keys() {
            check_origin(head)?;
        }
        self.callers.of_head(head)
    }

    /// What a native request asks for whose sender has shown `key`: the same as its counterpart
    /// over HTTP.
    pub(crate) fn route_native(&mut self, request: &Request, key: Option<&str>) -> Routed {
        let caller = match self.callers.of(key) {
            Ok(caller) => caller,
            Err(problem) => return refused(problem),
        };
        let mut head = SubmitHead { content_type: None, traceparent: None };
        let call = match request {
            Request::Submit(submit) => {
                head.content_type = submit.content_type.as_deref().map(|text| self.share(text));
                head.traceparent = submit.traceparent.as_deref().map(Into::into);
                submit.call()
            }
            Request::Get(get) => get.call(),
            Request::GetContact(get) => get.call(),
            Request::Cancel(named) => named.id().map(|id| Call::Cancel { id }),
            Request::Retry(named) => named.id().map(|id| Call::Retry { id }),
            Request::Explain(named) => named.id().map(|id| Call::Explain { id }),
            Request::List(listing) => listing.tasks(),
            Request::Errors(listing) => listing.errors(),
            Request::Hello(_) | Request::Ping => unreachable!("these ask for nothing"),
        };
        self.routed(call, caller, head)
    }

    /// What a native client is told of the waits and of what else is the same for all.
    pub(crate) fn welcome(&self) -> Welcome {
        let millis = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        Welcome {
            wait_default_ms: millis(self.wait_default),
            wait_max_ms: millis(self.wait_max),
            ..Welcome::new(concat!("overtime/", env!("CARGO_PKG_VERSION")))
        }
    }

    fn routed(&self, call: Result<Call, Problem>, caller: Caller, head: SubmitHead) -> Routed {
        match call.and_then(|call| self.order(call, &caller, head)) {
            Ok(order) => Routed { order, caller },
            Err(problem) => refused(problem),
        }
    }

    fn order(&self, call: Call, caller: &Caller, head: SubmitHead) -> Result<Order, Problem> {
        Ok(match call {
            Call::Submit { kind: name, form, options, key } => {
                let (kind, lane) = self.kind_of(&name, form, caller)?;
                let wait = self.wait(options.wait);
                let key = key.map(|key| key.hash(caller.name(), form, &name));
                Order::Submit { kind, form, lane, options, wait, key, head }
            }
            Call::Task { id, wait } => Order::Document { task: id, wait: wait.min(self.wait_max) },
            Call::TaskErrors { id } => Order::Errors { task: id },
            Call::TaskEvents { id, after } => Order::Events { task: id, after },
            Call::TaskResult { id } => Order::Result { task: id },
            Call::Contact { email } => Order::Read(Query::State {
                key: Bytes::from(format!("contacts/{email}")),
                absent: Code::UnknownContact,
            }),
            Call::Cancel { id } => Order::Steer { task: id, wish: Wish::Cancel },
            Call::Retry { id } => Order::Steer { task: id, wish: Wish::Retry },
            Call::Tasks(filter) => Order::Read(Query::List(filter)),
            Call::Explain { id } => Order::Explain { task: id },
            // Errors are everybody's.
            Call::Errors(filter) => {
                caller.may_use(Lane::Control).map(|()| Order::Read(Query::Ledger(filter)))?
            }
            Call::Affected(filter) => {
                caller.may_use(Lane::Control).map(|()| Order::Read(Query::Affected(filter)))?
            }
            Call::Incidents(filter) => {
                caller.may_use(Lane::Control).map(|()| Order::Read(Query::Incidents(filter)))?
            }
            Call::Incident { id } => {
                caller.may_use(Lane::Control).map(|()| Order::Read(Query::Incident(id)))?
            }
            // They are everybody's.
            Call::Upstreams(order) => {
                caller.may_use(Lane::Control).map(|()| Order::Upstreams(order))?
            }
            Call::Repair(order) => caller.may_use(Lane::Control).map(|()| Order::Repair(order))?,
            Call::Repaired { print } => {
                caller.may_use(Lane::Control).map(|()| Order::ShowRepair { print })?
            }
        })
    }

    /// The kind of that name and the lane of such work, if it takes that form of it and the caller
    /// may use the lane.
    fn kind_of(
        &self,
        name: &KindName,
        form: Form,
        caller: &Caller,
    ) -> Result<(KindId, Lane), Problem> {
        // Work of the server's own is nobody else's to submit.
        let is_own = name.as_str().starts_with(OWN_KINDS);
        let kind = self.kinds.get(name.as_str()).filter(|_| !is_own);
        let unknown = || Problem::new(Code::UnknownKind, "no handler has this kind");
        let (id, kind) = kind.ok_or_else(unknown)?;
        // An upstream is called item by item, each with a key of its own.
        let is_called = kind.upstream.is_some();
        if (form, kind.reach) == (Form::Bulk, Reach::Outside) && !is_called {
            let detail = "The kind acts outside, which cannot be committed chunk by chunk.";
            return Err(Problem::new(Code::NotInBulk, detail));
        }
        let lane = kind.lane_of(form);
        caller.may_use(lane).map(|()| (*id, lane))
    }

    fn wait(&self, wait: Wait) -> Duration {
        match wait {
            Wait::Default => self.wait_default,
            Wait::For(wait) => wait.min(self.wait_max),
        }
    }

    fn share(&mut self, content_type: &str) -> Arc<str> {
        match &self.last_content_type {
            Some(last) if **last == *content_type => last.clone(),
            _ => {
                let shared: Arc<str> = content_type.into();
                self.last_content_type = Some(shared.clone());
                shared
            }
        }
    }
}

/// What is refused is done for nobody.
fn refused(problem: Problem) -> Routed {
    Routed { order: Order::Refuse(Box::new(problem)), caller: Caller::anybody() }
}
