//! Clients with manners: each operation has a key and a deadline, what the server asks for is the
//! least that is waited, accepted work is asked after instead of sent again, and repetitions come out
//! of a budget. The decisions are those of our own client library; here is only what it reads and
//! writes.

use super::manner::{Manner, Then};
use super::{Call, Ended, How};
use crate::connection::Broken;
use crate::response::Response;
use overtime_client::manners::{Answer, Errand, Manners, Next, Rules, Said, Verdict};
use overtime_protocol::{Monotonic, Submitted, TaskState};
use serde::Deserialize;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// So many clients are one process, with one budget.
const PER_PROCESS: usize = 100;
/// A client's own caller waits this long.
const DEADLINE: Duration = Duration::from_secs(10);

/// All clients.
#[derive(Debug)]
pub struct Mannered {
    target: SocketAddr,
    body: String,
    seed: u64,
    zero: Instant,
    processes: Vec<Manners>,
    errands: Vec<Option<Open>>,
    operations: u64,
    request: Vec<u8>,
}

/// An operation that is under way.
#[derive(Debug)]
struct Open {
    errand: Errand,
    next: Next,
    key: u64,
}

impl Mannered {
    /// Clients who have the server sleep for `sleep` on behalf of each.
    pub fn new(target: SocketAddr, sleep: Duration, seed: u64) -> Self {
        Self {
            target,
            body: format!("{{\"ms\":{}}}", sleep.as_millis()),
            seed,
            zero: Instant::now(),
            processes: Vec::new(),
            errands: Vec::new(),
            operations: 0,
            request: Vec::new(),
        }
    }

    fn clock(&self, now: Instant) -> Monotonic {
        let since = now.saturating_duration_since(self.zero);
        Monotonic(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
    }

    fn process(&mut self, client: usize) -> &mut Manners {
        let number = client / PER_PROCESS;
        while self.processes.len() <= number {
            let seed = self.seed.wrapping_add(self.processes.len() as u64);
            self.processes.push(Manners::new(Rules::default(), seed));
        }
        &mut self.processes[number]
    }
}

impl Manner for Mannered {
    fn begin(&mut self, client: usize, now: Instant) -> bool {
        let clock = self.clock(now);
        let mut errand = Errand::submission(clock + DEADLINE);
        let next = errand.begin(self.process(client), clock);
        let may = matches!(next, Next::Send { .. });
        self.operations += 1;
        if self.errands.len() <= client {
            self.errands.resize_with(client + 1, || None);
        }
        self.errands[client] = may.then_some(Open { errand, next, key: self.operations });
        may
    }

    fn call(&mut self, client: usize, now: Instant) -> Call<'_> {
        let clock = self.clock(now);
        let Some(Open { errand, next, key }) = self.errands.get(client).and_then(Option::as_ref)
        else {
            return Call { request: b"", patience: Duration::ZERO };
        };
        let patience = errand.left(clock);
        let target = self.target;
        self.request = match next {
            Next::Poll { task, hold, .. } => {
                ask(target, &format!("{task}?wait={}ms", hold.as_millis()))
            }
            Next::Fetch { task, .. } => ask(target, &format!("{task}/result")),
            Next::Send { .. } | Next::Authenticate | Next::Done | Next::GiveUp(_) => {
                let hold = errand.hold(&self.processes[client / PER_PROCESS], clock);
                submission(target, hold, &format!("{:x}-{key}", self.seed), &self.body)
            }
        };
        Call { request: &self.request, patience }
    }

    fn then(&mut self, client: usize, ended: &Ended<'_>) -> Then {
        let Some(mut open) = self.errands.get_mut(client).and_then(Option::take) else {
            return Then::Desist;
        };
        let (at, clock) = (ended.ended_at, self.clock(ended.ended_at));
        let answer = answer(&ended.how);
        open.next = open.errand.answered(&answer, self.process(client), clock);
        let then = match open.next {
            Next::Send { after } => Then::Again(at + after),
            Next::Poll { after, .. } | Next::Fetch { after, .. } => Then::Ask(at + after),
            Next::Done if is_200(&answer) => Then::Done,
            Next::Done | Next::Authenticate | Next::GiveUp(_) => Then::Desist,
        };
        if matches!(then, Then::Again(_) | Then::Ask(_)) {
            self.errands[client] = Some(open);
        }
        then
    }
}

fn is_200(answer: &Answer) -> bool {
    matches!(answer, Answer::Said(said) if said.status == 200)
}

