//! From a header to a call: the same calls as over HTTP, so that nobody behind this point can
//! tell the protocols apart. The payload is never looked at.

use super::request::{Get, GetContact, Listing, Named, Part, Submit};
use crate::call::{
    Call, DELAY_MAX, SECONDS_MAX, SubmitOptions, Wait, check_bulk_format, error_list, task_list,
};
use crate::id::TaskId;
use crate::idempotency::IdempotencyKey;
use crate::job::Form;
use crate::kind::KindName;
use crate::problem::{Code, Problem};
use std::time::Duration;

impl Submit {
    /// What the submission asks for.
    ///
    /// # Errors
    /// `unknown-kind` if nothing can have that name; `malformed-parameter`, naming it;
    /// `unsupported-media-type` if many inputs cannot come in it.
    pub fn call(&self) -> Result<Call, Problem> {
        let kind = KindName::new(&self.kind).ok_or_else(|| {
            Problem::new(Code::UnknownKind, "A kind is named [a-z0-9][a-z0-9._-]{0,63}.")
        })?;
        self.check_texts()?;
        let options = self.options()?;
        if self.form == Form::Bulk {
            check_bulk_format(self.content_type.as_deref())?;
        }
        let key = self.idempotency_key.as_deref().map(key).transpose()?;
        Ok(Call::Submit { kind, form: self.form, options, key })
    }

    fn options(&self) -> Result<SubmitOptions, Problem> {
        if self.urgency > 7 {
            return Err(refused("urgency", "is not 0 to 7"));
        }
        let wait = match self.wait_ms {
            Some(wait) => Wait::For(span("wait_ms", wait, Duration::from_secs(SECONDS_MAX))?),
            None if self.respond_async => Wait::For(Duration::ZERO),
            None => Wait::Default,
        };
        Ok(SubmitOptions {
            wait,
            // Here a wait is a parameter and no preference: nobody is told that it was applied.
            wait_preferred: false,
            urgency: self.urgency,
            delay: span("delay_ms", self.delay_ms, DELAY_MAX)?,
            strict: self.strict,
        })
    }

    /// What is handed on to handlers and upstreams must be what an HTTP field could hold.
    fn check_texts(&self) -> Result<(), Problem> {
        let texts = [("content_type", &self.content_type), ("traceparent", &self.traceparent)];
        for (name, text) in texts {
            if text.as_deref().is_some_and(|text| !is_field_value(text)) {
                return Err(refused(name, "is not visible ASCII with spaces or tabs between"));
            }
        }
        Ok(())
    }
}

impl Get {
    /// What is asked for.
    ///
    /// # Errors
    /// `unknown-task` if nothing can have that id; `malformed-parameter`, naming it.
    pub fn call(&self) -> Result<Call, Problem> {
        let id = task_id(&self.task)?;
        match (self.part, self.wait_ms) {
            (Part::Document, wait) => {
                let longest = Duration::from_secs(SECONDS_MAX);
                Ok(Call::Task { id, wait: span("wait_ms", wait.unwrap_or_default(), longest)? })
            }
            (Part::Result, None) => Ok(Call::TaskResult { id }),
            (Part::Errors, None) => Ok(Call::TaskErrors { id }),
            (Part::Result | Part::Errors, Some(_)) => Err(refused("wait_ms", "is unknown here")),
        }
    }
}

impl Named {
    /// The task that is named.
    ///
    /// # Errors
    /// `unknown-task` if nothing can have that id.
    pub fn id(&self) -> Result<TaskId, Problem> {
        task_id(&self.task)
    }
}

impl Listing {
    /// The list of tasks that is asked for.
    ///
    /// # Errors
    /// `malformed-parameter`, naming it.
    pub fn tasks(&self) -> Result<Call, Problem> {
        task_list(Some(&self.query))
    }

    /// The list of errors that is asked for.
    ///
    /// # Errors
    /// `malformed-parameter`, naming it.
    pub fn errors(&self) -> Result<Call, Problem> {
        error_list(Some(&self.query))
    }
}

impl GetContact {
    /// What is asked for.
    ///
    /// # Errors
    /// `malformed-parameter` if there is no email.
    pub fn call(&self) -> Result<Call, Problem> {
        match &*self.email {
            "" => Err(refused("email", "is empty")),
            email => Ok(Call::Contact { email: email.to_lowercase() }),
        }
    }
}

fn task_id(ulid: &[u8; 26]) -> Result<TaskId, Problem> {
    let id = str::from_utf8(ulid).unwrap_or_default().parse();
    id.map_err(|_| Problem::new(Code::UnknownTask, "This is not the id of a task."))
}

fn span(name: &str, millis: u64, most: Duration) -> Result<Duration, Problem> {
    let span = Duration::from_millis(millis);
    if span > most { Err(refused(name, "is too long")) } else { Ok(span) }
}

fn is_field_value(text: &str) -> bool {
    let is_printable = |byte: u8| byte.is_ascii_graphic() || byte == b' ' || byte == b'\t';
    text.bytes().all(is_printable) && text == text.trim_matches([' ', '\t'])
}

fn key(text: &str) -> Result<IdempotencyKey, Problem> {
    let refusal = || refused("idempotency_key", "is not 1 to 255 visible ASCII characters");
    IdempotencyKey::new(text).ok_or_else(refusal)
}

fn refused(name: &str, why: &str) -> Problem {
    Problem::new(Code::MalformedParameter, format!("The field `{name}` {why}."))
}
#[cfg(test)]
mod tests;
