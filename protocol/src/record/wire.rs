//! The head of a record as it is encoded. These structs are the format: a change to one of them
//! is a new version.

use super::{
    Acceptance, Advance, Change, DecodeError, EncodeError, HEAD_MAX_BYTES, Layout, Put, ReadMark,
    Record, StartMark,
};
use crate::encoding::{self, Decode, Encode};
use crate::fault::{Class, Fault, Source};
use crate::id::TaskId;
use crate::idempotency::{Claim, Fingerprint, KeyHash};
use crate::job::{Form, Product};
use crate::kind::{Durability, KindName};
use crate::lane::Lane;
use crate::payload::Payload;
use crate::task::{Document, Progress, TaskState};
use crate::time::UnixMillis;
use bytes::Bytes;
use std::borrow::Cow;
use std::time::Duration;

/// Appends the head of `record`.
pub(super) fn write_head(record: &Record, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let head = HeadRef::of(record);
    encoding::append::<HEAD_MAX_BYTES>(head, out).map_err(|_| EncodeError::HeadTooLarge)
}

/// Reads a head and how many bytes it took.
pub(super) fn read_head(bytes: &[u8]) -> Result<(Head, usize), DecodeError> {
    encoding::read::<HEAD_MAX_BYTES, _>(bytes).ok_or(DecodeError::Malformed("its head"))
}

#[derive(Encode)]
struct HeadRef<'a> {
    task: u64,
    attempt: u32,
    at: u64,
    claim: Option<([u8; 16], [u8; 16])>,
    acceptance: Option<AcceptanceRef<'a>>,
    change: Option<ChangeRef<'a>>,
    puts: Vec<PutRef<'a>>,
}

#[derive(Encode)]
struct AcceptanceRef<'a> {
    kind: &'a str,
    lane: u8,
    tenant: &'a str,
    created_at: u64,
    due_at: Option<u64>,
    urgency: u8,
    content_type: Option<&'a str>,
    traceparent: Option<&'a str>,
    form: u8,
    payload_len: u64,
    /// Whether the payload is in a file of its own and not behind the head.
    spooled: bool,
}

#[derive(Encode)]
enum ChangeRef<'a> {
    Started { at: u64, isolated: bool, crashes: u8 },
    Retrying { next_at: u64, fault: FaultRef<'a> },
    Parked(DocumentRef<'a>),
    Finished(DocumentRef<'a>, Option<ProductRef<'a>>),
    Advanced { cursor: &'a [u8], progress: (u64, Option<u64>) },
    Resumed,
    CancelAsked,
}

#[derive(Encode)]
struct ProductRef<'a> {
    content_type: Option<&'a str>,
    body_len: u64,
}

#[derive(Encode)]
struct FaultRef<'a> {
    code: &'a str,
    detail: &'a str,
    source: u8,
    class: u8,
    retry_after_ms: Option<u64>,
    members: Option<&'a str>,
}

#[derive(Encode)]
struct DocumentRef<'a> {
    kind: &'a str,
    lane: u8,
    state: u8,
    attempts: u32,
    created_at: u64,
    started_at: Option<u64>,
    finished_at: Option<u64>,
    progress: Option<(u64, Option<u64>)>,
    fault: Option<FaultRef<'a>>,
    tenant: &'a str,
}

#[derive(Encode)]
struct PutRef<'a> {
    key: &'a [u8],
    value_len: Option<u64>,
}

impl<'a> HeadRef<'a> {
    fn of(record: &'a Record) -> Self {
        Self {
            task: record.task.key(),
            attempt: record.attempt,
            at: record.at.0,
            claim: record.claim.map(|claim| (claim.key.0, claim.fingerprint.0)),
            acceptance: record.acceptance.as_ref().map(AcceptanceRef::of),
            change: record.change.as_ref().map(ChangeRef::of),
            puts: record.puts.iter().map(PutRef::of).collect(),
        }
    }
}

impl<'a> AcceptanceRef<'a> {
    fn of(acceptance: &'a Acceptance) -> Self {
        Self {
            kind: acceptance.kind.as_str(),
            lane: acceptance.lane as u8,
            tenant: &acceptance.tenant,
            created_at: acceptance.created_at.0,
            due_at: acceptance.due_at.map(|at| at.0),
            urgency: acceptance.urgency,
            content_type: acceptance.content_type.as_deref(),
            traceparent: acceptance.traceparent.as_deref(),
            form: acceptance.form.number(),
            payload_len: acceptance.payload.len(),
            spooled: acceptance.payload.is_spooled(),
        }
    }
}

impl<'a> ChangeRef<'a> {
    fn of(change: &'a Change) -> Self {
        match change {
            Change::Started(StartMark { at, isolated, crashes }) => {
                Self::Started { at: at.0, isolated: *isolated, crashes: *crashes }
            }
            Change::Retrying { next_at, fault } => {
                Self::Retrying { next_at: next_at.0, fault: FaultRef::of(fault) }
            }
            Change::Advanced(Advance { cursor, progress }) => {
                Self::Advanced { cursor, progress: (progress.done, progress.total) }
            }
            Change::Parked(document) => Self::Parked(DocumentRef::of(document)),
            Change::Finished(document, product) => {
                Self::Finished(DocumentRef::of(document), product.as_ref().map(ProductRef::of))
            }
            Change::Resumed => Self::Resumed,
            Change::CancelAsked => Self::CancelAsked,
        }
    }
}

