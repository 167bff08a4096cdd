//! What a machine has to have for a test. Without it the test is skipped and says so. Where `CI` is
//! set, what can be installed has to be there; what only whoever owns the machine can grant has not.

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

/// Whether the test may run, which needs a right.
pub(crate) fn is_granted(right: &str, granted: bool) -> bool {
    if !granted {
        eprintln!("SKIPPED: the test has no right to {right}");
    }
    granted
}

/// Whether the test runs as root, who may mount.
pub(crate) fn is_root() -> bool {
    is_granted("be root", rustix::process::geteuid().is_root())
}
