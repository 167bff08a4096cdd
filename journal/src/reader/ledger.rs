//! The ledger of errors as a JSON document. A page ends at `kind:class:print`.

use super::Reader;
use super::lists::page_of;
use crate::archive::{LedgerEntry, LedgerPlace};
use crate::error::StoreError;
use overtime_protocol::json::Json;
use overtime_protocol::{Answer, Class, Code, LedgerFilter, Problem};

impl Reader {
    /// A page of the ledger.
    pub(super) fn ledger(&self, filter: &LedgerFilter) -> Result<Answer, StoreError> {
        let after = match &filter.after {
            None => LedgerPlace::START,
            Some(text) => match parse(text) {
                Some(place) => place,
                None => return Ok(malformed(text)),
            },
        };
        self.shared.catch_up(self.catch_up_max);
        let page = self.archive.take().ledger(filter, &after, self.shared.applied())?;
        let next = page.entries.last().filter(|_| page.more).map(end);
        Ok(page_of("errors", &page.entries, write_entry, next.as_deref()))
    }
}

/// How a page that ends with this entry says so.
fn end(entry: &LedgerEntry) -> String {
    format!("{}:{}:{}", entry.kind, entry.class.name(), hex(entry.print))
}

fn parse(text: &str) -> Option<LedgerPlace> {
    let (kind, rest) = text.split_once(':')?;
    let (class, print) = rest.split_once(':')?;
    let class = [Class::Ephemeral, Class::Persistent].into_iter().find(|c| c.name() == class)?;
    let print = u64::from_str_radix(print, 16).ok().filter(|found| hex(*found) == print)?;
    Some(LedgerPlace { kind: kind.to_owned(), class: class as u8, print })
}

fn hex(print: u64) -> String {
    format!("{print:016x}")
}

fn malformed(text: &str) -> Answer {
    let detail = format!("`after` is {text:?}; it must be the `next` of a page before");
    Problem::new(Code::MalformedParameter, detail).into()
}

fn write_entry(entry: &LedgerEntry, out: &mut Vec<u8>) {
    let mut json = Json::object(out);
    json.text("fingerprint", &hex(entry.print));
    json.text("kind", entry.kind.as_str());
    json.text("class", entry.class.name());
    json.text("code", &entry.code);
    json.text("detail", &entry.detail);
    json.number("count", entry.count);
    json.text("first_at", &entry.first_at.to_string());
    json.text("last_at", &entry.last_at.to_string());
    json.text("last_task", &entry.last_task.to_string());
    json.number("parked", u64::from(entry.parked));
    json.end();
}
