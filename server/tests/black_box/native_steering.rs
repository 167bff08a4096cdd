//! Cancelling, retrying and listing over the native protocol: the same as over HTTP.

use crate::native_client::{Client, submit_asynchronously};
use crate::support::{Server, folder};
use overtime_protocol::native::{Listing, Named, Request, Submit};

fn named(task: &str) -> Named {
    let mut id = [0; 26];
    id.copy_from_slice(task.as_bytes());
    Named { task: id }
}

fn listing(query: &str) -> Listing {
    Listing { query: query.into() }
}

#[test]
fn a_task_is_cancelled_before_it_starts() {
    let folder = folder();
    let server = Server::start(folder.path());
    let mut client = Client::connect(&server.data);
    let later = Submit { wait_ms: Some(0), delay_ms: 3_600_000, ..Submit::to("echo") };
    client.send(1, &Request::Submit(Box::new(later)), "later");
    let task = client.receive().unwrap().json()["id"].as_str().unwrap().to_owned();
    client.send(2, &Request::Cancel(named(&task)), "");
    let cancelled = client.receive().unwrap();
    assert_eq!(
        (cancelled.answered().status, &cancelled.json()["state"]),
        (200, &"cancelled".into())
    );
    client.send(3, &Request::Cancel(named(&task)), "");
    let again = client.receive().unwrap();
    assert_eq!((again.failed().status, &*again.failed().code), (409, "already-finished"));
    client.send(4, &Request::Retry(named("01KAHP5ZQ00000000000000000")), "");
    assert_eq!(&*client.receive().unwrap().failed().code, "unknown-task");
}

#[test]
fn parked_tasks_are_listed_and_run_again() {
    let folder = folder();
    let server = Server::start_impatient(folder.path());
    let mut client = Client::connect(&server.data);
    client.send(1, &submit_asynchronously("flaky"), r#"{"fail_times":5}"#);
    let task = client.receive().unwrap().json()["id"].as_str().unwrap().to_owned();
    server.wait_for(&task, &["parked"]);
    client.send(2, &Request::List(listing("state=parked&limit=5")), "");
    let list = client.receive().unwrap().json();
    assert_eq!(list, server.get("/v1/tasks?state=parked&limit=5").json());
    assert_eq!(list["tasks"][0]["id"], task);
    client.send(6, &Request::Explain(named(&task)), "");
    let path = format!("/v1/tasks/{task}/explain");
    assert_eq!(client.receive().unwrap().json(), server.get(&path).json());
    client.send(7, &Request::Errors(listing("kind=flaky")), "");
    let errors = client.receive().unwrap().json();
    assert_eq!(errors, server.get("/v1/errors?kind=flaky").json());
    assert_eq!(errors["errors"][0]["kind"], "flaky");
    client.send(3, &Request::List(listing("colour=red")), "");
    assert_eq!(&*client.receive().unwrap().failed().code, "malformed-parameter");
    client.send(4, &Request::Retry(named(&task)), "");
    let resumed = client.receive().unwrap();
    assert_eq!(resumed.answered().status, 202, "{resumed:?}");
    server.wait_for(&task, &["succeeded"]);
}
