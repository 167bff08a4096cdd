//! The comparison afterwards: every key once more as it was, once with another payload, and its
//! contact.

use super::ledger::Ledger;
use super::senders::{email, name, request};
use crate::batch::ask_all;
use crate::document::{Contact, Problem, read};
use crate::request::{get, post_json_once};
use std::net::SocketAddr;

/// How many keys are not as they should be.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Audit {
    pub(super) not_replayed: u64,
    pub(super) not_refused: u64,
    pub(super) wrong_versions: u64,
}

impl Audit {
    pub(super) fn of(target: SocketAddr, ledger: &Ledger) -> anyhow::Result<Self> {
        Ok(Self {
            not_replayed: count_not_replayed(target, ledger)?,
            not_refused: count_not_refused(target, ledger.keys())?,
            wrong_versions: count_wrong_versions(target, ledger.keys())?,
        })
    }
}

fn count_not_replayed(target: SocketAddr, ledger: &Ledger) -> anyhow::Result<u64> {
    let mut count = 0;
    ask_all(
        target,
        ledger.keys(),
        |number, out| *out = request(target, number as u32),
        |number, response| {
            let is_replay = response.status == 200
                && response.header("idempotency-replayed") == Some("true")
                && response.header("overtime-task").is_some()
                && response.header("overtime-task") == ledger.task(number);
            count += u64::from(!is_replay);
        },
    )?;
    Ok(count)
}

fn count_not_refused(target: SocketAddr, keys: usize) -> anyhow::Result<u64> {
    let mut count = 0;
    ask_all(
        target,
        keys,
        |number, out| {
            let key = number as u32;
            let body = format!("{{\"email\":\"{}\",\"company\":\"second\"}}", email(key));
            *out = post_json_once(target, "/v1/tasks/contacts.upsert", &name(key), &body);
        },
        |_, response| {
            let is_refused = response.status == 422
                && read::<Problem>(response.body)
                    .is_ok_and(|problem| problem.code.as_deref() == Some("idempotency-key-reused"));
            count += u64::from(!is_refused);
        },
    )?;
    Ok(count)
}

fn count_wrong_versions(target: SocketAddr, keys: usize) -> anyhow::Result<u64> {
    let mut count = 0;
    ask_all(
        target,
        keys,
        |number, out| *out = get(target, &format!("/v1/contacts/{}", email(number as u32))),
        |_, response| {
            let is_right = read::<Contact>(response.body).is_ok_and(|contact| {
                contact.version == 1 && contact.company.as_deref() == Some("first")
            });
            count += u64::from(!is_right);
        },
    )?;
    Ok(count)
}
