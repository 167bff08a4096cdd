//! The health of a folder as one screen of text: the verdict first, then what there is.

use overtime_journal::{Flaw, Health, Part};
use std::fmt::Write;
use std::path::Path;

/// The most flaws and notes that are told.
const LINES_MAX: usize = 20;

/// The page.
pub(super) fn page(folder: &Path, health: &Health) -> String {
    let mut text = verdict(folder, health);
    let mut row = |name: &str, what: String| {
        let _ = writeln!(text, "{name:<9}{what}");
    };
    let format = health.format.map_or("cannot be read".to_owned(), |format| format.to_string());
    row("format", format);
    row("log", log(health));
    row("archive", archive(health));
    row("spool", spool(health));
    row("tasks", tasks(health));
    for note in health.notes.iter().take(LINES_MAX) {
        row("note", calm(note));
    }
    text
}

fn verdict(folder: &Path, health: &Health) -> String {
    if health.is_healthy() {
        return format!("healthy: nothing in {} is damaged\n", folder.display());
    }
    let count = health.flaws.len() as u64 + health.untold;
    let things = if count == 1 { "1 thing is".to_owned() } else { format!("{count} things are") };
    let mut text = format!("damaged: {things} wrong in {}\n", folder.display());
    for flaw in health.flaws.iter().take(LINES_MAX) {
        let _ = writeln!(text, "  {}", line(folder, flaw));
    }
    if count > LINES_MAX as u64 {
        let _ = writeln!(
            text,
            "  and {} more: --json tells up to a thousand",
            count - LINES_MAX as u64
        );
    }
    text.push_str(advice(health));
    text
}

fn line(folder: &Path, flaw: &Flaw) -> String {
    let file = flaw.file.as_ref().map(|file| file.strip_prefix(folder).unwrap_or(file));
    let place = match (file, flaw.offset) {
        (Some(file), Some(offset)) => format!("{} at byte {offset}", file.display()),
        (Some(file), None) => file.display().to_string(),
        (None, _) => flaw.part.name().to_owned(),
    };
    calm(&format!("{place}: {}", flaw.what))
}

/// What a person can do.
fn advice(health: &Health) -> &'static str {
    if health.is_stopped_by(Part::Folder) {
        "Start a server on it.\n"
    } else if health.is_stopped_by(Part::Format) {
        "FORMAT holds the key of the log and never changes: restore that file from any copy of the \
         folder.\n"
    } else if health.flaws.iter().all(|flaw| flaw.part == Part::Keys) {
        "keys.toml says who may call: restore that file from a copy of the folder. Or remove it and make \
         new keys with `overtime keys`: without it nobody is asked for one.\n"
    } else if health.is_stopped() {
        "Restore the folder from a copy. Or start with `overtime serve --accept-loss`: what can be \
         read is kept, what cannot is listed, and the damaged files are set aside.\n"
    } else {
        "A server starts on it. A task without its payload is parked as `payload-lost`.\n"
    }
}

fn log(health: &Health) -> String {
    let log = &health.log;
    let first = log.segments.iter().find_map(|segment| segment.lsns);
    let records = match first {
        Some((first, _)) => format!("records {first} to {}", log.last),
        None => "no records".to_owned(),
    };
    format!(
        "{} segments and {} free, {}; {records}, {} of them not yet in the archive",
        log.segments.len(),
        log.free,
        size(log.bytes),
        log.unapplied
    )
}

fn archive(health: &Health) -> String {
    let archive = &health.archive;
    let until = archive.watermark.map_or_else(|| "?".to_owned(), |lsn| lsn.to_string());
    format!(
        "{}; everything up to record {until}: {} tasks, {} events, {} keys of state",
        size(archive.bytes),
        archive.tasks,
        archive.events,
        archive.state
    )
}

fn spool(health: &Health) -> String {
    let spool = &health.spool;
    let rest = match (spool.orphans, spool.lost) {
        (0, 0) => String::new(),
        (orphans, 0) => format!(", {orphans} that no task needs"),
        (orphans, lost) => format!(", {orphans} that no task needs, {lost} lost"),
    };
    format!("{} payloads, {}{rest}", spool.files, size(spool.bytes))
}

fn tasks(health: &Health) -> String {
    let states = health.tasks.iter().filter(|(_, count)| **count > 0);
    let states: Vec<_> = states.map(|(state, count)| format!("{count} {}", state.name())).collect();
    let states = if states.is_empty() { String::new() } else { format!(": {}", states.join(", ")) };
    format!("{} unfinished{states}", health.unfinished())
}

/// A size in the unit in which it is read best.
fn size(bytes: u64) -> String {
    let units = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    match units.into_iter().find(|&(unit, _)| bytes >= unit) {
        Some((unit, name)) => format!("{}.{} {name}", bytes / unit, bytes % unit * 10 / unit),
        None => format!("{bytes} bytes"),
    }
}

/// What others wrote must not steer the terminal.
fn calm(text: &str) -> String {
    text.chars().map(|char| if char.is_control() { ' ' } else { char }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_short() {
        for (bytes, text) in [(0, "0 bytes"), (1_536, "1.5 KiB"), (33_554_432, "32.0 MiB")] {
            assert_eq!(size(bytes), text);
        }
    }
}
