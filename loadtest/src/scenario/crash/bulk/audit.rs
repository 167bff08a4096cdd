//! The comparison after a crash: every contact of every body that was sent, and every task that
//! was accepted.

use super::Round;
use super::delivery::{Delivery, Fate};
use crate::batch::ask_all;
use crate::document::{BulkResult, Contact, Task, read};
use crate::request::get;
use anyhow::bail;
use serde::Serialize;
use std::net::SocketAddr;

/// What is not as it should be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Findings {
    /// Contacts of acknowledged bodies that are not there.
    pub(super) missing: u64,
    /// Contacts that were written more often than they were sent.
    pub(super) doubled: u64,
    /// Bodies that took effect in part.
    pub(super) partial: u64,
    /// Accepted bodies that did not succeed with all their items.
    pub(super) unfinished: u64,
}

impl Findings {
    pub(super) fn add(&mut self, other: &Self) {
        self.missing += other.missing;
        self.doubled += other.doubled;
        self.partial += other.partial;
        self.unfinished += other.unfinished;
    }
}

/// Compares what the server holds with what was sent.
pub(super) fn audit(target: SocketAddr, rounds: &[Round]) -> anyhow::Result<Findings> {
    let mut findings = Findings::default();
    for round in rounds {
        let versions = versions(target, round)?;
        for delivery in &round.deliveries {
            judge(delivery, &versions[delivery.places.clone()], &mut findings);
        }
        findings.unfinished += count_unfinished(target, &round.deliveries)?;
    }
    Ok(findings)
}

/// The version of each contact of the round by its place; 0 if it is not there.
fn versions(target: SocketAddr, round: &Round) -> anyhow::Result<Vec<u64>> {
    let mut versions = vec![0; round.contacts.items()];
    let sent: Vec<usize> =
        round.deliveries.iter().flat_map(|delivery| delivery.places.clone()).collect();
    let mut nonsense = None;
    ask_all(
        target,
        sent.len(),
        |number, request| {
            let email = round.contacts.at(sent[number]).email();
            *request = get(target, &format!("/v1/contacts/{email}"));
        },
        |number, response| match (response.status, read::<Contact>(response.body)) {
            (200, Ok(contact)) => versions[sent[number]] = contact.version,
            (404, _) => {}
            (status, _) => nonsense = Some(status),
        },
    )?;
    match nonsense {
        None => Ok(versions),
        Some(status) => bail!("a contact was answered with {status}"),
    }
}

fn judge(delivery: &Delivery, versions: &[u64], findings: &mut Findings) {
    let absent = versions.iter().filter(|version| **version == 0).count() as u64;
    let there = versions.len() as u64 - absent;
    findings.doubled += versions.iter().filter(|version| **version > 1).count() as u64;
    match delivery.fate {
        Fate::Done | Fate::Accepted(_) => findings.missing += absent,
        Fate::Unknown => findings.partial += u64::from(absent > 0 && there > 0),
        Fate::Refused => findings.doubled += there,
    }
}

fn count_unfinished(target: SocketAddr, deliveries: &[Delivery]) -> anyhow::Result<u64> {
    let accepted: Vec<(&str, u64)> = deliveries
        .iter()
        .filter_map(|delivery| match &delivery.fate {
            Fate::Accepted(id) => Some((id.as_str(), delivery.places.len() as u64)),
            _ => None,
        })
        .collect();
    let mut finished = vec![(false, false); accepted.len()];
    let path = |number: usize| {
        let (id, _) = accepted[number / 2];
        if number.is_multiple_of(2) {
            format!("/v1/tasks/{id}")
        } else {
            format!("/v1/tasks/{id}/result")
        }
    };
    ask_all(
        target,
        2 * accepted.len(),
        |number, request| *request = get(target, &path(number)),
        |number, response| {
            let (is_succeeded, is_whole) = &mut finished[number / 2];
            if number.is_multiple_of(2) {
                *is_succeeded = read::<Task>(response.body).is_ok_and(|task| task.is_succeeded());
            } else {
                let (_, items) = accepted[number / 2];
                let whole = BulkResult { items, succeeded: items, failed: 0 };
                *is_whole = read::<BulkResult>(response.body).is_ok_and(|result| result == whole);
            }
        },
    )?;
    Ok(finished.iter().filter(|both| **both != (true, true)).count() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(fate: Fate, versions: &[u64]) -> Findings {
        let mut findings = Findings::default();
        judge(&Delivery { places: 0..versions.len(), fate }, versions, &mut findings);
        findings
    }

    #[test]
    fn an_acknowledged_body_is_there_once_and_whole() {
        for fate in [Fate::Done, Fate::Accepted("T".into())] {
            assert_eq!(judged(fate.clone(), &[1, 1, 1]), Findings::default());
            assert_eq!(judged(fate.clone(), &[1, 0, 0]).missing, 2);
            assert_eq!(judged(fate, &[1, 2, 1]).doubled, 1);
        }
    }

    #[test]
    fn a_body_of_unknown_fate_is_there_whole_or_not_at_all() {
        assert_eq!(judged(Fate::Unknown, &[1, 1]), Findings::default());
        assert_eq!(judged(Fate::Unknown, &[0, 0]), Findings::default());
        assert_eq!(judged(Fate::Unknown, &[0, 1]).partial, 1);
        assert_eq!(judged(Fate::Unknown, &[2, 2]).doubled, 2);
    }

    #[test]
    fn nothing_of_a_refused_body_is_there() {
        assert_eq!(judged(Fate::Refused, &[0, 0]), Findings::default());
        assert_eq!(judged(Fate::Refused, &[0, 1]).doubled, 1);
    }
}
