//! What a tenant is held to: its rate and what it may have under way. It is told when to come back, and
//! nobody else notices.

use crate::callers::becomes;
use crate::native_client::{Client, frame, submit};
use crate::support::{Answer, Server, add_key, folder, keys, raw, request, shows};
use std::io::Write;
use std::thread;
use std::time::Duration;

fn echo(server: &Server, key: &str) -> Answer {
    server.request("POST", "/v1/tasks/echo", &[&shows(key)], "hello")
}

fn retry_after(answer: &Answer) -> Duration {
    let seconds = answer.field("Retry-After").unwrap_or_else(|| panic!("{answer:?}"));
    Duration::from_secs(seconds.parse().unwrap())
}

#[test]
fn who_is_over_its_rate_is_told_so_and_others_do_not_notice() {
    let folder = folder();
    let noisy = add_key(folder.path(), &["noisy", "--rate", "2/h"]);
    let more = add_key(folder.path(), &["noisy", "--burst", "3"]);
    let other = add_key(folder.path(), &["other"]);
    let server = Server::start(folder.path());
    let asked: Vec<Answer> = (0..8).map(|turn| echo(&server, [&noisy, &more][turn % 2])).collect();
    let served = asked.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(served, 3, "all keys of a tenant share its rate: {asked:?}");
    for refused in &asked[3..] {
        assert_eq!((refused.status, &*refused.code()), (429, "rate-limited"));
        assert_eq!(refused.json()["submitted"], "no");
        assert_eq!(refused.field("RateLimit-Policy"), Some("\"default\";q=3;w=5400"));
        let left = refused.field("RateLimit").unwrap();
        assert!(left.starts_with("\"default\";r=0;t="), "{left}");
        assert!(retry_after(refused) > Duration::from_secs(1_700), "{refused:?}");
    }
    assert!((0..8).all(|_| echo(&server, &other).status == 200));
    // What asks for nothing new is not counted, and a rate that is taken away does not bind.
    assert_eq!(server.request("GET", "/v1/tasks", &[&shows(&noisy)], "").status, 200);
    assert!(keys(folder.path(), &["limit", "noisy", "--rate", "none"]).status.success());
    becomes(200, || echo(&server, &noisy));
}

#[test]
fn whoever_comes_back_when_told_to_is_served() {
    let folder = folder();
    let key = add_key(folder.path(), &["acme", "--rate", "1/s"]);
    let server = Server::start(folder.path());
    let refused = becomes(429, || echo(&server, &key));
    let wait = retry_after(&refused);
    assert!(wait <= Duration::from_secs(2), "{wait:?}");
    thread::sleep(wait);
    assert_eq!(echo(&server, &key).status, 200);
}

#[test]
fn requests_that_come_at_once_are_no_way_around_a_rate() {
    let folder = folder();
    let key = add_key(folder.path(), &["acme", "--rate", "1/h", "--burst", "4"]);
    let server = Server::start(folder.path());
    let mut client = Client::connect_with(&server.data, Some(&key));
    let frames: Vec<Vec<u8>> = (1..=50).map(|id| frame(id, &submit("echo"), "x")).collect();
    client.stream.write_all(&frames.concat()).unwrap();
    let replies = client.receive_all(50);
    let refused = replies.values().filter(|reply| reply.payload != "x");
    let refused: Vec<_> = refused.map(|reply| reply.failed()).collect();
    assert_eq!(refused.len(), 46);
    for failed in refused {
        assert_eq!((failed.status, &*failed.code), (429, "rate-limited"));
        assert!(failed.retry_after_ms.is_some_and(|wait| wait > 1_000_000), "{failed:?}");
    }
}

#[test]
fn a_rate_is_looked_at_before_the_body() {
    let folder = folder();
    let key = add_key(folder.path(), &["acme", "--rate", "1/h"]);
    let server = Server::start(folder.path());
    assert_eq!(echo(&server, &key).status, 200);
    let head = format!(
        "POST /v1/tasks/echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\
         Expect: 100-continue\r\n{}\r\n\r\n",
        shows(&key)
    );
    let refused = raw(&server.data, head.as_bytes());
    assert_eq!((refused.status, &*refused.code()), (429, "rate-limited"));
    assert_eq!(refused.field("Connection"), Some("close"));
}

#[test]
fn a_repetition_costs_nothing() {
    let folder = folder();
    let key = add_key(folder.path(), &["acme", "--rate", "1/h"]);
    let server = Server::start(folder.path());
    let ask = |name: &str| {
        let fields = [&*shows(&key), &format!("Idempotency-Key: {name}")];
        server.request("POST", "/v1/tasks/contacts.upsert", &fields, r#"{"email":"a@b"}"#)
    };
    let first = ask("one");
    for _ in 0..3 {
        let again = ask("one");
        assert_eq!((again.status, again.task()), (200, first.task()));
    }
    assert_eq!((ask("two").status, ask("one").status), (429, 200));
}

#[test]
fn what_is_under_way_is_bounded() {
    let folder = folder();
    let key = add_key(folder.path(), &["acme", "--concurrency", "2"]);
    let other = add_key(folder.path(), &["other"]);
    let server = Server::start(folder.path());
    let sleep = |key: &str| {
        server.request("POST", "/v1/tasks/sleep?wait=0s", &[&shows(key)], r#"{"ms":1500}"#)
    };
    assert_eq!((sleep(&key).status, sleep(&key).status), (202, 202));
    let metrics = request(&server.admin, "GET", "/metrics", &[], "").body;
    assert!(metrics.contains("overtime_tenant_under_way{tenant=\"acme\"} 2"), "{metrics}");
    let refused = becomes(429, || echo(&server, &key));
    assert_eq!(refused.code(), "concurrency");
    assert!(retry_after(&refused) >= Duration::from_secs(1));
    assert_eq!(refused.field("RateLimit"), None);
    assert_eq!(echo(&server, &other).status, 200);
    becomes(200, || echo(&server, &key));
}
