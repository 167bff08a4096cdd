//! The list of what is lost: a JSON object a line. It says what was found, and judges nothing.

use crate::survey::{Sighting, Survey, Unreadable};
use overtime_protocol::json::{Json, write_text};
use overtime_protocol::record::{Change, Record};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// The list, and the sentences that sum it up.
pub(super) struct Report {
    file: BufWriter<File>,
    lines: Vec<String>,
}

impl Report {
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        Ok(Self { file: BufWriter::new(File::create(path)?), lines: Vec::new() })
    }

    /// Says something that a person should know.
    pub(super) fn say(&mut self, line: String) {
        self.lines.push(line);
    }

    /// Adds one object, which says `what` it is about.
    pub(super) fn add(&mut self, what: &str, fill: impl FnOnce(&mut Json<'_>)) -> io::Result<()> {
        let mut line = Vec::new();
        let mut json = Json::object(&mut line);
        json.text("what", what);
        fill(&mut json);
        json.end();
        line.push(b'\n');
        self.file.write_all(&line)
    }

    /// A record that can be read and that something is missing before.
    pub(super) fn record(&mut self, sighting: &Sighting<'_>, survey: &Survey) -> io::Result<()> {
        let lsn = sighting.frame.header.lsn;
        self.add("record", |json| {
            json.number("lsn", lsn);
            // Nothing says of the newest records of all whether anybody was told of them.
            json.boolean("surely_acknowledged", lsn <= survey.witnessed);
            json.text("file", &sighting.file.to_string());
            json.number("offset", sighting.at);
            match &sighting.record {
                Some(record) => describe(json, record),
                None => json.text("change", "unreadable"),
            }
        })
    }

    /// Bytes that are no record.
    pub(super) fn unreadable(&mut self, place: &Unreadable) -> io::Result<()> {
        self.add("unreadable", |json| {
            json.optional_number("lsn", place.lsn);
            json.text("file", &place.file.to_string());
            json.number("offset", place.bytes.start);
            json.number("bytes", place.bytes.end - place.bytes.start);
        })
    }

    /// Ends the list with the sentences, and gives them back.
    pub(super) fn finish(mut self) -> io::Result<Vec<String>> {
        let lines = std::mem::take(&mut self.lines);
        self.add("summary", |json| json.array("lines", &lines, |line, out| write_text(out, line)))?;
        self.file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        Ok(lines)
    }
}

fn describe(json: &mut Json<'_>, record: &Record) {
    json.text("task", &record.task.to_string());
    json.number("attempt", u64::from(record.attempt));
    json.text("change", change(record));
    if let Some(acceptance) = &record.acceptance {
        json.boolean("accepts", true);
        json.text("kind", acceptance.kind.as_str());
        json.text("tenant", &acceptance.tenant);
        json.number("payload_bytes", acceptance.payload.len());
        json.boolean("payload_in_spool", acceptance.payload.is_spooled());
    }
    if let Some(Change::Finished(document, _) | Change::Parked(document)) = &record.change {
        json.text("state", document.state.name());
        if record.acceptance.is_none() {
            json.text("kind", document.kind.as_str());
        }
    }
    if let Some(claim) = record.claim {
        let hash: String = claim.key.0.iter().map(|byte| format!("{byte:02x}")).collect();
        json.text("idempotency_key_hash", &hash);
    }
    if !record.puts.is_empty() {
        json.array("state_keys", &record.puts, |put, out| {
            write_text(out, &String::from_utf8_lossy(&put.key));
        });
    }
}

fn change(record: &Record) -> &'static str {
    match &record.change {
        None if record.acceptance.is_some() => "accepted",
        None => "state",
        Some(Change::Started(_)) => "started",
        Some(Change::Retrying { .. }) => "retrying",
        Some(Change::Advanced(_)) => "advanced",
        Some(Change::Parked(_)) => "parked",
        Some(Change::Finished(..)) => "finished",
        Some(Change::Resumed) => "resumed",
        Some(Change::CancelAsked) => "cancel-asked",
    }
}
