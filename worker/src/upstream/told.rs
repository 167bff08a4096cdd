//! What an answer tells beside its result: how far the work has come, and whether to come back.
//! It decides nothing: what is malformed is told as that.

use crate::failure::Failure;
use crate::saves::CURSOR_MAX_BYTES;
use bytes::Bytes;
use overtime_protocol::{Fault, Progress, Source, UnixMillis};
use std::time::Duration;
use ureq::http::{HeaderMap, HeaderName, HeaderValue};

/// Where the next delivery is to go on; in a request, where this one does.
pub(super) const CURSOR: HeaderName = HeaderName::from_static("overtime-cursor");

/// How far the work has come: done/total.
const PROGRESS: HeaderName = HeaderName::from_static("overtime-progress");

/// Whether to deliver again from the cursor, at once.
const CONTINUE: HeaderName = HeaderName::from_static("overtime-continue");

/// The longest that a service may ask to be left alone. A slip of its finger must not put a task
/// off for years.
const RETRY_AFTER_MAX: Duration = Duration::from_hours(24);

/// The `Overtime-*` fields of an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// Where a later delivery is to go on.
    pub cursor: Option<Bytes>,
    /// How far the work has come.
    pub progress: Option<Progress>,
    /// Whether it is to be delivered again from the cursor.
    pub continues: bool,
}

impl Told {
    /// Reads the fields.
    pub(super) fn read(headers: &HeaderMap) -> Result<Self, Failure> {
        let cursor = match one(headers, &CURSOR)? {
            None => None,
            Some(value) if is_cursor(value) => Some(Bytes::copy_from_slice(value.as_bytes())),
            Some(_) => {
                let told = format!("is not 1 to {CURSOR_MAX_BYTES} printable ASCII characters");
                return Err(malformed(&CURSOR, &told));
            }
        };
        let progress = match one(headers, &PROGRESS)? {
            None => None,
            Some(value) => Some(
                progress(value)
                    .ok_or_else(|| malformed(&PROGRESS, "is not done/total, such as 3/10"))?,
            ),
        };
        let continues = match one(headers, &CONTINUE)?.map(HeaderValue::as_bytes) {
            None | Some(b"false") => false,
            Some(b"true") if cursor.is_some() => true,
            Some(b"true") => {
                return Err(malformed(&CONTINUE, "is true, but there is no cursor to go on from"));
            }
            Some(_) => return Err(malformed(&CONTINUE, "is neither true nor false")),
        };
        Ok(Self { cursor, progress, continues })
    }

    /// Whether there is anything to keep.
    pub(super) fn is_empty(&self) -> bool {
        self.cursor.is_none() && self.progress.is_none()
    }
}

fn one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a HeaderValue>, Failure> {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    if values.next().is_some() {
        return Err(malformed(name, "is there more than once"));
    }
    Ok(first)
}

fn is_cursor(value: &HeaderValue) -> bool {
    let is_printable = |byte: &u8| (b' '..=b'~').contains(byte);
    (1..=CURSOR_MAX_BYTES).contains(&value.len()) && value.as_bytes().iter().all(is_printable)
}

fn progress(value: &HeaderValue) -> Option<Progress> {
    let (done, total) = value.to_str().ok()?.split_once('/')?;
    let (done, total) = (number(done)?, number(total)?);
    (done <= total).then_some(Progress { done, total: Some(total) })
}

/// Digits and nothing else.
fn number(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

fn malformed(name: &HeaderName, told: &str) -> Failure {
    let code = match name {
        name if *name == CURSOR => "malformed-cursor",
        name if *name == PROGRESS => "malformed-progress",
        _ => "malformed-continue",
    };
    let fault = Fault::input(code, format!("{name} of the answer {told}"));
    Failure::Defect(Fault { source: Source::Upstream, ..fault })
}

/// How long the answer asks to be left alone: a number of seconds, or until a date.
pub(super) fn retry_after(headers: &HeaderMap, now: UnixMillis) -> Option<Duration> {
    let text = headers.get(ureq::http::header::RETRY_AFTER)?.to_str().ok()?;
    let span = match text.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than a number holds are more than the most.
        true if !text.is_empty() => Duration::from_secs(text.parse().unwrap_or(u64::MAX)),
        _ => UnixMillis::from_http_date(text)?.since(now),
    };
    Some(span.min(RETRY_AFTER_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(fields: &[(&str, &str)]) -> HeaderMap {
        let field = |(name, value): &(&str, &str)| {
            let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
            (name.parse::<HeaderName>().unwrap(), value)
        };
        let mut headers = HeaderMap::new();
        fields.iter().map(field).for_each(|(name, value)| {
            headers.append(name, value);
        });
        headers
    }

    #[test]
    fn fields_are_read() {
        assert_eq!(Told::read(&headers(&[])), Ok(Told::default()));
        let told = Told::read(&headers(&[
            ("overtime-cursor", "page 3"),
            ("overtime-progress", "3/10"),
            ("overtime-continue", "true"),
        ]));
        let progress = Some(Progress { done: 3, total: Some(10) });
        let cursor = Some("page 3".into());
        assert_eq!(told, Ok(Told { cursor, progress, continues: true }));
        let told = Told::read(&headers(&[("overtime-continue", "false")]));
        assert_eq!(told, Ok(Told::default()));
    }

    #[test]
    fn what_is_malformed_has_a_code() {
        let long = "x".repeat(CURSOR_MAX_BYTES + 1);
        for (fields, code) in [
            (&[("overtime-cursor", "")][..], "malformed-cursor"),
            (&[("overtime-cursor", "ä")], "malformed-cursor"),
            (&[("overtime-cursor", &long)], "malformed-cursor"),
            (&[("overtime-cursor", "1"), ("overtime-cursor", "1")], "malformed-cursor"),
            (&[("overtime-progress", "")], "malformed-progress"),
            (&[("overtime-progress", "3")], "malformed-progress"),
            (&[("overtime-progress", "/")], "malformed-progress"),
            (&[("overtime-progress", "+3/10")], "malformed-progress"),
            (&[("overtime-progress", "3/10/1")], "malformed-progress"),
            (&[("overtime-progress", "11/10")], "malformed-progress"),
            (&[("overtime-progress", "1/99999999999999999999")], "malformed-progress"),
            (&[("overtime-continue", "yes")], "malformed-continue"),
            (&[("overtime-continue", "true")], "malformed-continue"),
        ] {
            let Err(Failure::Defect(fault)) = Told::read(&headers(fields)) else {
                panic!("{fields:?} was taken");
            };
            assert_eq!((&*fault.code, fault.source), (code, Source::Upstream), "{fields:?}");
        }
    }

    #[test]
    fn a_service_may_ask_to_be_left_alone_in_two_ways() {
        // Sun, 06 Nov 1994 08:49:37 GMT
        let now = UnixMillis(784_111_777_000);
        for (text, seconds) in [
            ("0", Some(0)),
            ("120", Some(120)),
            ("86401", Some(86_400)),
            ("99999999999999999999999", Some(86_400)),
            ("Sun, 06 Nov 1994 08:50:07 GMT", Some(30)),
            ("Sun, 06 Nov 1994 08:49:07 GMT", Some(0)),
            ("Fri, 31 Dec 2100 23:59:59 GMT", Some(86_400)),
            ("", None),
            ("-1", None),
            ("1.5", None),
            ("soon", None),
        ] {
            let told = retry_after(&headers(&[("retry-after", text)]), now);
            assert_eq!(told, seconds.map(Duration::from_secs), "{text}");
        }
        assert_eq!(retry_after(&headers(&[]), now), None);
    }
}
