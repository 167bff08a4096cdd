//! All that can start work in the engine, and all that it can want done.

use crate::gate::GateNews;
use crate::rates::RateChange;
use overtime_protocol::keyring::KeyRing;
use overtime_protocol::repair::RepairOrder;
use overtime_protocol::{
    Answer, Append, CallGrant, CallReport, Chain, ChainNumber, Chunk, Completion, Explanation,
    Finding, Form, Inquiry, KeyHash, KindId, KindName, Lane, MemoryPressure, Payload, Read,
    ReplyTo, Ruling, Sighted, SpoolOrder, Spooled, TaskEvent, TaskId, TenantId, Ticket, Unfinished,
    UpstreamOrder, Verdict,
};
use std::sync::Arc;
use std::time::Duration;

/// What happened.
#[derive(Debug)]
pub enum Event {
    /// A request to run something was fully read.
    Submitted(Submission),
    /// A caller asks for a task.
    Asked(Ask),
    /// A caller asks why a task is where it is.
    AskedWhy {
        /// Whom to answer.
        reply_to: ReplyTo,
        /// Whose tasks that caller sees.
        scope: Sight,
        /// Which task.
        task: TaskId,
    },
    /// A caller wants all tasks that are parked for one reason to run again, or to end.
    RepairAsked {
        /// Whom to answer.
        reply_to: ReplyTo,
        /// What is to be done.
        order: Box<RepairOrder>,
    },
    /// A caller asks how far a repair is.
    RepairShown {
        /// Whom to answer.
        reply_to: ReplyTo,
        /// The print of the fault.
        print: u64,
    },
    /// A caller wants to see upstreams, or to steer one.
    UpstreamsAsked {
        /// Whom to answer.
        reply_to: ReplyTo,
        /// What.
        order: UpstreamOrder,
    },
    /// A caller wants something done with a task.
    Steered(Steer),
    /// An attempt came back.
    Completed {
        /// What came back.
        completion: Completion,
        /// With the last job of a chain: what its worker is free of.
        freed: Option<Freed>,
    },
    /// A chain was recalled.
    Recalled {
        /// Which.
        chain: ChainNumber,
        /// The place of the first job that was taken back; behind the last if there was none.
        from: usize,
    },
    /// A worker wants a part of its attempt appended, and waits for the ruling.
    Advanced {
        /// What it did.
        chunk: Chunk,
        /// The chain that it works on.
        chain: ChainNumber,
    },
    /// The worker of a bulk body tells of its calls to an upstream, and may want more.
    CallsReported {
        /// Whose.
        task: TaskId,
        /// Which run of it.
        run: u32,
        /// The chain that it works on.
        chain: ChainNumber,
        /// What.
        report: CallReport,
    },
    /// The spool said what became of a payload.
    Spooled {
        /// Whose payload.
        task: TaskId,
        /// What became of it.
        outcome: Spooled,
    },
    /// The journal said what became of an append.
    Judged(Verdict),
    /// The journal has found what was inquired.
    Found {
        /// Which inquiry.
        ticket: Ticket,
        /// What.
        finding: Finding,
    },
    /// The journal has found what a list may show; how the live ones stand is to be said.
    Sighted {
        /// Whom the list is for.
        reply_to: ReplyTo,
        /// What.
        sighted: Box<Sighted>,
    },
    /// A worker that was wanted by [`Effect::Hire`] is there and has nothing to do.
    Hired,
    /// The system has refused one that was wanted.
    NotHired,
    /// Tasks that a former process accepted and did not finish. `clean` says that it closed the
    /// journal in order, so that no crash is to be explained.
    Recovered {
        /// The tasks.
        unfinished: Vec<Unfinished>,
        /// Whether the former process ended in order.
        clean: bool,
    },
    /// Whether the journal's archive is so far behind that what nobody waits for should wait.
    Strained(bool),
    /// All tasks of the former process were told.
    RecoveryEnded,
    /// Somebody follows this task from here on, live or not: what becomes durable of it is
    /// published. Whether that caller sees the task, the journal says with the first page of its past.
    Followed(TaskId),
    /// Nobody follows it any more.
    Unfollowed(TaskId),
    /// There is enough room on the disk, or there is not.
    Space {
        /// Whether what is left is kept for work that was accepted.
        is_low: bool,
        /// Kinds whose tasks take more than their share.
        over: Vec<KindName>,
    },
    /// What tenants may do from here on.
    Policies(Arc<KeyRing>),
    /// How close the process is to the end of its memory.
    MemoryPressure(MemoryPressure),
    /// The journal cannot write any more. Nothing is acknowledged from here on.
    JournalFailed,
    /// From here on new tasks are refused.
    DrainStarted,
    /// From here on nobody waits for work any more: whoever does gets 202 once that is durable.
    GraceEnded,
}