impl<'a> ProductRef<'a> {
    fn of(product: &'a Product) -> Self {
        let content_type = product.content_type.as_deref();
        Self { content_type, body_len: product.body.len() as u64 }
    }
}

impl<'a> FaultRef<'a> {
    fn of(fault: &'a Fault) -> Self {
        let retry_after_ms =
            fault.retry_after.map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
        Self {
            code: &fault.code,
            detail: &fault.detail,
            source: fault.source as u8,
            class: fault.class as u8,
            retry_after_ms,
            members: fault.members.as_deref(),
        }
    }
}

impl<'a> DocumentRef<'a> {
    fn of(document: &'a Document) -> Self {
        Self {
            kind: document.kind.as_str(),
            lane: document.lane as u8,
            state: document.state.number(),
            attempts: document.attempts,
            created_at: document.created_at.0,
            started_at: document.started_at.map(|at| at.0),
            finished_at: document.finished_at.map(|at| at.0),
            progress: document.progress.map(|progress| (progress.done, progress.total)),
            fault: document.fault.as_ref().map(FaultRef::of),
            tenant: &document.tenant,
        }
    }
}

impl<'a> PutRef<'a> {
    fn of(put: &'a Put) -> Self {
        Self { key: &put.key, value_len: put.value.as_ref().map(|value| value.len() as u64) }
    }
}

#[derive(Decode)]
pub(super) struct Head {
    task: u64,
    attempt: u32,
    at: u64,
    claim: Option<([u8; 16], [u8; 16])>,
    acceptance: Option<WireAcceptance>,
    change: Option<WireChange>,
    puts: Vec<WirePut>,
}

#[derive(Decode)]
struct WireAcceptance {
    kind: String,
    lane: u8,
    tenant: String,
    created_at: u64,
    due_at: Option<u64>,
    urgency: u8,
    content_type: Option<String>,
    traceparent: Option<String>,
    form: u8,
    payload_len: u64,
    spooled: bool,
}

#[derive(Decode)]
enum WireChange {
    Started { at: u64, isolated: bool, crashes: u8 },
    Retrying { next_at: u64, fault: WireFault },
    Parked(WireDocument),
    Finished(WireDocument, Option<WireProduct>),
    Advanced { cursor: Vec<u8>, progress: (u64, Option<u64>) },
    Resumed,
    CancelAsked,
}

#[derive(Decode)]
struct WireProduct {
    content_type: Option<String>,
    body_len: u64,
}

#[derive(Decode)]
struct WireFault {
    code: String,
    detail: String,
    source: u8,
    class: u8,
    retry_after_ms: Option<u64>,
    members: Option<String>,
}

#[derive(Decode)]
struct WireDocument {
    kind: String,
    lane: u8,
    state: u8,
    attempts: u32,
    created_at: u64,
    started_at: Option<u64>,
    finished_at: Option<u64>,
    progress: Option<(u64, Option<u64>)>,
    fault: Option<WireFault>,
    tenant: String,
}

#[derive(Decode)]
struct WirePut {
    key: Vec<u8>,
    value_len: Option<u64>,
}

/// Takes the raw parts off the record's bytes, front to back.
struct Parts<'a> {
    bytes: &'a Bytes,
    at: usize,
}

impl Parts<'_> {
    fn take(&mut self, len: u64) -> Result<Bytes, DecodeError> {
        let end = usize::try_from(len).ok().and_then(|len| self.at.checked_add(len));
        let end = end.filter(|&end| end <= self.bytes.len());
        let end = end.ok_or(DecodeError::Malformed("a part reaches behind its end"))?;
        let part = self.bytes.slice(self.at..end);
        self.at = end;
        Ok(part)
    }
}

impl Head {
    /// Joins the head with the raw parts that start at `parts_start`.
    pub(super) fn into_record(
        self,
        bytes: &Bytes,
        parts_start: usize,
    ) -> Result<(Record, Layout), DecodeError> {
        let mut parts = Parts { bytes, at: parts_start };
        let task = TaskId::from_key(self.task).ok_or(DecodeError::Malformed("its task id"))?;
        let acceptance =
            self.acceptance.map(|wire| wire.into_acceptance(&mut parts)).transpose()?;
        let product_start = parts.at;
        let change = self.change.map(|wire| wire.into_change(task, &mut parts)).transpose()?;
        let values_start = parts.at;
        let puts = self.puts.into_iter().map(|wire| wire.into_put(&mut parts));
        let puts = puts.collect::<Result<_, _>>()?;
        if parts.at != bytes.len() {
            return Err(DecodeError::Malformed("bytes are left behind its parts"));
        }
        let layout = Layout {
            payload: parts_start..product_start,
            product: product_start..values_start,
            values_start,
        };
        let claim = self.claim.map(|(key, fingerprint)| Claim {
            key: KeyHash(key),
            fingerprint: Fingerprint(fingerprint),
        });
        let plain = Record::new(task, UnixMillis(self.at));
        let attempt = self.attempt;
        Ok((Record { attempt, claim, acceptance, change, puts, ..plain }, layout))
    }
}

