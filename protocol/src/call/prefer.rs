//! The `Prefer` field (RFC 7240): what a caller would like. What is malformed or unknown counts as
//! not said, never as an error.

use super::SECONDS_MAX;
use crate::http::list;
use crate::http::token::{is_token, trimmed};
use std::borrow::Cow;
use std::time::Duration;

/// The preferences that are known here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Preferences {
    pub(super) wait: Option<Duration>,
    pub(super) respond_async: bool,
    /// `handling=strict`.
    pub(super) strict: bool,
}

impl Preferences {
    /// Of a preference said more than once the first counts, also when its value does not.
    pub(super) fn of(field: Option<&str>) -> Self {
        let (mut wait, mut respond_async, mut handling) = (None, None, None);
        for (name, value) in list::elements(field.unwrap_or_default()).filter_map(preference) {
            let slot = match name.to_ascii_lowercase().as_str() {
                "wait" => &mut wait,
                "respond-async" => &mut respond_async,
                "handling" => &mut handling,
                _ => continue,
            };
            slot.get_or_insert(value);
        }
        Self {
            wait: wait.and_then(|seconds| whole_seconds(&seconds)),
            // It has no value; an empty one is the same as none (RFC 7240, section 2).
            respond_async: respond_async.is_some_and(|value| value.is_empty()),
            strict: handling.is_some_and(|value| value == "strict"),
        }
    }
}

/// `name [= value] *(; parameter)`; none of the known preferences has parameters.
fn preference(element: &str) -> Option<(&str, Cow<'_, str>)> {
    let said = list::parts(element, b';').next()?;
    let (name, value) = match said.split_once('=') {
        Some((name, value)) => (trimmed(name), unquoted(trimmed(value))?),
        None => (said, Cow::Borrowed("")),
    };
    is_token(name.as_bytes()).then_some((name, value))
}

/// The value of a token or of a quoted string.
fn unquoted(word: &str) -> Option<Cow<'_, str>> {
    let Some(opened) = word.strip_prefix('"') else {
        return is_token(word.as_bytes()).then_some(Cow::Borrowed(word));
    };
    let mut value = String::with_capacity(opened.len());
    let mut rest = opened.chars();
    loop {
        match rest.next()? {
            '"' => break,
            '\\' => value.push(rest.next()?),
            other => value.push(other),
        }
    }
    rest.as_str().is_empty().then_some(Cow::Owned(value))
}

/// Delta-seconds too large to hold mean the largest that is held (RFC 9110, section 1.2.2).
fn whole_seconds(text: &str) -> Option<Duration> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| Duration::from_secs(text.parse().unwrap_or(u64::MAX).min(SECONDS_MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(field: &str, wait: Option<u64>, respond_async: bool, strict: bool) {
        let wait = wait.map(Duration::from_secs);
        let expected = Preferences { wait, respond_async, strict };
        assert_eq!(Preferences::of(Some(field)), expected, "{field}");
    }

    #[test]
    fn preferences_are_read() {
        check("", None, false, false);
        check("wait=10", Some(10), false, false);
        check("WAIT = \"10\"", Some(10), false, false);
        check("wait=\"1\\0\"", Some(10), false, false);
        check("wait=010;a=b", Some(10), false, false);
        check("respond-async, wait=0", Some(0), true, false);
        check("Respond-Async=\"\"; x", None, true, false);
        check("handling=strict,respond-async", None, true, true);
        check("handling=lenient", None, false, false);
        check("foo=\"a, wait=3\", wait=4", Some(4), false, false);
        check("wait=99999999999999999999", Some(SECONDS_MAX), false, false);
        assert_eq!(Preferences::of(None), Preferences::default());
    }

    #[test]
    fn the_first_of_equal_names_counts() {
        check("wait=1, wait=2", Some(1), false, false);
        check("wait=abc, wait=2", None, false, false);
        check("handling=lenient, handling=strict", None, false, false);
    }

    #[test]
    fn malformed_ones_are_as_if_not_said() {
        for field in [
            "wait",
            "wait=",
            "wait=abc",
            "wait=-1",
            "wait=+1",
            "wait=1s",
            "wait=1.5",
            "wait=1 0",
            "wait=\"1",
            "wait=\"1\"2",
            "=10",
            "wa it=10",
            "respond-async=1",
            "handling=\"stric",
        ] {
            check(field, None, false, false);
        }
        check("wa it=10, wait=3", Some(3), false, false);
    }
}
