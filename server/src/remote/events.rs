//! Following a task from afar: the events of a stream (HTML, server-sent events), taken up again
//! where a connection broke. It prints nothing itself.

use super::connection::Connection;
use anyhow::{Result, bail};
use serde_json::Value;
use std::io::BufRead;

/// One event of a task.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) id: String,
    pub(super) data: String,
}

/// Hands every event of the task to `take`, until its last.
pub(super) fn follow(
    connection: &Connection,
    task: &str,
    mut take: impl FnMut(&Event) -> Result<()>,
) -> Result<()> {
    let (path, mut last) = (format!("/v1/tasks/{task}/events"), None::<String>);
    loop {
        let Some(mut stream) = connection.stream(&path, last.as_deref())? else { return Ok(()) };
        let mut came = false;
        // A stream that breaks is taken up again like one that ends, if it has led anywhere.
        while let Ok(Some(event)) = next(&mut stream) {
            take(&event)?;
            if is_last(&event) {
                return Ok(());
            }
            came = true;
            last = Some(event.id);
        }
        if !came {
            bail!("the server ended the stream before the task has ended");
        }
    }
}

/// The next event; `None` at the end.
fn next(stream: &mut impl BufRead) -> Result<Option<Event>> {
    let (mut event, mut line) = (Event::default(), String::new());
    loop {
        line.clear();
        if stream.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        match line.trim_end().split_once(':').unwrap_or((line.trim_end(), "")) {
            ("id", value) => event.id = value.trim_start().to_owned(),
            ("data", value) => event.data = value.trim_start().to_owned(),
            ("", "") if !event.data.is_empty() => return Ok(Some(event)),
            _ => {}
        }
    }
}

fn is_last(event: &Event) -> bool {
    let data: Value = serde_json::from_str(&event.data).unwrap_or_default();
    matches!(data["state"].as_str(), Some("succeeded" | "failed" | "cancelled"))
}

/// An event as a line for a person.
pub(super) fn line(event: &Event) -> String {
    let data: Value = serde_json::from_str(&event.data).unwrap_or_default();
    let text = |value: &Value| super::table::plain(value);
    let (at, attempt) = (text(&data["at"]), text(&data["attempt"]));
    let what = match &data {
        data if data["cancel_asked"] == true => "its end was asked for".to_owned(),
        data if data["progress"].is_object() => match &data["progress"] {
            progress if progress["total"].is_null() => format!("{} done", progress["done"]),
            progress => format!("{} of {} done", progress["done"], progress["total"]),
        },
        data => match data["error"].is_object() {
            true => format!("{}: {}", text(&data["state"]), text(&data["error"]["detail"])),
            false => text(&data["state"]),
        },
    };
    let next = match data["next_attempt_at"].as_str() {
        Some(next) => format!("; next attempt at {next}"),
        None => String::new(),
    };
    format!("{at}  #{attempt}  {what}{next}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(id: &str, data: &str) -> Event {
        Event { id: id.to_owned(), data: data.to_owned() }
    }

    #[test]
    fn events_are_read_and_comments_passed_over() {
        let text = "id: 7\nevent: state\ndata: {\"a\":1}\n\n:\n\nid: 9\ndata: {}\n\nid: 10\n";
        let mut stream = text.as_bytes();
        assert_eq!(next(&mut stream).unwrap(), Some(event("7", r#"{"a":1}"#)));
        assert_eq!(next(&mut stream).unwrap(), Some(event("9", "{}")));
        assert_eq!(next(&mut stream).unwrap(), None, "an event that is not whole is none");
    }

    #[test]
    fn lines_say_what_happened() {
        for (data, expected) in [
            (r#""state":"queued""#, "queued"),
            (r#""progress":{"done":3,"total":null}"#, "3 done"),
            (r#""progress":{"done":3,"total":4}"#, "3 of 4 done"),
            (r#""cancel_asked":true"#, "its end was asked for"),
            (
                r#""state":"retrying","next_attempt_at":"noon","error":{"detail":"busy"}"#,
                "retrying: busy; next attempt at noon",
            ),
        ] {
            let event = event("1", &format!(r#"{{"at":"now","attempt":2,{data}}}"#));
            assert_eq!(line(&event), format!("now  #2  {expected}"));
        }
    }
}
