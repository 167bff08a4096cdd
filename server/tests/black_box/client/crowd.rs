//! More callers than the server has room for: their clients get all of it done, and ask for no more
//! than they have to.

use super::text;
use crate::support::{Server, folder};
use overtime_client::manners::Why;
use overtime_client::{Client, Outcome, Submission, Submitted};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const CALLERS: usize = 120;
const CALLS: usize = 5;
const PATIENCE: Duration = Duration::from_secs(60);

/// Has a call done. While the disk is slow the server promises nothing to those for whom it has no
/// room but refuses them, and a client that has no repetitions left tells its caller: that one may
/// come back when the server said.
fn done(client: &Client, nap: &Submission, came_back: &AtomicU64) -> Outcome {
    let begun = Instant::now();
    loop {
        let error = match client.submit(nap) {
            Ok(outcome) => return outcome,
            Err(error) => error,
        };
        assert_eq!(error.given_up, Some(Why::Budget), "{error:?}");
        assert_eq!((error.code(), error.submitted), (Some("overloaded"), Submitted::No));
        assert!(begun.elapsed() < PATIENCE, "{error:?}");
        came_back.fetch_add(1, Ordering::Relaxed);
        thread::sleep(error.retry_after().expect("a refusal says when to come back"));
    }
}

#[test]
fn a_crowd_gets_all_of_it_done_and_asks_for_little_more() {
    for scheme in ["http", "overtime"] {
        let folder = folder();
        let server = Server::start(folder.path());
        let client = Client::to(&format!("{scheme}://{}", server.data)).unwrap();
        let nap = Submission::new("sleep", r#"{"ms":50}"#);
        let came_back = AtomicU64::new(0);
        thread::scope(|scope| {
            for _ in 0..CALLERS {
                scope.spawn(|| {
                    for _ in 0..CALLS {
                        let outcome = done(&client, &nap, &came_back);
                        assert_eq!(text(outcome), r#"{"slept_ms":50}"#);
                    }
                });
            }
        });
        let stats = client.stats();
        let calls = (CALLERS * CALLS) as u64 + came_back.load(Ordering::Relaxed);
        assert_eq!(stats.first_attempts, calls);
        assert!(stats.offered() * 10 <= stats.first_attempts * 12, "{scheme}: {stats:?}");
        assert!(stats.polls <= stats.first_attempts * 2, "{scheme}: {stats:?}");
    }
}
