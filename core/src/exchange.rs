//! An exchange: one request and its answer, from its head on.

use bytes::Bytes;
use overtime_engine::Wish;
use overtime_protocol::call::{self, Call, Hosts, SubmitOptions, Wait};
use overtime_protocol::http::{Field, Head, ReplyContext};
use overtime_protocol::native::{Request, Welcome};
use overtime_protocol::repair::RepairOrder;
use overtime_protocol::{Code, Form, KeyHash, Kind, KindId, Lane, Problem, Query, Reach, TaskId};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// Whose all requests are while nobody is asked for a key.
const TENANT: &str = "default";

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
    /// Ask the journal.
    Read(Query),
    /// Say why not, once the body is out of the way.
    Refuse(Box<Problem>),
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
        Self { kinds, hosts, wait_default, wait_max, last_content_type: None }
    }

    /// What the head asks for, and how its answer is to look.
    pub(crate) fn route(&mut self, head: &Head) -> (Order, ReplyContext) {
        let mut context = ReplyContext::of(head);
        let call = self.hosts.check(head).and_then(|()| call::parse(head));
        if let Ok(Call::Submit { options, .. }) = &call
            && options.wait_preferred
        {
            // A preference is told in whole seconds, rounded down: no more is promised than is kept.
            let wait = self.wait(options.wait).as_secs();
            context.wait_applied = Some(u32::try_from(wait).unwrap_or(u32::MAX));
        }
        let content_type = head.field(Field::ContentType).map(|text| self.share(text));
        let traceparent = head.field(Field::Traceparent).map(Into::into);
        (self.order(call, SubmitHead { content_type, traceparent }), context)
    }

    /// What a native request asks for: the same as its counterpart over HTTP.
    pub(crate) fn route_native(&mut self, request: &Request) -> Order {
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
        self.order(call, head)
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

    fn order(&self, call: Result<Call, Problem>, head: SubmitHead) -> Order {
        match call {
            Ok(Call::Submit { kind: name, form, options, key }) => {
                match self.kinds.get(name.as_str()) {
                    Some((_, kind)) if kind.reach == Reach::Outside && form == Form::Bulk => {
                        refuse(Problem::new(
                            Code::NotInBulk,
                            "The kind acts outside, which cannot be committed chunk by chunk.",
                        ))
                    }
                    Some((id, kind)) => {
                        let (kind, lane) = (*id, kind.lane_of(form));
                        let wait = self.wait(options.wait);
                        let key = key.map(|key| key.hash(TENANT, form, &name));
                        Order::Submit { kind, form, lane, options, wait, key, head }
                    }
                    None => refuse(Problem::new(Code::UnknownKind, "no handler has this kind")),
                }
            }
            Ok(Call::Task { id, wait }) => {
                Order::Document { task: id, wait: wait.min(self.wait_max) }
            }
            Ok(Call::TaskErrors { id }) => Order::Errors { task: id },
            Ok(Call::TaskEvents { id, after }) => Order::Events { task: id, after },
            Ok(Call::TaskResult { id }) => Order::Result { task: id },
            Ok(Call::Contact { email }) => Order::Read(Query::State {
                key: Bytes::from(format!("contacts/{email}")),
                absent: Code::UnknownContact,
            }),
            Ok(Call::Cancel { id }) => Order::Steer { task: id, wish: Wish::Cancel },
            Ok(Call::Retry { id }) => Order::Steer { task: id, wish: Wish::Retry },
            Ok(Call::Tasks(filter)) => Order::Read(Query::List(filter)),
            Ok(Call::Errors(filter)) => Order::Read(Query::Ledger(filter)),
            Ok(Call::Affected(filter)) => Order::Read(Query::Affected(filter)),
            Ok(Call::Explain { id }) => Order::Explain { task: id },
            Ok(Call::Repair(order)) => Order::Repair(order),
            Ok(Call::Repaired { print }) => Order::ShowRepair { print },
            Err(problem) => refuse(problem),
        }
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

fn refuse(problem: Problem) -> Order {
    Order::Refuse(Box::new(problem))
}
