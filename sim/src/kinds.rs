//! The kinds of the simulated server, and what a submission asks its handler to do. A payload
//! says all of it, so that a repetition is the same request and a later life finds it again.

use bytes::Bytes;
use overtime_protocol::{
    DEFAULT_TENANT, Durability, Form, Kind, KindId, Lane, Payload, Reach, RetryPolicy, TenantId,
};

/// How many keys of state there are: few, so that attempts conflict over them.
const STATE_KEYS: u64 = 4;

/// The kinds.
pub(crate) fn kinds() -> Vec<Kind> {
    let twice = RetryPolicy { attempts: 2, ..RetryPolicy::default() };
    vec![
        Kind::durable("echo").in_memory(),
        Kind::durable("note"),
        Kind::durable("call").acting_outside(),
        Kind { retry: twice, ..Kind::durable("twice") },
        Kind { lane: Lane::Control, ..Kind::durable("control") },
        Kind { lane: Lane::Bulk, ..Kind::durable("load") },
        Kind::durable("save"),
    ]
}

/// How many tenants there are.
pub(crate) const TENANTS: u64 = 3;

/// What the tenant of that number is called.
pub(crate) fn tenant_name(number: u64) -> String {
    if number == 0 { DEFAULT_TENANT.to_owned() } else { format!("tenant-{number}") }
}

/// What one piece of work is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Work {
    /// Names it: what it writes says so. A repetition under a key has the same.
    pub(crate) token: u64,
    pub(crate) kind: KindId,
    pub(crate) form: Form,
    /// In how many parts it writes; none writes all at its end.
    pub(crate) parts: u8,
    /// Whether it writes anything.
    pub(crate) writes: bool,
}

impl Work {
    /// What a token stands for: the kind and its form decide the rest.
    pub(crate) fn new(token: u64, kind: KindId, form: Form) -> Self {
        let kinds = kinds();
        let name = kinds[usize::from(kind.0)].name.as_str();
        let parts = if form == Form::Bulk || name == "save" { 1 + (token % 4) as u8 } else { 0 };
        // What acts outside and what is in memory has nothing to write.
        let writes = !matches!(name, "echo" | "call") || parts > 0;
        Self { token, kind, form, parts, writes }
    }

    /// Whose it is.
    pub(crate) fn tenant(&self) -> TenantId {
        TenantId((self.token % TENANTS) as u32)
    }

    /// The payload that says so, `len` bytes long or longer.
    pub(crate) fn payload(&self, len: usize) -> Payload {
        let mut bytes = self.token.to_le_bytes().to_vec();
        bytes.resize(len.max(8), b'.');
        Payload::seal(vec![bytes.into()])
    }

    /// What a worker reads out of it.
    pub(crate) fn read(segments: &[Bytes], kind: KindId, form: Form) -> Self {
        let bytes: Vec<u8> = segments.iter().flatten().take(8).copied().collect();
        let token = u64::from_le_bytes(bytes.try_into().expect("a payload begins with its token"));
        Self::new(token, kind, form)
    }

    /// The key of state that it writes.
    pub(crate) fn key(&self) -> Bytes {
        key(self.token % STATE_KEYS)
    }

    /// What it writes there with its part of that number; 0 is its end.
    pub(crate) fn entry(&self, part: u8) -> [u8; 8] {
        (self.token << 8 | u64::from(part)).to_le_bytes()
    }

    /// The numbers of all that it writes if it succeeds.
    pub(crate) fn entries(&self) -> impl Iterator<Item = u8> + use<> {
        let (first, last) = if self.parts > 0 { (1, self.parts) } else { (0, 0) };
        (first..=last).filter({
            let writes = self.writes;
            move |_| writes
        })
    }

    /// Whether a handler may start only when the acceptance is on disk.
    pub(crate) fn starts_durable(&self) -> bool {
        kinds()[usize::from(self.kind.0)].reach == Reach::Outside || self.form == Form::Bulk
    }

    /// Whether an answer may be given that is not on disk.
    pub(crate) fn may_be_forgotten(&self) -> bool {
        kinds()[usize::from(self.kind.0)].durability == Durability::Memory
    }
}

/// All keys of state.
pub(crate) fn keys() -> impl Iterator<Item = Bytes> {
    (0..STATE_KEYS).map(key)
}

fn key(number: u64) -> Bytes {
    format!("notes/{number}").into_bytes().into()
}
