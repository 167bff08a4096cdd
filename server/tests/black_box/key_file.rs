//! `overtime keys`: what it makes, lists and revokes.

use crate::support::{add_key, folder, keys};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Output;
use std::thread;

fn listed(folder: &Path) -> Value {
    let listed = keys(folder, &["list", "--json"]);
    assert!(listed.status.success(), "{listed:?}");
    serde_json::from_slice(&listed.stdout).unwrap()
}

fn refused(output: &Output) -> String {
    assert!(!output.status.success() && output.stdout.is_empty(), "{output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_key_is_shown_once_and_its_secret_is_nowhere() {
    let folder = folder();
    let data = folder.path().join("data");
    let key = add_key(&data, &["acme", "--rate", "6000/m", "--concurrency", "5"]);
    let [prefix, id, secret] = key.split('_').collect::<Vec<_>>().try_into().unwrap();
    assert_eq!((prefix, id.len(), secret.len()), ("ot", 10, 64));
    let documents = listed(&data);
    assert_eq!(documents["keys"][0]["id"], id);
    assert_eq!(documents["keys"][0]["state"], "counts");
    let limits = &documents["tenants"][0]["limits"];
    assert_eq!((&limits["rate"], &limits["concurrency"]), (&"6000/m".into(), &5.into()));
    assert_eq!(limits["lanes"], serde_json::json!(["interactive", "bulk", "background"]));
    for entry in fs::read_dir(&data).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        assert!(!text.contains(secret));
    }
    let table = String::from_utf8(keys(&data, &["list"]).stdout).unwrap();
    assert!(table.contains(id) && !table.contains(secret), "{table}");
}

#[test]
fn of_keys_that_are_made_at_once_none_is_lost() {
    let folder = folder();
    let made: Vec<String> = thread::scope(|scope| {
        let add = |turn: usize| add_key(folder.path(), &[&format!("tenant-{turn}")]);
        let threads: Vec<_> = (0..8).map(|turn| scope.spawn(move || add(turn))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let documents = listed(folder.path());
    assert_eq!(documents["keys"].as_array().unwrap().len(), made.len());
    assert_eq!(documents["tenants"].as_array().unwrap().len(), made.len());
}

#[test]
fn limits_are_the_tenants_and_ends_are_the_keys() {
    let folder = folder();
    add_key(folder.path(), &["acme", "--rate", "5/s", "--burst", "9", "--lanes", "interactive"]);
    add_key(folder.path(), &["acme", "--expires", "1d"]);
    let changed = keys(folder.path(), &["limit", "acme", "--rate", "7/s"]);
    assert!(changed.status.success(), "{changed:?}");
    let documents = listed(folder.path());
    assert_eq!(documents["tenants"].as_array().unwrap().len(), 1);
    let limits = &documents["tenants"][0]["limits"];
    assert_eq!((&limits["rate"], &limits["burst"]), (&"7/s".into(), &Value::Null));
    assert_eq!(limits["lanes"], serde_json::json!(["interactive"]));
    let ends = documents["keys"].as_array().unwrap().iter();
    assert_eq!(ends.filter(|key| key["expires_at"].is_string()).count(), 1);
}

#[test]
fn what_makes_no_sense_is_refused_and_changes_nothing() {
    let folder = folder();
    let run = |arguments: &[&str]| refused(&keys(folder.path(), arguments));
    assert!(run(&["revoke", "abcdefghij"]).contains("there are no keys"));
    assert!(run(&["add", "acme", "--burst", "5"]).contains("needs a rate"));
    assert!(run(&["add", "acme", "--expires", "2020-01-01T00:00:00Z"]).contains("expired already"));
    assert!(!folder.path().join("keys.toml").exists());
    let key = add_key(folder.path(), &["acme"]);
    assert!(run(&["revoke", "abcdefghij"]).contains("no key has the id"));
    let secret = key.rsplit_once('_').unwrap().1;
    let told = run(&["revoke", secret]);
    assert!(!told.contains(secret), "a secret is not repeated: {told}");
    assert!(run(&["limit", "nobody", "--rate", "5/s"]).contains("nobody has no key"));
    for _ in 0..2 {
        assert!(keys(folder.path(), &["revoke", &key]).status.success());
    }
    assert_eq!(listed(folder.path())["keys"][0]["state"], "revoked");
}
