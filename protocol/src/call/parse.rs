//! From a head to a call. It knows every address of the contract, those included that are not
//! served yet: they are a 501 that says so, not a 404 that sends a caller looking for a typo.

use super::pairs::Pairs;
use super::percent::decoded;
use super::prefer::Preferences;
use super::priority;
use super::query::{Known, Parameters};
use super::steer;
use super::upstreams;
use super::{Call, SubmitOptions, Wait};
use crate::http::{Field, Head, Method};
use crate::id::TaskId;
use crate::idempotency::IdempotencyKey;
use crate::job::Form;
use crate::kind::KindName;
use crate::problem::{Code, Problem};
use std::borrow::Cow;
use std::time::Duration;

/// The methods of what can only be read.
const READS: &str = "GET, HEAD";

/// Below `/v1/tasks/` a name is a kind to some methods and an id to others.
const TASK_METHODS: &str = "GET, HEAD, POST, DELETE";

/// The largest number that an event can have.
const SEQUENCE_MAX: u64 = u64::MAX >> 1;

/// What the request asks for, read from its head alone.
///
/// # Errors
/// `not-found`, `unknown-kind` and `unknown-task` where the path names nothing
/// that could be there; `method-not-allowed`; `malformed-parameter`, naming it; and
/// `not-implemented` for what is promised and not there yet.
pub fn parse(head: &Head) -> Result<Call, Problem> {
    let Some(path) = head.path().strip_prefix("/v1/") else {
        return Err(not_found());
    };
    let mut segments = path.split('/');
    let segments: [Option<&str>; 4] = std::array::from_fn(|_| segments.next());
    match segments {
        [Some("tasks"), Some(name), None, _] if !name.is_empty() => task(head, name),
        [Some("tasks"), Some(id), Some("result"), None] => {
            Ok(Call::TaskResult { id: read_of(head, id)? })
        }
        [Some("tasks"), Some(id), Some("errors"), None] => {
            Ok(Call::TaskErrors { id: read_of(head, id)? })
        }
        [Some("tasks"), Some(id), Some("events"), None] => events(head, id),
        [Some("bulk"), Some(name), None, _] if !name.is_empty() => bulk(head, name),
        [Some("contacts"), Some(email), None, _] if !email.is_empty() => contact(head, email),
        [Some("upstreams"), rest @ ..] => upstreams::parse(head, rest),
        segments => steer::parse(head, segments)
            .unwrap_or_else(|| Err(promised(segments).map_or_else(not_found, not_implemented))),
    }
}

fn task(head: &Head, name: &str) -> Result<Call, Problem> {
    match head.method {
        Method::Post => submit(head, name, Form::Single),
        Method::Get | Method::Head => {
            let id = task_id(name)?;
            let wait = Parameters::of(head.query(), Known::Wait)?.wait;
            let wait = wait.or_else(|| Preferences::of(head.field(Field::Prefer)).wait);
            Ok(Call::Task { id, wait: wait.unwrap_or_default() })
        }
        Method::Delete => steer::cancel(head, name),
        Method::Put | Method::Options | Method::Other => Err(method_not_allowed(TASK_METHODS)),
    }
}

fn bulk(head: &Head, name: &str) -> Result<Call, Problem> {
    if head.method != Method::Post {
        return Err(method_not_allowed("POST"));
    }
    let call = submit(head, name, Form::Bulk)?;
    check_bulk_format(head.field(Field::ContentType))?;
    Ok(call)
}

/// The formats that many inputs can come in.
const BULK_FORMATS: [&str; 3] = ["application/json", "application/x-ndjson", "text/csv"];

/// Whether many inputs can come in a body of that content type.
pub(crate) fn check_bulk_format(content_type: Option<&str>) -> Result<(), Problem> {
    let essence = content_type.map(|text| text.split(';').next().unwrap_or_default().trim());
    let is = |known: &&str| essence.is_some_and(|essence| essence.eq_ignore_ascii_case(known));
    if BULK_FORMATS.iter().any(is) {
        return Ok(());
    }
    let named = essence.unwrap_or("no content type");
    let detail = format!("A bulk body is one of {}; this is {named}.", BULK_FORMATS.join(", "));
    Err(Problem::new(Code::UnsupportedMediaType, detail))
}

