//! The comparison after a crash: every contact and every accepted task is asked for.

use super::ledger::{Findings, Ledger};
use crate::batch::ask_all;
use crate::document::{Contact, Task, read};
use crate::request::get;
use crate::response::Response;
use anyhow::bail;
use std::net::SocketAddr;

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// All that is changed over and over, and what was written once since the last comparison.
    Recent,
    /// All that was ever sent.
    Everything,
}

/// Compares what the server holds with the ledger.
pub(super) fn audit(
    target: SocketAddr,
    ledger: &mut Ledger,
    scope: Scope,
) -> anyhow::Result<Findings> {
    let (once_from, tasks_from) = match (scope, ledger.take_recent()) {
        (Scope::Recent, recent) => recent,
        (Scope::Everything, _) => (ledger.lasting(), 0),
    };
    let mut findings = std::mem::take(&mut ledger.findings);
    findings.unfinished = count_unfinished(target, &ledger.tasks()[tasks_from..])?;
    let lasting = ledger.lasting();
    let once = ledger.accounts() - once_from;
    let place =
        |number: usize| if number < lasting { number } else { number - lasting + once_from };
    let mut nonsense = None;
    ask_all(
        target,
        lasting + once,
        |number, request| {
            let email = Ledger::email(place(number));
            *request = get(target, &format!("/v1/contacts/{email}"));
        },
        |number, response| match holding(response) {
            Ok((version, value)) => {
                findings.note(ledger.account(place(number)).settle(version, value));
            }
            Err(error) => nonsense = Some(error),
        },
    )?;
    nonsense.map_or(Ok(findings), Err)
}

/// The version and the value that the server holds; zeros if it holds nothing.
fn holding(response: &Response<'_>) -> anyhow::Result<(u64, u64)> {
    match response.status {
        200 => {
            let contact: Contact = read(response.body)?;
            let value = contact.company.and_then(|company| company.parse().ok());
            Ok((contact.version, value.unwrap_or(0)))
        }
        404 => Ok((0, 0)),
        status => bail!("a contact was answered with {status}"),
    }
}

fn count_unfinished(target: SocketAddr, tasks: &[String]) -> anyhow::Result<u64> {
    let mut unfinished = 0;
    ask_all(
        target,
        tasks.len(),
        |number, request| *request = get(target, &format!("/v1/tasks/{}", tasks[number])),
        |_, response| {
            let is_done = response.status == 200
                && read::<Task>(response.body).is_ok_and(|task| task.is_succeeded());
            unfinished += u64::from(!is_done);
        },
    )?;
    Ok(unfinished)
}
