//! The bodies of small calls: an echo of random bytes, an upsert of a random contact or a look at
//! one, a short sleep. Every answer is compared with what was sent.

use crate::random::Random;
use crate::request::Template;
use memchr::memmem;
use std::net::SocketAddr;

/// Digits that tell one echo from another.
const ECHO_DIGITS: usize = 8;
/// Digits of the number in an email.
const EMAIL_DIGITS: usize = 8;
/// Digits of the value that each upsert changes.
const VALUE_DIGITS: usize = 12;

/// How long a `sleep` sleeps.
const SLEEP_MS: u64 = 5;

/// Which work to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, serde::Serialize)]
pub enum Work {
    /// Random bytes come back.
    #[value(name = "echo")]
    #[serde(rename = "echo")]
    Echo,
    /// A random contact is added or changed.
    #[value(name = "contacts.upsert")]
    #[serde(rename = "contacts.upsert")]
    Upsert,
    /// A random contact is read, which must be there.
    #[value(name = "contacts.get")]
    #[serde(rename = "contacts.get")]
    Get,
    /// A worker sleeps for 5 ms.
    #[value(name = "sleep")]
    #[serde(rename = "sleep")]
    Sleep,
}

impl std::fmt::Display for Work {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.pad(match self {
            Self::Echo => "echo",
            Self::Upsert => "contacts.upsert",
            Self::Get => "contacts.get",
            Self::Sleep => "sleep",
        })
    }
}

/// What to send.
#[derive(Clone, Copy, Debug)]
pub struct LoadShape {
    /// Where to.
    pub target: SocketAddr,
    /// Bytes of a body.
    pub bytes: usize,
    /// How many different contacts.
    pub emails: u64,
    /// Decides the bytes and the order of the contacts.
    pub seed: u64,
}

/// A body and the digits in it that change, with what each connection sent last.
#[derive(Debug)]
pub struct Load {
    template: Template,
    random: Random,
    sent: Vec<u64>,
    variation: Variation,
}

#[derive(Clone, Copy, Debug)]
enum Variation {
    Echo { count: u64 },
    Upsert { email_at: usize, value_at: usize, emails: u64, count: u64 },
    Get { email_at: usize, emails: u64 },
    Sleep,
}

impl Load {
    /// What `connections` connections send.
    pub fn new(work: Work, shape: LoadShape, connections: usize) -> Self {
        match work {
            Work::Echo => Self::echo(shape, connections),
            Work::Upsert => Self::upsert(shape, connections),
            Work::Get => Self::get(shape, connections),
            Work::Sleep => Self::sleep(shape, connections),
        }
    }

    /// The same, from whoever has `key`.
    pub fn from_holder_of(self, key: &str) -> Self {
        Self { template: self.template.from_holder_of(key), ..self }
    }

    fn echo(shape: LoadShape, connections: usize) -> Self {
        let mut random = Random::new(shape.seed);
        let mut body = vec![0; shape.bytes];
        random.fill(&mut body);
        let template =
            Template::post(shape.target, "/v1/tasks/echo", "application/octet-stream", &body);
        let variation = Variation::Echo { count: 0 };
        Self { template, random, sent: vec![0; connections], variation }
    }

    fn upsert(shape: LoadShape, connections: usize) -> Self {
        let body = contact(shape.bytes);
        let variation = Variation::Upsert {
            email_at: after(&body, "\"contact-"),
            value_at: after(&body, "\"value\":\""),
            emails: shape.emails.max(1),
            count: 0,
        };
        let template =
            Template::post(shape.target, "/v1/tasks/contacts.upsert", "application/json", &body);
        let random = Random::new(shape.seed);
        Self { template, random, sent: vec![0; connections], variation }
    }

    /// A request that writes contact `number`.
    pub fn upsert_of(target: SocketAddr, number: u64) -> Vec<u8> {
        let mut load = Self::upsert(LoadShape { target, bytes: 256, emails: 1, seed: 0 }, 1);
        load.sent[0] = number;
        load.patch(0);
        load.template.bytes().to_vec()
    }

    fn get(shape: LoadShape, connections: usize) -> Self {
        let body = format!("{{\"email\":\"contact-{}@load.test\"}}", "0".repeat(EMAIL_DIGITS));
        let email_at = after(body.as_bytes(), "\"contact-");
        let variation = Variation::Get { email_at, emails: shape.emails.max(1) };
        Self::fixed(shape, "/v1/tasks/contacts.get", &body, (variation, connections))
    }

    fn sleep(shape: LoadShape, connections: usize) -> Self {
        let body = format!("{{\"ms\":{SLEEP_MS}}}");
        Self::fixed(shape, "/v1/tasks/sleep", &body, (Variation::Sleep, connections))
    }

    /// JSON of a size of its own.
    fn fixed(
        shape: LoadShape,
        path: &str,
        body: &str,
        (variation, connections): (Variation, usize),
    ) -> Self {
        let template = Template::post(shape.target, path, "application/json", body.as_bytes());
        let random = Random::new(shape.seed);
        Self { template, random, sent: vec![0; connections], variation }
    }

