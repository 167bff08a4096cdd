//! Tenants: the tasks of one do not exist for another, and what each may do is its own.

use crate::native_client::{Client, submit_asynchronously};
use crate::support::{Answer, Server, add_key, folder, keys, shows};
use overtime_protocol::native::{Get, Named, Part, Request, Submit};
use std::fs;
use std::path::Path;

/// One tenant's way to the server.
struct Tenant<'a> {
    server: &'a Server,
    key: String,
}

impl Tenant<'_> {
    fn ask(&self, method: &str, path: &str) -> Answer {
        self.server.request(method, path, &[&shows(&self.key)], "")
    }

    fn post(&self, path: &str, body: &str) -> Answer {
        self.server.request("POST", path, &[&shows(&self.key)], body)
    }

    fn native(&self) -> Client {
        Client::connect_with(&self.server.data, Some(&self.key))
    }
}

/// Asks for the task until it is in that state.
fn wait_for(tenant: &Tenant<'_>, task: &str, state: &str) {
    for _ in 0..600 {
        let document = tenant.ask("GET", &format!("/v1/tasks/{task}?wait=100ms")).json();
        if document["state"] == state {
            return;
        }
    }
    panic!("{task} is still not {state}");
}

/// A server whose `flaky` tasks are parked at once, with the keys of two tenants.
fn start(folder: &Path) -> (Server, String, String) {
    let (acme, beta) = (add_key(folder, &["acme"]), add_key(folder, &["beta"]));
    let file = folder.join("overtime.toml");
    fs::write(&file, "[kinds.flaky]\nattempts = 1\n").unwrap();
    let server = Server::start_with(folder, &["--config", file.to_str().unwrap()]);
    (server, acme, beta)
}

/// What is answered about a task that is not there, with the id left out.
fn unknown(tenant: &Tenant<'_>, method: &str, path: &str) -> (u16, String) {
    let absent = "01KAHP5ZQ00000000000000000";
    let answer = tenant.ask(method, &path.replace("{}", absent));
    (answer.status, answer.body.replace(absent, "{}"))
}

