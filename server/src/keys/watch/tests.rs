use super::super::book::{Book, Hash, Key, Moment};
use super::super::limits::Limits;
use super::*;
use overtime_protocol::keyring::SecretHash;
use std::fs;
use std::path::Path;

const ID: &str = "abcdefghij";

fn look(folder: &Path) -> Look {
    let ring = Ring::read(Store::of(folder)).unwrap();
    Look { ring, former: None, at: UnixMillis(0), trouble: None }
}

fn put(store: &Store, expires: Option<u64>) {
    let put = |book: &mut Book| {
        let key = Key {
            tenant: "acme".to_owned(),
            created_at: Moment(UnixMillis(0)),
            expires_at: expires.map(|at| Moment(UnixMillis(at))),
            revoked_at: None,
            secret_sha256: Hash(SecretHash::of("x")),
        };
        book.tenants.insert("acme".to_owned(), Limits::default());
        book.keys.insert(ID.to_owned(), key);
        Ok(())
    };
    store.change(put).unwrap();
}

#[test]
fn a_change_is_seen_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut look = look(folder.path());
    assert!(look.ring.keys.is_none());
    assert!(look.again(UnixMillis(1)).keys.is_none());
    put(&look.ring.store, None);
    let seen = look.again(UnixMillis(2));
    assert!(seen.keys.unwrap().counts(ID, UnixMillis(2)));
    assert_eq!(seen.line.unwrap(), "keys that count: 1; from now on one is needed");
    let seen = look.again(UnixMillis(3));
    assert!(seen.keys.is_none() && seen.line.is_none());
}

#[test]
fn a_key_that_expires_is_told_of_once() {
    let folder = tempfile::tempdir().unwrap();
    put(&Store::of(folder.path()), Some(10));
    let mut look = look(folder.path());
    assert!(look.again(UnixMillis(9)).keys.is_none());
    assert!(look.again(UnixMillis(10)).keys.is_some());
    assert!(look.again(UnixMillis(11)).keys.is_none());
}

#[test]
fn what_cannot_be_read_is_told_once_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::of(folder.path());
    put(&store, None);
    let good = fs::read_to_string(store.path()).unwrap();
    let mut look = look(folder.path());
    let told = |look: &mut Look| {
        let seen = look.again(UnixMillis(1));
        assert!(seen.keys.is_none());
        seen.line
    };
    fs::write(store.path(), "nonsense").unwrap();
    let line = told(&mut look).unwrap();
    assert!(line.contains("is damaged") && line.contains("still count"), "{line}");
    assert_eq!(told(&mut look), None);
    fs::remove_file(store.path()).unwrap();
    let line = told(&mut look).unwrap();
    assert!(line.contains("is gone") && line.contains("still count"), "{line}");
    assert_eq!(told(&mut look), None);
    fs::write(store.path(), good).unwrap();
    assert_eq!(look.again(UnixMillis(1)).line.unwrap(), "keys that count: 1");
}

#[test]
fn a_damaged_file_is_no_absent_one() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::of(folder.path());
    fs::write(store.path(), "").unwrap();
    assert!(Ring::read(store).is_err());
}