    /// The next request of connection `slot`.
    pub fn next(&mut self, slot: usize) -> &[u8] {
        self.sent[slot] = match &mut self.variation {
            Variation::Echo { count } => {
                *count += 1;
                *count
            }
            Variation::Upsert { emails, count, .. } => {
                *count += 1;
                self.random.below(*emails)
            }
            Variation::Get { emails, .. } => self.random.below(*emails),
            Variation::Sleep => SLEEP_MS,
        };
        self.patch(slot);
        self.template.bytes()
    }

    fn patch(&mut self, slot: usize) {
        let number = self.sent[slot];
        match self.variation {
            Variation::Echo { .. } => {
                let width = ECHO_DIGITS.min(self.template.body().len());
                self.template.patch(0, width, number);
            }
            Variation::Upsert { email_at, value_at, count, .. } => {
                self.template.patch(email_at, EMAIL_DIGITS, number);
                self.template.patch(value_at, VALUE_DIGITS, count);
            }
            Variation::Get { email_at, .. } => self.template.patch(email_at, EMAIL_DIGITS, number),
            Variation::Sleep => {}
        }
    }

    /// Whether `body` answers what connection `slot` sent last: an echo is the same bytes, an
    /// upsert and a look name the same contact, a sleep says how long it was.
    pub fn is_answered_by(&mut self, slot: usize, body: &[u8]) -> bool {
        self.patch(slot);
        let sent = self.template.body();
        match self.variation {
            Variation::Echo { .. } => sent == body,
            Variation::Upsert { email_at, .. } | Variation::Get { email_at, .. } => {
                memmem::find(body, &sent[email_at..email_at + EMAIL_DIGITS]).is_some()
            }
            Variation::Sleep => memmem::find(body, b"slept_ms").is_some(),
        }
    }
}

/// Where `body` goes on behind `name`, which it has.
fn after(body: &[u8], name: &str) -> usize {
    let found = memmem::find(body, name.as_bytes());
    found.expect("the body was written with that name") + name.len()
}

/// A contact of about `bytes` bytes; never less than its fixed part.
fn contact(bytes: usize) -> Vec<u8> {
    let email = "0".repeat(EMAIL_DIGITS);
    let value = "0".repeat(VALUE_DIGITS);
    let front = format!(
        "{{\"email\":\"contact-{email}@load.test\",\"first_name\":\"Ada\",\"last_name\":\"Lovelace\",\
         \"fields\":{{\"value\":\"{value}\",\"note\":\""
    );
    let back = "\"}}";
    let note = "n".repeat(bytes.saturating_sub(front.len() + back.len()));
    [front.as_bytes(), note.as_bytes(), back.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(bytes: usize) -> LoadShape {
        LoadShape { target: "127.0.0.1:1".parse().unwrap(), bytes, emails: 50, seed: 3 }
    }

    fn body(request: &[u8]) -> &[u8] {
        &request[memmem::find(request, b"\r\n\r\n").unwrap() + 4..]
    }

    #[test]
    fn an_echo_is_answered_by_its_own_bytes_only() {
        for bytes in [0, 1, 8, 256] {
            let mut load = Load::echo(shape(bytes), 2);
            let first = body(load.next(0)).to_vec();
            let second = body(load.next(1)).to_vec();
            assert_eq!(first.len(), bytes);
            assert!(load.is_answered_by(0, &first) && load.is_answered_by(1, &second));
            assert_eq!(load.is_answered_by(0, &second), bytes == 0);
        }
    }

    #[test]
    fn an_upsert_is_json_of_the_size_asked_for() {
        let mut load = Load::upsert(shape(256), 1);
        let sent = body(load.next(0)).to_vec();
        assert_eq!(sent.len(), 256);
        let parsed: serde_json::Value = serde_json::from_slice(&sent).unwrap();
        let email = parsed["email"].as_str().unwrap().to_owned();
        assert!(load.is_answered_by(0, format!("{{\"email\":\"{email}\"}}").as_bytes()));
        assert!(!load.is_answered_by(0, b"{\"email\":\"contact-99999999@load.test\"}"));
    }

    #[test]
    fn a_look_is_answered_by_its_contact_and_a_sleep_by_its_span() {
        let mut load = Load::new(Work::Get, shape(0), 1);
        let sent = body(load.next(0)).to_vec();
        assert!(load.is_answered_by(0, &sent));
        assert!(!load.is_answered_by(0, b"{\"email\":\"contact-99999999@load.test\"}"));
        let mut load = Load::new(Work::Sleep, shape(0), 1);
        assert_eq!(body(load.next(0)), b"{\"ms\":5}");
        assert!(load.is_answered_by(0, b"{\"slept_ms\":5}") && !load.is_answered_by(0, b"{}"));
    }

    #[test]
    fn upserts_draw_all_contacts_and_no_others() {
        let mut load = Load::upsert(shape(0), 1);
        let seen: std::collections::BTreeSet<Vec<u8>> =
            (0..2_000).map(|_| body(load.next(0))[..40].to_vec()).collect();
        assert_eq!(seen.len(), 50);
    }
}
