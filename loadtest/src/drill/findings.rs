//! What is not as it should be, one entry each, so that a person can look for it in the data that
//! was kept. It never decides what is right.

use overtime_protocol::TaskId;
use serde::Serialize;
use std::fmt::{Display, Formatter};

/// In which way something is not right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Fault {
    /// What was acknowledged is not there.
    Missing,
    /// Something took effect more often than it was asked for.
    Doubled,
    /// Something is there that nobody has asked for.
    Invented,
    /// An answer, a result or a contact is not the right one.
    Wrong,
    /// What was told once is told otherwise now.
    Changed,
    /// Accepted work does not end.
    Unfinished,
}

impl Display for Fault {
    fn fmt(&self, out: &mut Formatter<'_>) -> std::fmt::Result {
        out.pad(match self {
            Self::Missing => "missing",
            Self::Doubled => "doubled",
            Self::Invented => "invented",
            Self::Wrong => "wrong",
            Self::Changed => "changed",
            Self::Unfinished => "unfinished",
        })
    }
}

/// One thing that is not right.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// In which way.
    pub fault: Fault,
    /// The task, if it is known.
    pub task: Option<String>,
    /// The idempotency key, if there was one.
    pub key: Option<String>,
    /// What was sent, what was expected and what was found.
    pub told: String,
}

impl Finding {
    /// Something about a task that nobody here has sent, or about no task.
    pub(super) fn new(fault: Fault, task: Option<TaskId>, told: String) -> Self {
        Self { fault, task: task.map(|task| task.to_string()), key: None, told }
    }
}

impl Display for Finding {
    fn fmt(&self, out: &mut Formatter<'_>) -> std::fmt::Result {
        write!(out, "{:<12} ", self.fault)?;
        if let Some(task) = &self.task {
            write!(out, "task {task} ")?;
        }
        if let Some(key) = &self.key {
            write!(out, "key {key} ")?;
        }
        out.write_str(&self.told)
    }
}

/// All that is not right, in the order in which it was found.
pub type Findings = Vec<Finding>;
