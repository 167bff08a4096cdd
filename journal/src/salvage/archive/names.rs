//! The names of what is lost: tasks that an index or an event of the old archive speaks of, and keys
//! of state as the damaged pages have them. It says nothing of what is still there.

use super::walk::Gap;
use super::{insert, name, walk};
use crate::archive::{StillArchive, explain};
use crate::salvage::report::Report;
use overtime_protocol::json::Json;
use overtime_protocol::record::{Change, Record};
use rusqlite::{Connection, Row};
use std::collections::{BTreeMap, BTreeSet};
use std::io;

/// The most keys of state that are named.
const KEYS_MAX: usize = 100_000;

/// Where names stand, and what a task is that stands there.
const INDEXES: [(&str, &str); 7] = [
    ("unfinished", "SELECT id FROM tasks INDEXED BY tasks_unfinished WHERE state < 4"),
    ("parked", "SELECT id FROM tasks INDEXED BY tasks_parked WHERE state = 4"),
    ("failed", "SELECT id FROM tasks INDEXED BY tasks_failed WHERE state = 6"),
    ("cancelled", "SELECT id FROM tasks INDEXED BY tasks_cancelled WHERE state = 7"),
    ("ended", "SELECT id, kind FROM tasks INDEXED BY tasks_finished WHERE state > 4"),
    ("unknown", "SELECT id, key FROM tasks INDEXED BY tasks_key WHERE key IS NOT NULL"),
    ("unknown", "SELECT DISTINCT task FROM events"),
];

/// What was lost with the archive.
#[derive(Default)]
pub(in crate::salvage) struct Lost {
    tasks: BTreeMap<i64, Named>,
    pub(super) state: BTreeSet<Vec<u8>>,
}

/// A task, as far as it is known.
#[derive(Default)]
pub(super) struct Named {
    state: &'static str,
    kind: Option<String>,
    key: Option<String>,
}

/// Names every task of the old archive that is not in the new one. One that can be read by its name
/// alone is copied.
pub(super) fn find(
    old: &StillArchive,
    new: &Connection,
    lost: &mut Lost,
    report: &mut Report,
) -> rusqlite::Result<()> {
    for (state, sql) in INDEXES {
        let read = walk::plain(old.connection(), sql, |row| {
            let id = row.get(0)?;
            if !is_there(new, id)? && !read_alone(old, new, id)? {
                lost.note(id, state).add(row)?;
            }
            Ok(())
        })?;
        if let Err(error) = read {
            let what = explain(&error);
            report.say(format!("not all lost tasks that are {state} can be named: {what}"));
        }
    }
    Ok(())
}

fn is_there(new: &Connection, id: i64) -> rusqlite::Result<bool> {
    new.prepare_cached("SELECT 1 FROM tasks WHERE id = ?1")?.exists([id])
}

/// Whether the row can be read when nothing is read before it; an event may be of a task that never
/// had one.
fn read_alone(old: &StillArchive, new: &Connection, id: i64) -> rusqlite::Result<bool> {
    let mut is_copied = false;
    let sql = format!("SELECT * FROM tasks WHERE id = {id}");
    let read = walk::plain(old.connection(), &sql, |row| {
        is_copied = true;
        insert(new, "tasks", row)
    })?;
    Ok(is_copied || read.is_ok())
}

impl Named {
    fn add(&mut self, row: &Row<'_>) -> rusqlite::Result<()> {
        match row.as_ref().column_name(1) {
            Ok("kind") => self.kind = row.get(1)?,
            Ok("key") => {
                let key: Vec<u8> = row.get(1)?;
                self.key = Some(key.iter().map(|byte| format!("{byte:02x}")).collect());
            }
            _ => {}
        }
        Ok(())
    }
}

impl Lost {
    /// Notes a task. What was said of it first is not taken back.
    pub(super) fn note(&mut self, id: i64, state: &'static str) -> &mut Named {
        self.tasks.entry(id).or_insert_with(|| Named { state, ..Named::default() })
    }

    /// Names the keys in these gaps as the pages have them, whatever their checksums say.
    pub(super) fn name_state(
        &mut self,
        old: &StillArchive,
        new: &Connection,
        gaps: &[Gap<Vec<u8>>],
    ) {
        let Ok(unchecked) = old.unchecked() else { return };
        for Gap { after, before } in gaps {
            let sql = "SELECT key FROM state WHERE key > ?1 AND key < ?2 ORDER BY key LIMIT ?3";
            let Ok(mut statement) = unchecked.connection().prepare(sql) else { return };
            let bounds = rusqlite::params![after, before, KEYS_MAX as i64];
            let Ok(keys) = statement.query_map(bounds, |row| row.get::<_, Vec<u8>>(0)) else {
                return;
            };
            let is_there = |key: &Vec<u8>| {
                let there = new.prepare_cached("SELECT 1 FROM state WHERE key = ?1");
                there.and_then(|mut there| there.exists([key])).unwrap_or(false)
            };
            let keys = keys.map_while(Result::ok).filter(|key| !is_there(key));
            self.state.extend(keys.take(KEYS_MAX));
        }
    }

    /// What a record of the log brings back is not lost.
    pub(in crate::salvage) fn bring_back(&mut self, record: &Record) {
        // One that is parked is nothing without its payload, which came with its acceptance.
        let is_whole =
            record.acceptance.is_some() || matches!(record.change, Some(Change::Finished(..)));
        if is_whole {
            self.tasks.remove(&record.task.key().cast_signed());
        }
        for put in &record.puts {
            self.state.remove(&put.key[..]);
        }
    }

    /// Lists everything.
    pub(in crate::salvage) fn tell(&self, report: &mut Report) -> io::Result<()> {
        for (id, Named { state, kind, key }) in &self.tasks {
            report.add("task", |json: &mut Json<'_>| {
                json.text("task", &name(*id));
                json.text("state", state);
                json.optional_text("kind", kind.as_deref());
                json.optional_text("idempotency_key_hash", key.as_deref());
            })?;
        }
        for key in &self.state {
            report.add("state", |json| json.text("key", &String::from_utf8_lossy(key)))?;
        }
        let unfinished = self.tasks.values().filter(|named| named.state == "unfinished").count();
        report.say(format!(
            "the archive was built anew: {} tasks are lost, {unfinished} of them unfinished, and {} \
             keys of state",
            self.tasks.len(),
            self.state.len()
        ));
        Ok(())
    }
}
