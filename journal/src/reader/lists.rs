//! Lists, as JSON documents that name where the next page begins. They show everything that was
//! durable when they were asked for, unless the archive cannot keep up. How live tasks stand the archive
//! does not know, so it only finds those, and writes what it is told of them.

use super::Reader;
use crate::error::StoreError;
use overtime_protocol::json::Json;
use overtime_protocol::{Answer, Document, Entry, Scope, Sheet, TaskFilter};

impl Reader {
    /// A page of tasks, or what may be on it.
    pub(super) fn list(&self, filter: TaskFilter, scope: &Scope) -> Result<Answer, StoreError> {
        let Some(filter) = within(filter, scope) else {
            return Ok(page_of("tasks", &[], Document::write_json, None));
        };
        self.shared.catch_up(self.catch_up_max);
        let sighted = self.archive.take().list(filter, scope.clone(), self.shared.applied())?;
        match sighted.filter.shows_live() {
            true => Ok(Answer::Sighted(Box::new(sighted))),
            false => self.sheet(sighted.sheet(|_| None)),
        }
    }

    /// A page whose tasks are known.
    pub(super) fn sheet(&self, sheet: Sheet) -> Result<Answer, StoreError> {
        let Sheet { entries, state, next } = sheet;
        let (mut archive, applied) = (self.archive.take(), self.shared.applied());
        let mut documents = Vec::with_capacity(entries.len());
        for entry in entries {
            match entry {
                Entry::Live(document) => documents.push(*document),
                Entry::Kept(task) => {
                    let found = archive.document(task, applied)?;
                    let document = found.map(|found| found.document);
                    // It may have gone on since it was found.
                    let is_in =
                        |document: &Document| state.is_none_or(|state| state == document.state);
                    documents.extend(document.filter(is_in));
                }
            }
        }
        let next = next.map(|task| task.to_string());
        Ok(page_of("tasks", &documents, Document::write_json, next.as_deref()))
    }
}

/// What is left of a filter for whoever asks; `None` if that is nothing.
fn within(filter: TaskFilter, scope: &Scope) -> Option<TaskFilter> {
    if filter.among.as_ref().is_some_and(|kinds| kinds.is_empty()) {
        return None;
    }
    let Scope::Own(own) = scope else { return Some(filter) };
    let is_own = filter.tenant.as_ref().is_none_or(|named| named == own);
    is_own.then(|| TaskFilter { tenant: Some(own.clone()), ..filter })
}

/// A page of anything.
pub(super) fn page_of<T>(
    name: &str,
    entries: &[T],
    write: impl Fn(&T, &mut Vec<u8>),
    next: Option<&str>,
) -> Answer {
    let mut body = Vec::new();
    let mut json = Json::object(&mut body);
    json.array(name, entries, write);
    json.optional_text("next", next);
    json.end();
    Answer::Value { content_type: "application/json", body: body.into() }
}
