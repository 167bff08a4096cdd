//! The input: all that a handler may know and do during one attempt.

use crate::call_guard::CallGuard;
use crate::cancel::CancelFlag;
use crate::effects::{Effects, View};
use crate::failure::Failure;
use crate::json;
use crate::payload_reader::PayloadReader;
use crate::saves::Saves;
use bytes::Bytes;
use overtime_protocol::{CallEnd, Clock, Job, TaskId, UnixMillis};
use serde::de::DeserializeOwned;
use std::borrow::Cow;
use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

/// One attempt, as its handler sees it: the payload, the state, and the wish to change state.
///
/// State is a space of keys and values. What [`put`](Input::put) and [`delete`](Input::delete)
/// ask for is written with the end of the attempt, together with the record that the task
/// succeeded, or not at all: if any key that was read has changed meanwhile, the attempt runs
/// again. After a failure nothing is written but what was [saved](Input::save) before.
pub struct Input<'a> {
    pub(crate) job: &'a Job,
    pub(crate) item: Option<u64>,
    pub(crate) segments: &'a [Bytes],
    pub(crate) clock: &'a Clock,
    pub(crate) view: View<'a>,
    pub(crate) effects: Effects,
    pub(crate) cancel: CancelFlag<'a>,
    /// How its call to the upstream of its kind ended.
    pub(crate) call: &'a Cell<CallEnd>,
    /// Where this run begins.
    pub(crate) cursor: Option<Bytes>,
    /// What it saves; `None` for an item of a bulk body.
    pub(crate) saves: Option<Saves<'a>>,
}

impl<'a> Input<'a> {
    /// The task's id: the same for every attempt.
    pub fn task(&self) -> TaskId {
        self.job.task
    }

    /// Which attempt this is, from 1.
    pub fn attempt(&self) -> u32 {
        self.job.attempt
    }

    /// Which item of a bulk body this input is, from 0; `None` if it is the whole payload.
    pub fn item(&self) -> Option<u64> {
        self.item
    }

    /// When the task was accepted.
    pub fn created_at(&self) -> UnixMillis {
        self.job.created_at
    }

    /// The time now.
    pub fn now(&self) -> UnixMillis {
        self.clock.now().unix
    }

    /// Whether the task is to be cancelled. A handler that takes long looks now and then, and
    /// returns [`Failure::cancelled`] if so; one that goes on to its end has been faster.
    pub fn is_cancelled(&self) -> bool {
        self.cancel.is_raised()
    }

    /// Says how the call that this attempt made to the upstream of its kind ended: by that the
    /// upstream is judged. Of several the last counts.
    pub(crate) fn note_call(&self, end: CallEnd) {
        self.call.set(end);
    }

    /// How long the call to the upstream of the kind may take: `None` if as long as the kind says. There
    /// is a limit while the upstream is not well and this call is a probe, of which few may be out at a
    /// time. A handler that calls should give up by then: as long as those that hang do not, no other
    /// goes out, and nothing is heard of an upstream that is well again.
    pub fn call_limit(&self) -> Option<Duration> {
        self.job.call_limit
    }

    /// Begins the call to the upstream of the kind (`[kinds.NAME] upstream = "…"`). The attempt was
    /// started only because that may be called now, so nothing has to be asked; the guard sees to it
    /// that the end is told, by which the upstream is judged. One attempt makes one call.
    /// ```
    /// # use overtime_protocol::{CallEnd, CallFailure, Product};
    /// # use overtime_worker::{Failure, Input, json_product};
    /// # fn ask(_: &str) -> Result<u16, std::io::Error> { Ok(200) }
    /// fn run(input: &mut Input<'_>) -> Result<Product, Failure> {
    ///     let call = input.begin_call();
    ///     // If this fails, the guard is dropped, and the upstream counts as not well.
    ///     let status = ask(&input.task().to_string())
    ///         .map_err(|error| Failure::ephemeral("bank-unreachable", error.to_string()))?;
    ///     match status {
    ///         500.. => call.end(CallEnd::Failed(CallFailure::Status(status))),
    ///         _ => call.answered(),
    ///     }
    ///     Ok(json_product("{}"))
    /// }
    /// ```
    pub fn begin_call(&self) -> CallGuard<'a> {
        CallGuard::new(self.call)
    }

    /// The payload's content type, as the caller sent it.
    pub fn content_type(&self) -> Option<&'a Arc<str>> {
        self.job.content_type.as_ref()
    }

    /// The caller's trace context (W3C Trace Context), as the caller sent it.
    pub fn traceparent(&self) -> Option<&'a str> {
        self.job.traceparent.as_deref()
    }

    /// The payload's length in bytes.
    pub fn payload_len(&self) -> u64 {
        self.segments.iter().map(|segment| segment.len() as u64).sum()
    }

    /// A reader over the payload, from its start; nothing is copied.
    pub fn payload(&self) -> PayloadReader<'a> {
        PayloadReader::new(self.segments)
    }

    /// The payload as one slice: borrowed if it arrived in one piece, as small ones do.
    pub fn payload_bytes(&self) -> Cow<'a, [u8]> {
        match self.segments {
            [] => Cow::Borrowed(&[]),
            [only] => Cow::Borrowed(only),
            several => Cow::Owned(several.concat()),
        }
    }

    /// The payload as bytes that may outlive the attempt: shared if it arrived in one piece.
    pub fn payload_shared(&self) -> Bytes {
        match self.segments {
            [] => Bytes::new(),
            [only] => only.clone(),
            several => several.concat().into(),
        }
    }

    /// The payload, which must be a JSON object, as a `T`.
    ///
    /// # Errors
    /// [`Failure::Input`] with code `malformed-json` or `invalid-input`, which says where.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        json::object(&self.payload_bytes())
    }

    /// The value at a state key, or `None`; what this attempt and its chain wrote is seen. That
    /// the value is still the same is checked when the attempt is written down.
    ///
    /// # Errors
    /// [`Failure::Ephemeral`] with code `journal-read` if the journal could not be read.
    pub fn read(&mut self, key: impl AsRef<[u8]>) -> Result<Option<Bytes>, Failure> {
        self.effects.read(key.as_ref(), self.view)
    }

    /// Asks for `value` to be written at a state key with the next [`save`](Input::save) or the end
    /// of this attempt. A key is named `space/rest`; the last write to a key wins.
    ///
    /// # Errors
    /// As [`read`](Input::read): a key that was not read before is read first.
    pub fn put(&mut self, key: impl AsRef<[u8]>, value: impl Into<Bytes>) -> Result<(), Failure> {
        self.effects.put(key.as_ref(), value.into(), self.view)
    }

    /// Asks for a state key to be deleted, as [`put`](Input::put) asks for it to be written.
    ///
    /// # Errors
    /// As [`put`](Input::put).
    pub fn delete(&mut self, key: impl AsRef<[u8]>) -> Result<(), Failure> {
        self.effects.delete(key.as_ref(), self.view)
    }
}
