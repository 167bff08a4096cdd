//! Incidents: what is wrong is one document from the first sign of it to the end, across a kill, and
//! whoever has a webhook hears of each turn once.

use crate::support::{Server, add_key, folder, shows};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What came to the address of a webhook.
#[derive(Clone, Debug)]
struct Delivery {
    path: String,
    id: String,
    signature: Option<String>,
    body: String,
    was_taken: bool,
}

/// Whoever listens: it refuses until it is willing.
#[derive(Clone)]
struct Listener {
    address: String,
    is_willing: Arc<AtomicBool>,
    deliveries: Arc<Mutex<Vec<Delivery>>>,
}

impl Listener {
    fn start() -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap().to_string();
        let this = Self { address, is_willing: Arc::default(), deliveries: Arc::default() };
        let listener = this.clone();
        thread::spawn(move || {
            for stream in socket.incoming() {
                listener.take(stream.unwrap());
            }
        });
        this
    }

    fn take(&self, mut stream: TcpStream) {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            // A server that is killed sends no whole request.
            if reader.read_line(&mut head).unwrap_or(0) == 0 {
                return;
            }
        }
        let field = |name: &str| {
            let of = |line: &str| {
                let (field, value) = line.split_once(':')?;
                field.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
            };
            head.lines().find_map(of)
        };
        let mut body = vec![0; field("content-length").unwrap().parse().unwrap()];
        if reader.read_exact(&mut body).is_err() {
            return;
        }
        let was_taken = self.is_willing.load(Ordering::SeqCst);
        self.deliveries.lock().unwrap().push(Delivery {
            path: head.split(' ').nth(1).unwrap().to_owned(),
            id: field("webhook-id").unwrap(),
            signature: field("webhook-signature"),
            body: String::from_utf8(body).unwrap(),
            was_taken,
        });
        let status = if was_taken { "200 OK" } else { "503 Service Unavailable" };
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        let _ = stream.write_all(answer.as_bytes());
    }

    /// What was taken, or refused, at an address so far.
    fn at(&self, path: &str, was_taken: bool) -> Vec<Delivery> {
        let all = self.deliveries.lock().unwrap();
        let is_it = |one: &&Delivery| one.path == path && one.was_taken == was_taken;
        all.iter().filter(is_it).cloned().collect()
    }
}

/// Looks until something is so.
fn wait_until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    for _ in 0..1_200 {
        if let Some(found) = look() {
            return found;
        }
        thread::sleep(Duration::from_millis(50));
    }
    panic!("never came: {what}");
}

