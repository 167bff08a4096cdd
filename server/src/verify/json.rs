//! The health of a folder as one JSON document.

use overtime_journal::{Effect, Flaw, Health, SegmentHealth};
use serde_json::{Map, Value, json};
use std::path::Path;

/// The document.
pub(super) fn document(folder: &Path, health: &Health) -> Value {
    let tasks = health.tasks.iter().map(|(state, count)| (state.name().to_owned(), json!(count)));
    let log = &health.log;
    let archive = &health.archive;
    let spool = &health.spool;
    json!({
        "folder": folder.to_string_lossy(),
        "healthy": health.is_healthy(),
        "starts": !health.is_stopped(),
        "format": health.format,
        "log": {
            "bytes": log.bytes,
            "free_files": log.free,
            "unapplied": log.unapplied,
            "last_lsn": log.last,
            "segments": log.segments.iter().map(segment).collect::<Vec<_>>(),
        },
        "archive": {
            "bytes": archive.bytes,
            "watermark": archive.watermark,
            "tasks": archive.tasks,
            "state": archive.state,
            "events": archive.events,
        },
        "spool": {
            "files": spool.files,
            "bytes": spool.bytes,
            "orphans": spool.orphans,
            "lost": spool.lost,
        },
        "tasks": tasks.collect::<Map<_, _>>(),
        "unfinished": health.unfinished(),
        "flaws": health.flaws.iter().map(flaw).collect::<Vec<_>>(),
        "untold_flaws": health.untold,
        "notes": health.notes,
    })
}

fn segment(segment: &SegmentHealth) -> Value {
    json!({
        "file": segment.file,
        "sequence": segment.sequence,
        "first_lsn": segment.lsns.map(|(first, _)| first),
        "last_lsn": segment.lsns.map(|(_, last)| last),
        "records": segment.records,
        "bytes": segment.bytes,
    })
}

fn flaw(flaw: &Flaw) -> Value {
    json!({
        "part": flaw.part.name(),
        "file": flaw.file.as_ref().map(|file| file.to_string_lossy()),
        "offset": flaw.offset,
        "what": flaw.what,
        "stops": flaw.effect == Effect::Stops,
    })
}