#[test]
fn the_tasks_of_another_tenant_are_like_those_that_do_not_exist() {
    let folder = folder();
    let (server, acme, beta) = start(folder.path());
    let (acme, beta) =
        (Tenant { server: &server, key: acme }, Tenant { server: &server, key: beta });
    let running = acme.post("/v1/tasks/sleep?wait=0s", r#"{"ms":60000}"#).task();
    let parked = acme.post("/v1/tasks/flaky?wait=0s", r#"{"fail_times":9}"#).task();
    let ended = acme.post("/v1/tasks/contacts.upsert", r#"{"email":"a@b"}"#).task();
    let waiting =
        acme.post("/v1/tasks/contacts.upsert?wait=0s&delay=1m", r#"{"email":"a@b"}"#).task();
    wait_for(&acme, &parked, "parked");
    for task in [&running, &parked, &ended, &waiting] {
        for (method, path) in [
            ("GET", "/v1/tasks/{}"),
            ("GET", "/v1/tasks/{}?wait=1s"),
            ("GET", "/v1/tasks/{}/result"),
            ("GET", "/v1/tasks/{}/errors"),
            ("GET", "/v1/tasks/{}/events"),
            ("GET", "/v1/tasks/{}/explain"),
            ("POST", "/v1/tasks/{}/retry"),
            ("DELETE", "/v1/tasks/{}"),
        ] {
            let answer = beta.ask(method, &path.replace("{}", task));
            let told = (answer.status, answer.body.replace(task.as_str(), "{}"));
            assert_eq!(told, unknown(&beta, method, path), "{method} {path}");
            assert_eq!(answer.status, 404, "{method} {path}: {answer:?}");
        }
        assert_eq!(acme.ask("GET", &format!("/v1/tasks/{task}")).json()["tenant"], "acme");
    }
    let own = beta.post("/v1/tasks/contacts.upsert", r#"{"email":"c@d"}"#).task();
    let list = |tenant: &Tenant<'_>, query: &str| {
        let page = tenant.ask("GET", &format!("/v1/tasks{query}")).json();
        let tasks = page["tasks"].as_array().unwrap().clone();
        tasks.iter().map(|task| task["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    // A list is of what has come to the archive, which may take a moment.
    let known = |tenant: &Tenant<'_>, count| (0..500).any(|_| list(tenant, "").len() == count);
    assert!(known(&acme, 4) && known(&beta, 1));
    assert_eq!(list(&beta, ""), [own]);
    assert_eq!(list(&beta, "?tenant=acme"), [""; 0]);
    assert_eq!(list(&beta, "?state=parked"), [""; 0]);
}

#[test]
fn the_native_protocol_shows_no_more() {
    let folder = folder();
    let (server, acme, beta) = start(folder.path());
    let (acme, beta) =
        (Tenant { server: &server, key: acme }, Tenant { server: &server, key: beta });
    let (mut mine, mut other) = (acme.native(), beta.native());
    mine.send(1, &submit_asynchronously("contacts.upsert"), r#"{"email":"a@b"}"#);
    let task = mine.receive().unwrap().answered().task.expect("it was accepted");
    let get = |part| Request::Get(Get { task, part, wait_ms: None, known_tag: None });
    for request in [
        get(Part::Document),
        get(Part::Result),
        get(Part::Errors),
        Request::Cancel(Named { task }),
        Request::Retry(Named { task }),
        Request::Explain(Named { task }),
    ] {
        other.send(1, &request, "");
        assert_eq!(&*other.receive().unwrap().failed().code, "unknown-task", "{request:?}");
    }
    mine.send(2, &get(Part::Document), "");
    assert_eq!(mine.receive().unwrap().json()["tenant"], "acme");
}

#[test]
fn one_key_of_a_request_is_not_that_of_another_tenant() {
    let folder = folder();
    let (server, acme, beta) = start(folder.path());
    let ask = |key: &str, body: &str| {
        let fields = [&*shows(key), "Idempotency-Key: \"order-1\""];
        server.request("POST", "/v1/tasks/contacts.upsert", &fields, body)
    };
    let first = ask(&acme, r#"{"email":"a@b"}"#);
    let other = ask(&beta, r#"{"email":"c@d"}"#);
    assert_eq!((first.status, other.status), (200, 200), "{other:?}");
    assert_ne!(first.task(), other.task());
    // Another key of the same tenant is the same caller.
    let second = add_key(folder.path(), &["acme"]);
    crate::callers::becomes(200, || server.request("GET", "/v1/tasks", &[&shows(&second)], ""));
    let again = ask(&second, r#"{"email":"a@b"}"#);
    assert_eq!((again.task(), again.field("Idempotency-Replayed")), (first.task(), Some("true")));
    let beta = Tenant { server: &server, key: beta };
    let submit =
        Submit { idempotency_key: Some("order-1".into()), ..Submit::to("contacts.upsert") };
    let mut native = beta.native();
    native.send(1, &Request::Submit(Box::new(submit)), r#"{"email":"c@d"}"#);
    let replayed = native.receive().unwrap();
    let task = replayed.answered().task.map(|task| String::from_utf8(task.to_vec()).unwrap());
    // Only the content type differs between the protocols here.
    assert!(task.is_none_or(|task| task != first.task()), "{replayed:?}");
}

#[test]
fn whose_a_task_is_outlives_the_server() {
    let folder = folder();
    let (server, acme, beta) = start(folder.path());
    let submit =
        |path: &str, body: &str| server.request("POST", path, &[&shows(&acme)], body).task();
    let ended = submit("/v1/tasks/contacts.upsert", r#"{"email":"a@b"}"#);
    let waiting = submit("/v1/tasks/contacts.upsert?wait=0s&delay=60m", r#"{"email":"a@b"}"#);
    let parked = submit("/v1/tasks/flaky?wait=0s", r#"{"fail_times":9}"#);
    wait_for(&Tenant { server: &server, key: acme.clone() }, &parked, "parked");
    server.kill();
    let server = Server::start(folder.path());
    for task in [&ended, &waiting, &parked] {
        let path = format!("/v1/tasks/{task}");
        let ask = |key: &str, method: &str| server.request(method, &path, &[&shows(key)], "");
        assert_eq!((ask(&beta, "GET").status, ask(&beta, "DELETE").status), (404, 404));
        assert_eq!(ask(&acme, "GET").json()["tenant"], "acme");
    }
    let path = format!("/v1/tasks/{waiting}");
    assert_eq!(server.request("DELETE", &path, &[&shows(&acme)], "").status, 200);
}

#[test]
fn lanes_are_for_those_who_may_use_them() {
    let folder = folder();
    let plain = add_key(folder.path(), &["plain"]);
    let single = add_key(folder.path(), &["single", "--lanes", "interactive"]);
    let chief = add_key(folder.path(), &["chief", "--lanes", "control,interactive,bulk"]);
    let server = Server::start(folder.path());
    let bulk = |key: &str| {
        let fields = [&*shows(key), "Content-Type: application/json"];
        server.request("POST", "/v1/bulk/contacts.upsert", &fields, r#"[{"email":"a@b"}]"#)
    };
    let refused = bulk(&single);
    assert_eq!((refused.status, &*refused.code()), (403, "forbidden-lane"));
    assert_eq!((bulk(&plain).status, bulk(&chief).status), (200, 200));
    let ask = |key: &str, method: &str, path: &str| {
        server.request(method, path, &[&shows(key)], "").status
    };
    for (method, path) in [
        ("GET", "/v1/errors"),
        ("GET", "/v1/errors/00000000000000ff"),
        ("POST", "/v1/errors/00000000000000ff/retry"),
        ("POST", "/v1/errors/00000000000000ff/discard?dry_run=true"),
    ] {
        for key in [&plain, &single] {
            assert_eq!(ask(key, method, path), 403, "{method} {path}");
        }
        assert_ne!(ask(&chief, method, path), 403, "{method} {path}");
    }
    assert_eq!(ask(&chief, "GET", "/v1/errors"), 200);
    assert!(keys(folder.path(), &["limit", "chief", "--lanes", "interactive"]).status.success());
    crate::callers::becomes(403, || server.request("GET", "/v1/errors", &[&shows(&chief)], ""));
}
