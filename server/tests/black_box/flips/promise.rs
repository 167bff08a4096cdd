//! What a server has acknowledged, and whether another one that starts from its folder keeps it.

use crate::support::{Answer, Server, try_request_with};
use serde_json::Value;
use std::io;
use std::time::{Duration, Instant};

/// No task takes longer to end.
const PATIENCE: Duration = Duration::from_secs(60);

/// Something that was acknowledged.
#[derive(Debug)]
pub(super) enum Promise {
    /// What a GET of a path says.
    Says { path: String, status: u16, body: String },
    /// That a task ends with this result.
    Ends { task: String, result: String },
    /// That a key stands for a task that has ended.
    Replays { key: String, body: String, task: String },
    /// Which tasks a list has, once it has caught up.
    Lists { path: String, tasks: Vec<String> },
    /// That a task is there and waits.
    Waits { task: String, kind: &'static str },
}

/// What is there of it.
pub(super) enum Found {
    Kept,
    /// A problem or a parked task that says that something is damaged.
    Told,
    /// The server is about to end, or has.
    Gone,
    Wrong(String),
}

/// Has a server acknowledge something of everything. `name` makes it differ from other times.
pub(super) fn make(server: &Server, name: &str) -> Vec<Promise> {
    let mut promises = Vec::new();
    for number in 0..6 {
        promises.extend(finished(server, &format!("finished {number}, {name}"), &[]));
        promises.push(contact(server, &format!("c{number}-{name}@a.example")));
        promises.push(keyed(server, &format!("{name}-{number}")));
        promises.push(delayed(server, &format!("delayed {number}, {name}")));
    }
    promises.extend(finished(server, &long(name, 100_000), &[]));
    promises.push(delayed(server, &long(name, 90_000)));
    promises.push(delayed(server, &long(name, 5_000)));
    for (body, state) in [(r#"{"fail_times":99}"#, "parked"), (r#"{"reject":true}"#, "failed")] {
        let task = server.post("/v1/tasks/flaky?wait=0s", body).task();
        server.wait_for(&task, &[state]);
        promises.push(says(server, format!("/v1/tasks/{task}")));
        promises.push(says(server, format!("/v1/tasks/{task}/result")));
    }
    let task = server.post("/v1/tasks/sleep?wait=0s&delay=60m", "never").task();
    assert_eq!(server.request("DELETE", &format!("/v1/tasks/{task}"), &[], "").status, 200);
    promises.push(says(server, format!("/v1/tasks/{task}")));
    promises.extend(bulk(server, name));
    for body in ["later", &long(name, 70_000)] {
        let task = server.post("/v1/tasks/sleep?wait=0s&delay=60m", body).task();
        promises.push(Promise::Waits { task, kind: "sleep" });
    }
    promises
}

/// The lists of those that failed and that were cancelled, each of which has an index of its own.
pub(super) fn lists(server: &Server, promises: &[Promise]) -> Vec<Promise> {
    let of = |state: &str| {
        let is_in = |promise: &&Promise| match promise {
            Promise::Says { body, .. } => body.contains(&format!("\"state\":\"{state}\"")),
            _ => false,
        };
        let id = |promise: &Promise| match promise {
            Promise::Says { body, .. } => ids(body).pop(),
            _ => None,
        };
        let mut tasks: Vec<_> = promises.iter().filter(is_in).filter_map(id).collect();
        tasks.sort_unstable();
        tasks.dedup();
        Promise::Lists { path: format!("/v1/tasks?state={state}&limit=1000"), tasks }
    };
    let lists = ["failed", "cancelled"].map(of);
    for list in &lists {
        assert!(matches!(list.look(server), Found::Kept), "{list:?}");
    }
    lists.into()
}

/// The ids of tasks in a document or a list of documents, sorted.
fn ids(body: &str) -> Vec<String> {
    let value: Value = serde_json::from_str(body).unwrap_or_default();
    let documents = value["tasks"].as_array().cloned().unwrap_or_else(|| vec![value]);
    let mut ids: Vec<_> =
        documents.iter().filter_map(|one| one["id"].as_str().map(str::to_owned)).collect();
    ids.sort_unstable();
    ids
}

/// A text that says at each place which place it is.
fn long(name: &str, len: usize) -> String {
    let mut text: String = (0..).map(|n| format!("{name} {n};")).take(len / 4).collect();
    text.truncate(len);
    text
}

fn finished(server: &Server, body: &str, fields: &[&str]) -> Vec<Promise> {
    let task = server.request("POST", "/v1/tasks/echo?wait=0s", fields, body).task();
    server.wait_for(&task, &["succeeded"]);
    let result = says(server, format!("/v1/tasks/{task}/result"));
    let Promise::Says { body: told, .. } = &result else { unreachable!("it is made so") };
    assert_eq!(told, body);
    vec![says(server, format!("/v1/tasks/{task}")), result]
}

fn contact(server: &Server, email: &str) -> Promise {
    for note in ["first", "second"] {
        let body = format!(r#"{{"email":"{email}","fields":{{"note":"{note}"}}}}"#);
        assert_eq!(server.post("/v1/tasks/contacts.upsert", &body).status, 200);
    }
    says(server, format!("/v1/contacts/{email}"))
}

fn keyed(server: &Server, key: &str) -> Promise {
    let (key, body) = (format!("Idempotency-Key: {key}"), format!("of {key}"));
    let task = server.request("POST", "/v1/tasks/echo?wait=0s", &[&key], &body).task();
    server.wait_for(&task, &["succeeded"]);
    Promise::Replays { key, body, task }
}

fn delayed(server: &Server, body: &str) -> Promise {
    let task = server.post("/v1/tasks/echo?wait=0s&delay=10s", body).task();
    Promise::Ends { task, result: body.to_owned() }
}

fn bulk(server: &Server, name: &str) -> Vec<Promise> {
    let line = |n: u32| match n % 10 {
        3 => "{\"first_name\":\"nobody\"}\n".to_owned(),
        _ => format!("{{\"email\":\"b{n}-{name}@a.example\",\"first_name\":\"B{n}\"}}\n"),
    };
    let body: String = (0..300).map(line).collect();
    let fields = ["Content-Type: application/x-ndjson"];
    let path = "/v1/bulk/contacts.upsert?wait=30s";
    let answer = server.request("POST", path, &fields, &body);
    assert_eq!(answer.status, 200, "{answer:?}");
    let task = answer.task();
    let paths = ["", "/result", "/errors"].map(|part| format!("/v1/tasks/{task}{part}"));
    let contact = format!("/v1/contacts/b7-{name}@a.example");
    paths.into_iter().chain([contact]).map(|path| says(server, path)).collect()
}

fn says(server: &Server, path: String) -> Promise {
    let answer = server.get(&path);
    assert!(answer.status < 500, "{path}: {answer:?}");
    Promise::Says { path, status: answer.status, body: answer.body }
}

impl Promise {
    /// Looks whether it is kept.
    pub(super) fn look(&self, server: &Server) -> Found {
        match self {
            Self::Says { path, status, body } => {
                check(get(server, path), |answer| answer.status == *status && answer.body == *body)
            }
            Self::Replays { key, body, task } => {
                let path = "/v1/tasks/echo?wait=5s";
                let answer = try_request_with(&server.data, "POST", path, &[key], body);
                check(answer, |answer| {
                    answer.status == 200 && answer.body == *body && answer.task() == *task
                })
            }
            Self::Waits { task, kind } => {
                check(get(server, &format!("/v1/tasks/{task}")), |answer| {
                    let document: Value = serde_json::from_str(&answer.body).unwrap_or_default();
                    document["kind"] == *kind && document["state"] == "queued"
                })
            }
            Self::Lists { path, tasks } => lists_tasks(server, path, tasks),
            Self::Ends { task, result } => ends(server, task, result),
        }
    }
}

fn get(server: &Server, path: &str) -> io::Result<Answer> {
    try_request_with(&server.data, "GET", path, &[], "")
}

fn check(answer: io::Result<Answer>, is_kept: impl Fn(&Answer) -> bool) -> Found {
    match answer {
        Err(_) => Found::Gone,
        Ok(answer) if is_last(&answer) => Found::Gone,
        Ok(answer) if answer.status < 500 && is_kept(&answer) => Found::Kept,
        Ok(answer) if says_damage(&answer.body) => Found::Told,
        Ok(answer) => Found::Wrong(format!("{} {:.300}", answer.status, answer.body)),
    }
}

/// Waits until a list has exactly these tasks.
fn lists_tasks(server: &Server, path: &str, tasks: &[String]) -> Found {
    let began = Instant::now();
    loop {
        let found = check(get(server, path), |answer| ids(&answer.body) == tasks);
        match found {
            Found::Wrong(_) if began.elapsed() < PATIENCE => {}
            found => return found,
        }
    }
}

/// Waits for the end of a task, and looks at its result.
fn ends(server: &Server, task: &str, result: &str) -> Found {
    let (path, began) = (format!("/v1/tasks/{task}?wait=1s"), Instant::now());
    let document = loop {
        let answer = match get(server, &path) {
            Ok(answer) if !is_last(&answer) => answer,
            _ => return Found::Gone,
        };
        let document: Value = serde_json::from_str(&answer.body).unwrap_or_default();
        match document["state"].as_str() {
            Some("succeeded") => break document,
            _ if says_damage(&answer.body) => return Found::Told,
            Some("queued" | "running" | "retrying") if began.elapsed() < PATIENCE => {}
            _ => return Found::Wrong(format!("{} {:.300}", answer.status, answer.body)),
        }
    };
    let path = format!("/v1/tasks/{task}/result");
    match check(get(server, &path), |answer| answer.body == result) {
        Found::Wrong(what) => Found::Wrong(format!("{document}: {what:.300}")),
        found => found,
    }
}

/// Whether an answer is one of those that a server gives while it ends.
fn is_last(answer: &Answer) -> bool {
    answer.status == 503 && answer.body.contains("\"journal-failed\"")
}

/// Whether an answer says that the journal is damaged: a problem, or a task that was parked.
fn says_damage(body: &str) -> bool {
    ["is damaged", "does not match its checksum", "payload-lost"].iter().any(|w| body.contains(w))
}
