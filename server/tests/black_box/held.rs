//! What is held can be seen: the tasks that wait for an upstream that is not called, the oldest of them,
//! and whoever waits for one is told at once.

use crate::support::{Server, add_key, folder, shows};
use serde_json::Value;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

/// An upstream with one place, at an address where connections are taken and nothing is ever said.
fn configured(folder: &Path, mute: &TcpListener) -> Server {
    let text = format!(
        "[upstreams.bank]\nurl = \"http://{}\"\nprivate = true\nconcurrency = 1\n\
         [kinds.pay]\nupstream = \"bank\"\n",
        mute.local_addr().unwrap()
    );
    Server::start_configured(folder, &text)
}

fn mute() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").unwrap()
}

/// The ids on all pages of a list, each of at most `limit`.
fn listed(server: &Server, query: &str, limit: usize) -> Vec<String> {
    let (mut found, mut after) = (Vec::new(), String::new());
    loop {
        let page = server.get(&format!("/v1/tasks?limit={limit}&{query}{after}")).json();
        let tasks = page["tasks"].as_array().unwrap();
        assert!(tasks.len() <= limit, "{page}");
        found.extend(tasks.iter().map(|task| task["id"].as_str().unwrap().to_owned()));
        let Some(next) = page["next"].as_str() else { return found };
        after = format!("&after={next}");
    }
}

fn state(server: &Server, task: &str) -> Value {
    server.get(&format!("/v1/tasks/{task}")).json()["state"].take()
}

/// Looks until something is so.
fn wait_until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    for _ in 0..600 {
        if let Some(found) = look() {
            return found;
        }
        thread::sleep(Duration::from_millis(50));
    }
    panic!("never came: {what}");
}

#[test]
fn what_is_held_is_listed_as_that_and_survives_a_kill() {
    let (folder, mute) = (folder(), mute());
    let server = configured(folder.path(), &mute);
    assert_eq!(listed(&server, "state=held", 100), [] as [String; 0]);
    assert_eq!(server.post("/v1/upstreams/bank/hold", "").status, 200);
    let mut held: Vec<String> =
        (0..5).map(|_| server.post("/v1/tasks/pay?wait=0s", "{}").task()).collect();
    held.reverse();
    let delayed = server.post("/v1/tasks/pay?wait=0s&delay=60m", "{}").task();
    let other = server.post("/v1/tasks/sleep?wait=0s", "{\"ms\":600000}").task();
    server.wait_for(&other, &["running"]);
    check_lists(&server, &held, (&delayed, &other));
    check_command(&server, &held);
    server.kill();
    let server = configured(folder.path(), &mute);
    wait_until("all of them", || (listed(&server, "state=held", 100) == held).then_some(()));
    server.wait_for(&other, &["running"]);
    check_lists(&server, &held, (&delayed, &other));
    assert_eq!(server.post("/v1/upstreams/bank/release", "").status, 200);
    // One of them is called, and is never answered.
    wait_until("a call", || (listed(&server, "state=running", 100).len() == 2).then_some(()));
    assert_eq!(listed(&server, "state=held", 100), [] as [String; 0]);
    assert_eq!(listed(&server, "state=queued", 100).len(), 5);
}

fn check_lists(server: &Server, held: &[String], (delayed, other): (&str, &str)) {
    for limit in [1, 2, 5, 100] {
        assert_eq!(listed(server, "state=held", limit), held, "{limit} a page");
    }
    assert_eq!(listed(server, "state=held&kind=pay", 100), held);
    assert_eq!(listed(server, "state=held&kind=sleep", 100), [] as [String; 0]);
    assert_eq!(listed(server, "state=held&tenant=nobody", 100), [] as [String; 0]);
    assert_eq!(listed(server, "state=queued", 100), [delayed]);
    assert_eq!(listed(server, "state=retrying", 100), [] as [String; 0]);
    assert_eq!(listed(server, "state=running", 100), [other]);
    let all = server.get("/v1/tasks").json();
    for task in all["tasks"].as_array().unwrap() {
        assert_eq!(task["state"], state(server, task["id"].as_str().unwrap()));
    }
    assert_eq!(all["tasks"].as_array().unwrap().len(), held.len() + 2);
}

