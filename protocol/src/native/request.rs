//! What a client says. These structs are the format: a change to one of them is a new version,
//! but for [`Hello`], which may only grow at its end. It never says what is done about it.

use super::VERSION;
use super::message::{HeaderTooLarge, Message, Place, Rule, Sealed, append, exact, first, growing};
use crate::encoding::{Decode, Encode, by_number};
use crate::job::Form;
use crate::payload::Payload;
use bytes::Bytes;
use std::fmt;

/// What a client says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Who speaks: the first frame, and only the first.
    Hello(Hello),
    /// Run something.
    Submit(Box<Submit>),
    /// Show a task or its result.
    Get(Get),
    /// Show a contact.
    GetContact(GetContact),
    /// Say that you are there.
    Ping,
    /// Cancel a task.
    Cancel(Named),
    /// Run a parked task again.
    Retry(Named),
    /// Say why a task is where it is.
    Explain(Named),
    /// List tasks.
    List(Listing),
    /// List the errors of tasks.
    Errors(Listing),
}

impl Message for Request {
    type Payload = Payload;
}

impl Sealed for Request {
    fn rule(kind: u8) -> Option<Rule> {
        match kind {
            0x01 => Some(Rule::connection(false, Place::First)),
            0x02 => Some(Rule::request(true)),
            0x03..=0x0A => Some(Rule::request(false)),
            _ => None,
        }
    }

    fn read(kind: u8, header: &[u8]) -> Option<Self> {
        match kind {
            0x01 => Hello::read(header).map(Self::Hello),
            0x02 => exact(header).map(|submit| Self::Submit(Box::new(submit))),
            0x03 => exact(header).map(Self::Get),
            0x04 => exact(header).map(Self::GetContact),
            0x05 => exact(header).map(|()| Self::Ping),
            0x06 => exact(header).map(Self::Cancel),
            0x07 => exact(header).map(Self::Retry),
            0x08 => exact(header).map(Self::Explain),
            0x09 => exact(header).map(Self::List),
            0x0A => exact(header).map(Self::Errors),
            _ => None,
        }
    }

    fn kind(&self) -> u8 {
        match self {
            Self::Hello(_) => 0x01,
            Self::Submit(_) => 0x02,
            Self::Get(_) => 0x03,
            Self::GetContact(_) => 0x04,
            Self::Ping => 0x05,
            Self::Cancel(_) => 0x06,
            Self::Retry(_) => 0x07,
            Self::Explain(_) => 0x08,
            Self::List(_) => 0x09,
            Self::Errors(_) => 0x0A,
        }
    }

    fn write_header(&self, out: &mut Vec<u8>) -> Result<(), HeaderTooLarge> {
        match self {
            Self::Hello(hello) => hello.write(out),
            Self::Submit(submit) => append(submit, out),
            Self::Get(get) => append(get, out),
            Self::GetContact(get) => append(get, out),
            Self::Ping => Ok(()),
            Self::Cancel(named) | Self::Retry(named) | Self::Explain(named) => append(named, out),
            Self::List(listing) | Self::Errors(listing) => append(listing, out),
        }
    }

    fn seal(segments: Vec<Bytes>) -> Payload {
        Payload::seal(segments)
    }
}

/// The first frame of a connection: who speaks, and in which versions.
#[derive(Clone, PartialEq, Eq)]
pub struct Hello {
    /// The oldest version that the client speaks.
    pub version_min: u8,
    /// The newest.
    pub version_max: u8,
    /// The client's name and version, for people.
    pub client: Box<str>,
    /// The key that says whose requests these are. It was added: a client that has none says
    /// nothing of it, as clients did before there were keys.
    pub key: Option<Box<str>>,
}

/// What every hello holds.
#[derive(Encode, Decode)]
struct Greeting {
    version_min: u8,
    version_max: u8,
    client: Box<str>,
}