impl WireAcceptance {
    fn into_acceptance(self, parts: &mut Parts<'_>) -> Result<Acceptance, DecodeError> {
        let form = Form::from_number(self.form).ok_or(DecodeError::Malformed("a form"))?;
        Ok(Acceptance {
            kind: kind(&self.kind)?,
            lane: lane(self.lane)?,
            tenant: self.tenant.into(),
            created_at: UnixMillis(self.created_at),
            due_at: self.due_at.map(UnixMillis),
            urgency: self.urgency,
            content_type: self.content_type.map(Into::into),
            traceparent: self.traceparent.map(Into::into),
            form,
            payload: payload(self.payload_len, self.spooled, parts)?,
        })
    }
}

impl WireChange {
    fn into_change(self, task: TaskId, parts: &mut Parts<'_>) -> Result<Change, DecodeError> {
        Ok(match self {
            Self::Started { at, isolated, crashes } => {
                Change::Started(StartMark { at: UnixMillis(at), isolated, crashes })
            }
            Self::Retrying { next_at, fault } => {
                Change::Retrying { next_at: UnixMillis(next_at), fault: fault.into_fault()? }
            }
            Self::Advanced { cursor, progress: (done, total) } => {
                let progress = Progress { done, total };
                Change::Advanced(Advance { cursor: cursor.into(), progress })
            }
            Self::Parked(document) => Change::Parked(Box::new(document.into_document(task)?)),
            Self::Finished(document, product) => {
                let document = Box::new(document.into_document(task)?);
                let product = product.map(|wire| wire.into_product(parts)).transpose()?;
                Change::Finished(document, product)
            }
            Self::Resumed => Change::Resumed,
            Self::CancelAsked => Change::CancelAsked,
        })
    }
}

impl WireProduct {
    fn into_product(self, parts: &mut Parts<'_>) -> Result<Product, DecodeError> {
        let body = parts.take(self.body_len)?;
        Ok(Product { content_type: self.content_type.map(Into::into), body })
    }
}

impl WireFault {
    fn into_fault(self) -> Result<Fault, DecodeError> {
        let source = match self.source {
            0 => Source::Server,
            1 => Source::Task,
            2 => Source::Upstream,
            _ => return Err(DecodeError::Malformed("the source of a fault")),
        };
        let class = match self.class {
            0 => Class::Ephemeral,
            1 => Class::Persistent,
            _ => return Err(DecodeError::Malformed("the class of a fault")),
        };
        let retry_after = self.retry_after_ms.map(Duration::from_millis);
        let (code, detail) = (Cow::Owned(self.code), self.detail);
        let members = self.members.map(String::into_boxed_str);
        Ok(Fault { code, detail, source, class, retry_after, members })
    }
}

impl WireDocument {
    fn into_document(self, id: TaskId) -> Result<Document, DecodeError> {
        let state = TaskState::from_number(self.state);
        Ok(Document {
            id,
            kind: kind(&self.kind)?,
            lane: lane(self.lane)?,
            state: state.ok_or(DecodeError::Malformed("a task's state"))?,
            attempts: self.attempts,
            created_at: UnixMillis(self.created_at),
            started_at: self.started_at.map(UnixMillis),
            finished_at: self.finished_at.map(UnixMillis),
            next_attempt_at: None,
            progress: self.progress.map(|(done, total)| Progress { done, total }),
            fault: self.fault.map(WireFault::into_fault).transpose()?,
            tenant: self.tenant.into(),
            durability: Durability::Disk,
        })
    }
}

impl WirePut {
    fn into_put(self, parts: &mut Parts<'_>) -> Result<Put, DecodeError> {
        let value = self.value_len.map(|len| parts.take(len)).transpose()?;
        let read = ReadMark::At { lsn: 0, watermark: 0 };
        Ok(Put { key: self.key.into(), value, read })
    }
}

fn payload(len: u64, is_spooled: bool, parts: &mut Parts<'_>) -> Result<Payload, DecodeError> {
    if is_spooled {
        return Ok(Payload::spooled(len));
    }
    let bytes = parts.take(len)?;
    Ok(Payload::seal(if bytes.is_empty() { Vec::new() } else { vec![bytes] }))
}

fn kind(name: &str) -> Result<KindName, DecodeError> {
    KindName::new(name).ok_or(DecodeError::Malformed("the name of a kind"))
}

fn lane(number: u8) -> Result<Lane, DecodeError> {
    let lane = crate::lane::LANES.get(usize::from(number)).copied();
    lane.ok_or(DecodeError::Malformed("a lane"))
}
