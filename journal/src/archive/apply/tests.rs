//! Folds that are written once more, as they are after a loss that was accepted: the archive has what
//! they say already.

use crate::applier::opener;
use crate::archive::Writer;
use crate::fold::Fold;
use crate::storage::{ArchiveFiles, Site};
use overtime_protocol::record::{Acceptance, Change, Record};
use overtime_protocol::{
    Claim, Clock, Document, Durability, Fingerprint, Form, KeyHash, KindName, Lane, Payload,
    TaskId, TaskState, UnixMillis,
};

fn task(number: u64) -> TaskId {
    TaskId::from_key(number).unwrap()
}

fn kind() -> KindName {
    KindName::new("echo").unwrap()
}

/// The acceptance of a task that claims the one key of these tests.
fn accepted(number: u64) -> Record {
    let acceptance = Acceptance {
        kind: kind(),
        lane: Lane::Interactive,
        tenant: "acme".into(),
        created_at: UnixMillis(number),
        due_at: None,
        urgency: 3,
        content_type: None,
        traceparent: None,
        form: Form::Single,
        payload: Payload::seal(vec!["in".into()]),
    };
    let claim = Claim { key: KeyHash([7; 16]), fingerprint: Fingerprint([number as u8; 16]) };
    let record = Record::new(task(number), UnixMillis(number));
    Record { acceptance: Some(acceptance), claim: Some(claim), ..record }
}

fn succeeded(number: u64) -> Record {
    let document = Document {
        id: task(number),
        kind: kind(),
        lane: Lane::Interactive,
        state: TaskState::Succeeded,
        attempts: 1,
        created_at: UnixMillis(number),
        started_at: None,
        finished_at: Some(UnixMillis(number)),
        next_attempt_at: None,
        progress: None,
        fault: None,
        tenant: "acme".into(),
        durability: Durability::Disk,
    };
    let change = Some(Change::Finished(Box::new(document), None));
    Record { change, ..Record::new(task(number), UnixMillis(number)) }
}

fn fold(lsn: u64, record: Record) -> Fold {
    let mut fold = Fold::default();
    fold.add(lsn, 100, record);
    fold
}

/// The task that holds the key, and the request that it stands for.
fn holder(archive: &Writer) -> Option<(i64, [u8; 16])> {
    let sql = "SELECT id, fingerprint FROM tasks WHERE key IS NOT NULL";
    archive.connection().query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).ok()
}

#[test]
fn whoever_claimed_a_key_last_has_it_also_if_the_claims_are_written_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("archive.db");
    let site = Site { file, files: ArchiveFiles::System, clock: Clock::start() };
    let mut archive = Writer::open(&site, opener()).unwrap();
    let history = || [accepted(1), succeeded(1), accepted(2), succeeded(2), accepted(3)];
    for _ in 0..2 {
        for (record, lsn) in history().into_iter().zip(1..) {
            archive.apply(&fold(lsn, record)).unwrap();
        }
        assert_eq!(holder(&archive), Some((3, [3; 16])));
    }
    // The last of them has ended in its first record.
    let last = Record { claim: accepted(4).claim, ..succeeded(4) };
    for _ in 0..2 {
        archive.apply(&fold(6, accepted(3))).unwrap();
        assert_eq!(holder(&archive), Some((3, [3; 16])));
        archive.apply(&fold(7, last.clone())).unwrap();
        assert_eq!(holder(&archive), Some((4, [4; 16])));
    }
}
