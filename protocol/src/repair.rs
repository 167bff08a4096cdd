//! Repairs: what a person wants done with all tasks that are parked for one reason, and how far that
//! is.

use crate::json::Json;
use crate::kind::KindName;

/// What is to be done with parked tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// They run again.
    Retry,
    /// They end as cancelled.
    Discard,
}

impl Remedy {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Discard => "discard",
        }
    }
}

/// What is to be repaired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepairOrder {
    /// The print of the fault for which the tasks are parked.
    pub print: u64,
    /// What is to be done.
    pub remedy: Remedy,
    /// Their kind; all kinds if it is not named.
    pub kind: Option<KindName>,
    /// Only count them.
    pub dry_run: bool,
    /// How many a second.
    pub rate: u32,
    /// Stop when more than so many are parked again.
    pub stop_at: Option<u64>,
}

/// Where a repair stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RepairState {
    /// It goes on.
    Running,
    /// There was nothing left, and all that ran again have ended.
    Done,
    /// Too many were parked again.
    Stopped,
}

impl RepairState {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Done => "done",
            Self::Stopped => "stopped",
        }
    }
}

/// How far a repair is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RepairProgress {
    /// Where it stands.
    pub state: RepairState,
    /// What is done.
    pub remedy: Remedy,
    /// Tasks with which that was done.
    pub acted: u64,
    /// Tasks of those that have ended as they should: succeeded, or discarded.
    pub succeeded: u64,
    /// Tasks of those that failed or were parked again.
    pub failed: u64,
    /// Tasks of those that have not ended.
    pub open: u64,
    /// Tasks that are found and not come to; there may be more behind them.
    pub left: u64,
    /// Tasks that could not be steered, because somebody else was faster, nobody handles them
    /// or they could not be read.
    pub skipped: u64,
}

/// A fingerprint as it is shown: 16 hex digits.
pub fn write_print(print: u64) -> String {
    format!("{print:016x}")
}

/// The fingerprint that is shown like this.
pub fn read_print(text: &str) -> Option<u64> {
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    let well_formed = text.len() == 16 && text.bytes().all(is_digit);
    well_formed.then(|| u64::from_str_radix(text, 16).ok()).flatten()
}

impl RepairProgress {
    /// Appends it as JSON: the document of the repair of `print`, or what there is of one.
    pub fn write_json(print: u64, progress: Option<&Self>, out: &mut Vec<u8>) {
        let mut json = Json::object(out);
        json.text("fingerprint", &write_print(print));
        match progress {
            None => json.null("repair"),
            Some(progress) => json.nested("repair", |json| {
                json.text("state", progress.state.name());
                json.text("action", progress.remedy.name());
                json.number("acted", progress.acted);
                json.number("succeeded", progress.succeeded);
                json.number("failed", progress.failed);
                json.number("open", progress.open);
                json.number("left", progress.left);
                json.number("skipped", progress.skipped);
            }),
        }
        json.end();
    }
}

/// Appends what a repair would do, as JSON.
pub fn write_dry_run(order: &RepairOrder, matching: u64, more: bool, out: &mut Vec<u8>) {
    let mut json = Json::object(out);
    json.text("fingerprint", &write_print(order.print));
    json.text("action", order.remedy.name());
    json.number("matching", matching);
    json.boolean("more", more);
    json.boolean("dry_run", true);
    json.end();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_16_lower_hex_digits() {
        for print in [0, 1, 0xdead_beef, u64::MAX] {
            assert_eq!(read_print(&write_print(print)), Some(print));
        }
        for text in [
            "",
            "0",
            "000000000000000g",
            "000000000000000A",
            "00000000000000000",
            "+00000000000000f",
        ] {
            assert_eq!(read_print(text), None, "{text}");
        }
    }
}
