//! The words of overtime: what a task, a job, a completion and a problem are, and how they look
//! as bytes. Everything here is sans-I/O: bytes in, values out, and back. It never opens a socket
//! or a file, never reads a clock (except [`Clock`], which its holder must be given), and never
//! looks inside a [`Payload`], for which it has no parser.

mod answer;
mod append;
mod encoding;
mod event;
mod explanation;
mod fault;
mod history;
mod hurt;
mod id;
mod idempotency;
mod incident;
mod job;
mod kept;
mod kind;
mod lane;
mod listing;
mod lookup;
mod payload;
mod pressure;
mod problem;
mod rate_limit;
mod segments;
mod sync;
mod task;
mod tenant;
mod time;
mod upstream;

pub mod bulk;
pub mod call;
pub mod http;
pub mod json;
pub mod keyring;
pub mod native;
pub mod record;
pub mod repair;

pub use answer::{Account, Answer, Idempotency, Timing};
pub use append::{
    Append, Fate, Recovered, ReplyTo, SpoolOrder, Spooled, Ticket, Unfinished, Verdict,
};
pub use event::{News, TaskEvent};
pub use explanation::{Explanation, WaitsFor};
pub use fault::{Class, Fault, Source};
pub use history::{
    CALLS_SPACE, HOUR, HOUR_SPACE, HOURS_KEPT, HistoryFilter, Hour, KeptCall, KeptEnd, hour_name,
    hour_of,
};
pub use hurt::{
    Hurt, HurtEntry, hurt_key, hurt_tenant, hurt_value, hurts_before, hurts_behind, hurts_of,
    read_hurt,
};
pub use id::{Epoch, TaskId, TaskIdMint};
pub use idempotency::{Claim, Fingerprint, IdempotencyKey, KeyHash};
pub use incident::{
    Incident, IncidentId, IncidentNews, Moment, OWN_KINDS, SERVER_TENANT, Subject, WEBHOOK_KINDS,
    incident_key, incidents_before, keep_open_incidents, open_incidents_key, read_open_incidents,
};
pub use job::{
    Announce, Chain, ChainNumber, Chunk, Claims, Completion, Form, Go, Job, Outcome, Product,
    Ruling,
};
pub use kept::{keep, kept_key, read_kept};
pub use kind::{Durability, Kind, KindId, KindName, Reach, RetryPolicy};
pub use lane::{LANES, Lane, PerLane};
pub use listing::{Entry, Sheet, Sighted};
pub use lookup::{
    AffectedFilter, EventPage, Finding, Holder, IncidentFilter, Inquiry, LedgerFilter, Lookup,
    Query, Question, Read, TaskFilter, Unsteerable,
};
pub use payload::{Opener, Payload};
pub use pressure::MemoryPressure;
pub use problem::{Aside, Code, Problem, Submitted};
pub use rate_limit::RateLimit;
pub use segments::{SegmentPool, SegmentSizes};
pub use task::{Document, Progress, TaskState};
pub use tenant::{DEFAULT_TENANT, LaneSet, Policy, Rate, Scope, TenantId, TenantName};
pub use time::{Clock, Dial, Monotonic, NoMoment, Now, UnixMillis};
pub use upstream::{
    CallEnd, CallFailure, CallGrant, CallNumber, CallReport, GateMode, Upstream, UpstreamId,
    UpstreamName, UpstreamOrder,
};
