//! What a machine has to have for a test. Without it the test is skipped and says so; where `CI` is
//! set nothing is skipped.

use std::process::{Command, Stdio};

/// Whether a program can be run that the machine may lack.
pub(crate) fn has_program(name: &str, argument: &str) -> bool {
    let run = Command::new(name).arg(argument).stdout(Stdio::null()).stderr(Stdio::null()).status();
    has(name, run.is_ok_and(|status| status.success()))
}

/// Whether the test may run, which needs `what`.
pub(crate) fn has(what: &str, found: bool) -> bool {
    let required = std::env::var_os("CI").is_some();
    assert!(found || !required, "{what} is required where CI is set");
    if !found {
        eprintln!("SKIPPED: the machine has no {what}");
    }
    found
}

/// Whether the test runs as root, who may mount.
pub(crate) fn is_root() -> bool {
    has("root", rustix::process::geteuid().is_root())
}
