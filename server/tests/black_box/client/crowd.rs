//! More callers than the server has room for: their clients get all of it done, and ask for no more
//! than they have to.

use super::text;
use crate::support::{Server, folder};
use overtime_client::{Client, Submission};
use std::thread;

const CALLERS: usize = 120;
const CALLS: usize = 5;

#[test]
fn a_crowd_gets_all_of_it_done_and_asks_for_little_more() {
    for scheme in ["http", "overtime"] {
        let folder = folder();
        let server = Server::start(folder.path());
        let client = Client::to(&format!("{scheme}://{}", server.data)).unwrap();
        let nap = Submission::new("sleep", r#"{"ms":50}"#);
        thread::scope(|scope| {
            for _ in 0..CALLERS {
                scope.spawn(|| {
                    for _ in 0..CALLS {
                        let outcome = client.submit(&nap).unwrap();
                        assert_eq!(text(outcome), r#"{"slept_ms":50}"#);
                    }
                });
            }
        });
        let stats = client.stats();
        assert_eq!(stats.first_attempts, (CALLERS * CALLS) as u64);
        assert!(stats.offered() * 10 <= stats.first_attempts * 12, "{scheme}: {stats:?}");
        assert!(stats.polls <= stats.first_attempts * 2, "{scheme}: {stats:?}");
    }
}