fn configured(folder: &Path, listener: &Listener) -> Server {
    let secret = folder.join("secret.txt");
    std::fs::write(&secret, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n").unwrap();
    let text = format!(
        "[upstreams.bank]\nurl = \"http://127.0.0.1:9\"\nprivate = true\n\
         [kinds.pay]\nupstream = \"bank\"\n\
         [webhooks.ops]\nurl = \"http://{0}/ops?t=1\"\nformat = \"slack\"\nprivate = true\n\
         [webhooks.log]\nurl = \"http://{0}/log\"\nsecret_file = {1:?}\nprivate = true\n\
         [kinds.\"overtime.webhook.ops\"]\nretry_first = \"20ms\"\nretry_max = \"100ms\"\n\
         [kinds.\"overtime.webhook.log\"]\nretry_first = \"20ms\"\nretry_max = \"100ms\"\n",
        listener.address,
        secret.to_str().unwrap()
    );
    Server::start_configured(folder, &text)
}

/// The incidents about an upstream, the newest first.
fn incidents(server: &Server) -> Vec<Value> {
    let list = server.get("/v1/incidents").json();
    let all = list["incidents"].as_array().unwrap().iter();
    all.filter(|one| one["about"] == "upstream:bank").cloned().collect()
}

#[test]
fn an_upstream_that_is_held_is_an_incident_that_outlives_a_kill_and_is_told_once() {
    let (folder, listener) = (folder(), Listener::start());
    let server = configured(folder.path(), &listener);
    assert_eq!(server.get("/v1/incidents").json()["next"], Value::Null);
    assert_eq!(server.post("/v1/upstreams/bank/hold", "").status, 200);
    let id = wait_until("an incident", || {
        let id = incidents(&server).first()?["id"].as_str()?.to_owned();
        Some(id)
    });
    let path = format!("/v1/incidents/{id}");
    // Whoever insists on an answer is told why there is none.
    let strict = ["Prefer: handling=strict"];
    let refused = server.request("POST", "/v1/tasks/pay", &strict, "{}");
    assert_eq!((refused.status, refused.code()), (503, "upstream-shed".to_owned()));
    assert_eq!(refused.json()["incident"], path);
    assert_eq!(server.post("/v1/tasks/pay", "{}").status, 202);
    // Nobody can make the server say something.
    assert_eq!(server.post("/v1/tasks/overtime.webhook.ops", "{}").code(), "unknown-kind");
    let before = ["/ops?t=1", "/log"]
        .map(|path| wait_until("a refused delivery", || listener.at(path, false).first().cloned()));
    server.kill();

    let server = configured(folder.path(), &listener);
    listener.is_willing.store(true, Ordering::SeqCst);
    for (path, before) in ["/ops?t=1", "/log"].into_iter().zip(before) {
        let taken = wait_until("a delivery", || listener.at(path, true).first().cloned());
        assert_eq!(taken.id, before.id, "it is the same notice");
    }
    let document = server.get(&path).json();
    assert_eq!((&document["state"], &document["closed_at"]), (&"open".into(), &Value::Null));
    assert_eq!(server.post("/v1/upstreams/bank/release", "").status, 200);
    wait_until("its end", || {
        let document = server.get(&path).json();
        (document["state"] == "closed").then_some(())
    });
    for path in ["/ops?t=1", "/log"] {
        wait_until("the second notice", || (listener.at(path, true).len() >= 2).then_some(()));
        wait_until("the tasks' ends", || {
            let unfinished = server.get("/v1/tasks").json();
            let mut tasks = unfinished["tasks"].as_array().unwrap().iter();
            let is_own = |one: &&Value| one["kind"].as_str().unwrap().starts_with("overtime.");
            tasks.all(|one| !is_own(&one) || one["state"] == "succeeded").then_some(())
        });
        assert_eq!(listener.at(path, true).len(), 2, "each turn once");
    }
    assert_eq!(incidents(&server).len(), 1);
    check_words(&listener, &id);
    check_command(&server, &id);
}

fn check_words(listener: &Listener, id: &str) {
    let [opened, closed] = &listener.at("/ops?t=1", true)[..] else { panic!() };
    for (delivery, begin) in
        [(opened, "*Incident opened: The "), (closed, "*Incident closed: The ")]
    {
        let message: Value = serde_json::from_str(&delivery.body).unwrap();
        let text = message["text"].as_str().unwrap();
        assert!(text.starts_with(begin) && text.contains(id), "{text}");
        assert_eq!(delivery.signature, None);
    }
    let [opened, closed] = &listener.at("/log", true)[..] else { panic!() };
    for (delivery, kind) in [(opened, "incident.opened"), (closed, "incident.closed")] {
        let event: Value = serde_json::from_str(&delivery.body).unwrap();
        assert_eq!((&event["type"], &event["data"]["id"]), (&kind.into(), &id.into()));
        assert!(event["timestamp"].is_string());
        assert!(delivery.signature.as_ref().unwrap().starts_with("v1,"));
    }
}

fn check_command(server: &Server, id: &str) {
    let printed = |words: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_overtime"));
        let output = command.args(words).env("OVERTIME_SERVER", &server.data).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let list = printed(&["incidents"]);
    let line = list.lines().find(|line| line.starts_with(id)).unwrap();
    assert!(list.starts_with("ID ") && line.contains("closed") && line.contains("upstream:bank"));
    let shown = printed(&["incidents", id]);
    assert!(shown.contains("WHAT HAPPENED") && shown.contains("held"), "{shown}");
    let document: Value = serde_json::from_str(&printed(&["incidents", id, "--json"])).unwrap();
    assert_eq!(document, server.get(&format!("/v1/incidents/{id}")).json());
}

#[test]
fn incidents_are_for_those_who_may_control() {
    let folder = folder();
    let anybody = add_key(folder.path(), &["acme"]);
    let operator = add_key(folder.path(), &["operator", "--lanes", "control"]);
    let server = Server::start(folder.path());
    let get = |key: &str, path: &str| server.request("GET", path, &[&shows(key)], "");
    assert_eq!(get(&operator, "/v1/incidents").status, 200);
    let unknown = "/v1/incidents/01DXF6EC000000000000000001";
    assert_eq!(get(&operator, unknown).code(), "unknown-incident");
    for path in ["/v1/incidents", unknown] {
        assert_eq!(get(&anybody, path).status, 403);
    }
}

#[test]
fn a_disk_that_is_nearly_full_is_an_incident() {
    let folder = folder();
    let server = Server::start_configured(folder.path(), "[journal]\ndisk_max = \"1KiB\"\n");
    let incident = wait_until("an incident", || {
        let list = server.get("/v1/incidents").json();
        list["incidents"].as_array()?.iter().find(|one| one["about"] == "disk").cloned()
    });
    assert_eq!(incident["state"], "open");
    let metrics = crate::support::request(&server.admin, "GET", "/metrics", &[], "").body;
    assert!(metrics.contains("overtime_incidents_opened"), "{metrics}");
}