fn submission(target: SocketAddr, hold: Duration, key: &str, body: &str) -> Vec<u8> {
    let (hold, length) = (hold.as_millis(), body.len());
    format!(
        "POST /v1/tasks/sleep?wait={hold}ms HTTP/1.1\r\nHost: {target}\r\n\
         Content-Type: application/json\r\nIdempotency-Key: \"{key}\"\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

fn ask(target: SocketAddr, task: &str) -> Vec<u8> {
    format!("GET /v1/tasks/{task} HTTP/1.1\r\nHost: {target}\r\n\r\n").into_bytes()
}

fn answer(how: &How<'_>) -> Answer {
    match how {
        How::Answered(response) => Answer::Said(said(response)),
        How::Broken(Broken::Io(error)) if error.kind() == ErrorKind::ConnectionRefused => {
            Answer::NotConnected
        }
        How::GaveUp | How::Broken(_) => Answer::Lost,
    }
}

/// What documents say, as far as it matters.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Document {
    state: Option<String>,
    retryable: Option<bool>,
    retry_after_ms: Option<u64>,
    submitted: Option<String>,
}

impl Document {
    fn verdict(&self) -> Option<Verdict> {
        let submitted = match self.submitted.as_deref()? {
            "no" => Submitted::No,
            "yes" => Submitted::Yes,
            _ => Submitted::Unknown,
        };
        Some(Verdict { retryable: self.retryable?, submitted })
    }
}

fn said(response: &Response<'_>) -> Said {
    let document: Document = serde_json::from_slice(response.body).unwrap_or_default();
    let seconds = response.header("retry-after").and_then(|text| text.parse().ok());
    let asked = document.retry_after_ms.map(Duration::from_millis);
    Said {
        retry_after: asked.or(seconds.map(Duration::from_secs)),
        task: response.header("overtime-task").and_then(|id| id.parse().ok()),
        state: document.state.as_deref().and_then(TaskState::from_name),
        verdict: if response.status >= 300 { document.verdict() } else { None },
        ..Said::of(response.status)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Client {
        mannered: Mannered,
        now: Instant,
    }

    impl Client {
        fn new() -> Self {
            let target = "127.0.0.1:7070".parse().unwrap();
            let mannered = Mannered::new(target, Duration::from_millis(50), 1);
            Self { now: mannered.zero, mannered }
        }

        fn sends(&mut self) -> String {
            let call = self.mannered.call(0, self.now);
            String::from_utf8(call.request.to_vec()).unwrap()
        }

        fn is_answered(&mut self, status: u16, head: &str, body: &str) -> Then {
            let head = format!("HTTP/1.1 {status} X\r\n{head}\r\n");
            let response = Response { status, head: head.as_bytes(), body: body.as_bytes() };
            let how = How::Answered(response);
            let ended = Ended { sent_at: self.now, ended_at: self.now, how };
            let then = self.mannered.then(0, &ended);
            if let Then::Again(at) | Then::Ask(at) = then {
                self.now = at;
            }
            then
        }
    }

    fn task_id() -> String {
        overtime_protocol::TaskId::from_key(7).unwrap().to_string()
    }

    #[test]
    fn a_refusal_is_sent_again_under_its_key_when_the_server_says() {
        let mut client = Client::new();
        assert!(client.mannered.begin(0, client.now));
        let first = client.sends();
        assert!(first.contains("Idempotency-Key: \"1-1\"") && first.contains("?wait=9000ms"));
        let begun = client.now;
        let body = r#"{"retryable":true,"submitted":"no","retry_after_ms":1500}"#;
        let then = client.is_answered(503, "Retry-After: 2\r\n", body);
        assert!(matches!(then, Then::Again(_)), "{then:?}");
        assert!(client.now - begun >= Duration::from_millis(1_500));
        assert!(client.sends().contains("Idempotency-Key: \"1-1\""));
        assert_eq!(client.is_answered(200, "", "{}"), Then::Done);
        client.mannered.begin(0, client.now);
        assert!(client.sends().contains("Idempotency-Key: \"1-2\""));
    }

    #[test]
    fn accepted_work_is_asked_after() {
        let mut client = Client::new();
        client.mannered.begin(0, client.now);
        let id = task_id();
        let head = format!("Retry-After: 1\r\nOvertime-Task: {id}\r\n");
        let then = client.is_answered(202, &head, "{\"state\":\"queued\"}");
        assert!(matches!(then, Then::Ask(_)), "{then:?}");
        assert!(client.sends().starts_with(&format!("GET /v1/tasks/{id}?wait=")));
        client.is_answered(200, "", "{\"state\":\"succeeded\"}");
        assert!(client.sends().starts_with(&format!("GET /v1/tasks/{id}/result HTTP/1.1")));
        assert_eq!(client.is_answered(200, "", "{}"), Then::Done);
    }

    #[test]
    fn what_a_repetition_does_not_help_is_left_alone() {
        let mut client = Client::new();
        client.mannered.begin(0, client.now);
        assert_eq!(client.is_answered(422, "", "{}"), Then::Desist);
    }
}