/// What an operator is told.
#[derive(Clone, Debug)]
pub enum Notice {
    /// The attempts of a kind fail more or less often than they used to.
    Rate(RateChange),
    /// An upstream has turned bad, or well again.
    Gate(GateNews),
}

/// A chain that is through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Freed {
    /// Which.
    pub chain: ChainNumber,
    /// The lane that gets its credit back.
    pub lane: Lane,
}

/// Whose tasks a caller sees: those of one tenant, or everybody's while no keys are configured. A task
/// that it does not see is to it as if it did not exist.
pub type Sight = Option<TenantId>;

/// A request to run something.
#[derive(Debug)]
pub struct Submission {
    /// Whom to answer.
    pub reply_to: ReplyTo,
    /// Whose work it is.
    pub tenant: TenantId,
    /// What handles it.
    pub kind: KindId,
    /// What the payload's bytes are.
    pub form: Form,
    /// How long the caller waits, capped; zero asks for 202 as soon as the task is durable.
    pub wait: Duration,
    /// RFC 9218 urgency, 0 (first) to 7.
    pub urgency: u8,
    /// The first start is no earlier than this.
    pub delay: Duration,
    /// What stands for its idempotency key.
    pub key: Option<KeyHash>,
    /// Whether it is refused if a task with that key has not ended yet, instead of waiting for it.
    pub strict: bool,
    /// The payload.
    pub payload: Payload,
    /// The payload's content type, as sent.
    pub content_type: Option<Arc<str>>,
    /// The caller's trace context, as sent.
    pub traceparent: Option<Arc<str>>,
}

/// A question about one task.
#[derive(Clone, Copy, Debug)]
pub struct Ask {
    /// Whom to answer.
    pub reply_to: ReplyTo,
    /// Whose tasks that caller sees.
    pub scope: Sight,
    /// Which task.
    pub task: TaskId,
    /// What about it.
    pub wants: Wants,
    /// How long the caller waits for the task to end, capped.
    pub wait: Duration,
}

/// What is to be done with one task.
#[derive(Clone, Copy, Debug)]
pub struct Steer {
    /// Whom to answer.
    pub reply_to: ReplyTo,
    /// Whose tasks that caller sees.
    pub scope: Sight,
    /// Which task.
    pub task: TaskId,
    /// What.
    pub wish: Wish,
}

/// What can be done with a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// It is to end as cancelled: a parked one is discarded thereby.
    Cancel,
    /// It is parked, and is to run again.
    Retry,
}

/// What a caller wants to be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wants {
    /// The result, or 202 while there is none.
    Result,
    /// The task's document, finished or not.
    Document,
    /// That it is cancelled.
    Cancellation,
    /// That it runs again.
    Resumption,
}

/// What is to be done.
#[derive(Debug)]
pub enum Effect {
    /// Send this answer. Every request gets exactly one.
    Reply {
        /// To whom.
        to: ReplyTo,
        /// What.
        answer: Answer,
    },
    /// Send this explanation, with the name of the worker that has the chain.
    Explain {
        /// To whom.
        to: ReplyTo,
        /// What.
        explanation: Box<Explanation>,
        /// The chain in which a worker has the task.
        chain: Option<ChainNumber>,
    },
    /// Hand this to a free worker of the chain's lane; there is one, by the engine's credits.
    Dispatch(Chain),
    /// Start one more foreground worker, and say what came of it.
    Hire,
    /// Let so many idle foreground workers go; there are as many, by the engine's credits.
    Retire(usize),
    /// Take back what is not started of this chain, and say how much it was.
    Recall(ChainNumber),
    /// Ask the worker of this chain to stop the job at that place.
    Cancel {
        /// Which chain.
        chain: ChainNumber,
        /// Which of its jobs, from 0.
        place: usize,
    },
    /// Tell the worker of this chain what became of its chunk.
    Rule {
        /// Which chain.
        chain: ChainNumber,
        /// What.
        ruling: Ruling,
    },
    /// Tell the worker of this chain which calls it may make.
    Grant {
        /// Which chain.
        chain: ChainNumber,
        /// Which.
        grant: CallGrant,
    },
    /// Have the spool do this.
    Spool(SpoolOrder),
    /// Tell an operator.
    Notice(Box<Notice>),
    /// Append this to the journal.
    Append(Append),
    /// Have the journal answer this.
    Read(Read),
    /// Have the journal find this for the engine.
    Inquire(Inquiry),
    /// Tell those who follow this task.
    Publish {
        /// Which task.
        task: TaskId,
        /// What is durable now.
        event: TaskEvent,
    },
}
