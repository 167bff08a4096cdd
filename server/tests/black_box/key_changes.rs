//! Keys that come and go without a pause, while others are used: none of those is ever refused, and one
//! that was revoked and refused once is never let in again.

use crate::callers::becomes;
use crate::support::{Answer, Server, add_key, folder, keys, shows};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

/// So many keys come and go, unless `OVERTIME_KEY_ROUNDS` says otherwise.
const ROUNDS: u64 = 4;

fn rounds() -> u64 {
    std::env::var("OVERTIME_KEY_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(ROUNDS)
}

fn ask(server: &Server, key: &str) -> Answer {
    server.request("GET", "/v1/tasks?limit=1", &[&shows(key)], "")
}

/// Has the others stop, also if this one fails.
struct EndsWith<'a>(&'a AtomicBool);

impl Drop for EndsWith<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn no_change_lets_in_or_keeps_out_anybody_else() {
    let folder = folder();
    let steady = add_key(folder.path(), &["steady"]);
    let server = Server::start(folder.path());
    let (over, asked) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                let answer = ask(&server, &steady);
                assert_eq!(answer.status, 200, "{answer:?}");
                asked.fetch_add(1, Ordering::Relaxed);
            }
        });
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                assert!(
                    keys(folder.path(), &["limit", "steady", "--burst", "1", "--rate", "9/h"])
                        .status
                        .success()
                );
                assert!(
                    keys(folder.path(), &["limit", "steady", "--rate", "none"]).status.success()
                );
            }
        });
        let _end = EndsWith(&over);
        let mut gone: Vec<String> = Vec::new();
        for round in 0..rounds() {
            let key = add_key(folder.path(), &[&format!("tenant-{}", round % 3)]);
            becomes(200, || ask(&server, &key));
            assert!(keys(folder.path(), &["revoke", &key]).status.success());
            becomes(401, || ask(&server, &key));
            gone.push(key);
            for key in &gone {
                assert_eq!(ask(&server, key).status, 401, "round {round}");
            }
        }
    });
    assert!(asked.load(Ordering::Relaxed) > 0);
}