fn check_command(server: &Server, held: &[String]) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_overtime"));
    command.args(["tasks", "list", "--state", "held"]).env("OVERTIME_SERVER", &server.data);
    let printed = String::from_utf8(command.output().unwrap().stdout).unwrap();
    for task in held {
        assert!(printed.lines().any(|line| line.starts_with(task) && line.contains("held")));
    }
    assert_eq!(printed.lines().count(), held.len() + 1, "{printed}");
}

#[test]
fn each_tenant_is_shown_what_is_held_of_its_own() {
    let (folder, mute) = (folder(), mute());
    let operator = add_key(folder.path(), &["operator", "--lanes", "control"]);
    let [acme, other] = ["acme", "other"].map(|name| add_key(folder.path(), &[name]));
    let server = configured(folder.path(), &mute);
    let ask = |key: &str, method: &str, path: &str, body: &str| {
        server.request(method, path, &[&shows(key)], body)
    };
    assert_eq!(ask(&operator, "POST", "/v1/upstreams/bank/hold", "").status, 200);
    let own = [&acme, &other].map(|key| ask(key, "POST", "/v1/tasks/pay?wait=0s", "{}").task());
    for (key, task) in [&acme, &other].into_iter().zip(own) {
        for query in ["state=held", "state=held&limit=1", ""] {
            let page = ask(key, "GET", &format!("/v1/tasks?{query}"), "").json();
            let tasks = page["tasks"].as_array().unwrap();
            assert_eq!(tasks.len(), 1, "{page}");
            assert_eq!((&tasks[0]["id"], &tasks[0]["state"]), (&(*task).into(), &"held".into()));
        }
    }
}

#[test]
fn an_incident_says_how_old_the_oldest_is_that_waits() {
    let (folder, mute) = (folder(), mute());
    let server = configured(folder.path(), &mute);
    let calls = server.post("/v1/tasks/pay?wait=0s", "{}").task();
    server.wait_for(&calls, &["running"]);
    let oldest = server.post("/v1/tasks/pay?wait=0s", "{}").task();
    let accepted_at = server.get(&format!("/v1/tasks/{oldest}")).json()["created_at"].take();
    assert_eq!(server.post("/v1/tasks/pay?wait=0s", "{}").status, 202);
    assert_eq!(server.post("/v1/upstreams/bank/hold", "").status, 200);
    let incident = wait_until("an incident", || {
        let list = server.get("/v1/incidents").json();
        let mut all = list["incidents"].as_array()?.iter();
        all.find(|one| one["about"] == "upstream:bank").cloned()
    });
    assert_eq!(incident["held"]["now"], 2);
    assert_eq!(incident["held"]["oldest_accepted_at"], accepted_at);
    assert!(incident["held"]["oldest_seconds"].is_u64(), "{incident}");
    let mut command = Command::new(env!("CARGO_BIN_EXE_overtime"));
    command.arg("incidents").env("OVERTIME_SERVER", &server.data);
    let printed = String::from_utf8(command.output().unwrap().stdout).unwrap();
    assert!(printed.lines().next().unwrap().contains("HELD  OLDEST"), "{printed}");
}

/// Whoever is not let go has no answer for a minute, which is longer than it is looked for.
#[test]
fn who_joins_a_task_in_line_has_its_address_once_the_upstream_is_held() {
    let (folder, mute) = (folder(), mute());
    let server = configured(folder.path(), &mute);
    let calls = server.post("/v1/tasks/pay?wait=0s", "{}").task();
    server.wait_for(&calls, &["running"]);
    let keyed = ["Idempotency-Key: k"];
    let waits = server.request("POST", "/v1/tasks/pay?wait=0s", &keyed, "{}").task();
    let joined = thread::scope(|threads| {
        let path = "/v1/tasks/pay?wait=60s";
        let joins = threads.spawn(|| server.request("POST", path, &keyed, "{}"));
        assert_eq!(server.post("/v1/upstreams/bank/hold", "").status, 200);
        wait_until("an answer", || joins.is_finished().then_some(()));
        let elsewhere = server.get(&format!("/v1/tasks/{waits}")).json();
        assert_eq!(elsewhere["state"], "held");
        joins.join().unwrap()
    });
    assert_eq!((joined.status, joined.task()), (202, waits));
    assert_eq!(joined.json()["state"], "held");
}