impl fmt::Debug for Hello {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { version_min, version_max, client, key } = self;
        write!(f, "Hello {{ {version_min} to {version_max}, {client:?}, ")?;
        f.write_str(if key.is_some() { "with a key }" } else { "without a key }" })
    }
}

impl Hello {
    /// The hello of a client that speaks this version.
    pub fn from(client: &str) -> Self {
        Self { version_min: VERSION, version_max: VERSION, client: client.into(), key: None }
    }

    fn read(header: &[u8]) -> Option<Self> {
        let (greeting, len) = first::<Greeting>(header)?;
        let Greeting { version_min, version_max, client } = greeting;
        let key = match &header[len..] {
            [] => None,
            // A client that has more to say and no key says that it is empty.
            rest => Some(growing::<Box<str>>(rest)?).filter(|key| !key.is_empty()),
        };
        Some(Self { version_min, version_max, client, key })
    }

    fn write(&self, out: &mut Vec<u8>) -> Result<(), HeaderTooLarge> {
        let Self { version_min, version_max, .. } = *self;
        append(Greeting { version_min, version_max, client: self.client.clone() }, out)?;
        self.key.as_ref().map_or(Ok(()), |key| append(key, out))
    }

    /// The newest version that both sides speak.
    pub fn version(&self) -> Option<u8> {
        (self.version_min..=self.version_max).contains(&VERSION).then_some(VERSION)
    }
}

/// `POST /v1/tasks/{kind}` and `POST /v1/bulk/{kind}`; the payload is the body.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Submit {
    /// The name of the kind.
    pub kind: Box<str>,
    /// Whether the payload is one input or many.
    pub form: Form,
    /// How long to wait; `None` is the server's default.
    pub wait_ms: Option<u64>,
    /// Answer as soon as the task is on disk, unless a wait stands beside it.
    pub respond_async: bool,
    /// `Prefer: handling=strict`.
    pub strict: bool,
    /// RFC 9218 urgency, 0 (first) to 7.
    pub urgency: u8,
    /// Do not start before that.
    pub delay_ms: u64,
    /// The payload's content type.
    pub content_type: Option<Box<str>>,
    /// The caller's trace context (W3C Trace Context).
    pub traceparent: Option<Box<str>>,
    /// The key under which the same request is the same task.
    pub idempotency_key: Option<Box<str>>,
}

impl Submit {
    /// A submission of one input that says nothing but the kind.
    pub fn to(kind: &str) -> Self {
        Self {
            kind: kind.into(),
            form: Form::Single,
            wait_ms: None,
            respond_async: false,
            strict: false,
            urgency: 3,
            delay_ms: 0,
            content_type: None,
            traceparent: None,
            idempotency_key: None,
        }
    }
}

/// What of a task is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Part {
    /// Its document.
    Document,
    /// Its result.
    Result,
    /// Why items of a bulk task failed.
    Errors,
}

/// `GET /v1/tasks/{id}`, `GET /v1/tasks/{id}/result` and `GET /v1/tasks/{id}/errors`.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Get {
    /// The task's id, a ULID in ASCII.
    pub task: [u8; 26],
    /// What of it.
    pub part: Part,
    /// How long to wait for its end; for documents only.
    pub wait_ms: Option<u64>,
    /// The tag of the document that the client has.
    pub known_tag: Option<[u8; 18]>,
}

/// `GET /v1/contacts/{email}`.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct GetContact {
    /// Names the contact, in any case.
    pub email: Box<str>,
    /// The tag of the contact that the client has.
    pub known_tag: Option<[u8; 18]>,
}

/// `DELETE /v1/tasks/{id}`, `POST /v1/tasks/{id}/retry` and `GET /v1/tasks/{id}/explain`.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Named {
    /// The task's id, a ULID in ASCII.
    pub task: [u8; 26],
}

/// `GET /v1/tasks` and `GET /v1/errors`.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Listing {
    /// What stands behind the question mark there.
    pub query: Box<str>,
}

by_number!(Form);