fn submit(head: &Head, name: &str, form: Form) -> Result<Call, Problem> {
    let kind = KindName::new(&segment(name)?).ok_or_else(|| {
        Problem::new(Code::UnknownKind, "A kind is named [a-z0-9][a-z0-9._-]{0,63}.")
    })?;
    let key = head.field(Field::IdempotencyKey).map(idempotency_key).transpose()?;
    let parameters = Parameters::of(head.query(), Known::WaitAndDelay)?;
    let preferences = Preferences::of(head.field(Field::Prefer));
    let (wait, wait_preferred) = wait(parameters, preferences);
    let options = SubmitOptions {
        wait,
        wait_preferred,
        urgency: priority::urgency(head.field(Field::Priority)),
        delay: parameters.delay.unwrap_or_default(),
        strict: preferences.strict,
    };
    Ok(Call::Submit { kind, form, options, key })
}

fn idempotency_key(text: &str) -> Result<IdempotencyKey, Problem> {
    IdempotencyKey::parse(text).ok_or_else(|| {
        let detail = "Idempotency-Key is 1 to 255 visible ASCII characters, quoted or bare.";
        Problem::new(Code::MalformedParameter, detail)
    })
}

/// The wait, and whether it came from `Prefer`. The query wins over the field, and a wait over
/// `respond-async`, which alone is a wait of nothing.
fn wait(parameters: Parameters, preferences: Preferences) -> (Wait, bool) {
    match (parameters.wait, preferences) {
        (Some(wait), _) => (Wait::For(wait), false),
        (None, Preferences { wait: Some(wait), .. }) => (Wait::For(wait), true),
        (None, Preferences { respond_async: true, .. }) => (Wait::For(Duration::ZERO), true),
        (None, _) => (Wait::Default, false),
    }
}

/// The task of which something is read.
fn read_of(head: &Head, id: &str) -> Result<TaskId, Problem> {
    only_reads(head)?;
    let id = task_id(id)?;
    Parameters::of(head.query(), Known::Nothing)?;
    Ok(id)
}

/// A client that comes back sends the field beside the address that it began with, so the field is
/// the newer of the two.
fn events(head: &Head, id: &str) -> Result<Call, Problem> {
    only_reads(head)?;
    let id = task_id(id)?;
    let after = Pairs::of(head.query(), &["after"])?.number("after", 0, SEQUENCE_MAX)?;
    let last = head.field(Field::LastEventId).filter(|text| !text.is_empty());
    let last = last.map(last_event_id).transpose()?;
    Ok(Call::TaskEvents { id, after: last.or(after).unwrap_or_default() })
}

fn last_event_id(text: &str) -> Result<u64, Problem> {
    let number = text.parse().ok().filter(|&number| number <= SEQUENCE_MAX);
    number.filter(|_| !text.starts_with('+')).ok_or_else(|| {
        let detail = "Last-Event-ID is the id of an event, a whole number.";
        Problem::new(Code::MalformedParameter, detail)
    })
}

fn contact(head: &Head, email: &str) -> Result<Call, Problem> {
    only_reads(head)?;
    let email = segment(email)?.to_lowercase();
    Parameters::of(head.query(), Known::Nothing)?;
    Ok(Call::Contact { email })
}

pub(super) fn only_reads(head: &Head) -> Result<(), Problem> {
    match head.method {
        Method::Get | Method::Head => Ok(()),
        _ => Err(method_not_allowed(READS)),
    }
}

pub(super) fn task_id(text: &str) -> Result<TaskId, Problem> {
    let id = segment(text)?.parse();
    id.map_err(|_| Problem::new(Code::UnknownTask, "This is not the id of a task."))
}

fn segment(text: &str) -> Result<Cow<'_, str>, Problem> {
    decoded(text).ok_or_else(|| {
        let detail = "The path holds a malformed percent sign, or is not UTF-8 behind them.";
        Problem::new(Code::MalformedParameter, detail)
    })
}

/// What the contract promises at an address that is not served yet.
fn promised(segments: [Option<&str>; 4]) -> Option<&'static str> {
    match segments {
        [Some("schedules"), ..] => Some("Schedules"),
        _ => None,
    }
}

fn not_implemented(what: &str) -> Problem {
    Problem::new(Code::NotImplemented, format!("{what} is not offered yet."))
}

pub(super) fn not_found() -> Problem {
    Problem::new(Code::NotFound, "No call has this path.")
}

pub(super) fn method_not_allowed(allow: &'static str) -> Problem {
    let detail = format!("Only {allow} are served here.");
    Problem { allow: Some(allow), ..Problem::new(Code::MethodNotAllowed, detail) }
}
