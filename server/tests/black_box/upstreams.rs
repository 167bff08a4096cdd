//! Kinds that an upstream serves, through the real binary.

mod bodies;
mod python;

use crate::support::{Server, folder};
use serde_json::json;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;

type Script = dyn Fn(&str, &str) -> String + Send + Sync;

/// An upstream that answers what a script says of the head and the body of each request.
struct Upstream {
    address: String,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Upstream {
    fn new(script: impl Fn(&str, &str) -> String + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let heads = Arc::default();
        let (script, seen): (Arc<Script>, _) = (Arc::new(script), Arc::clone(&heads));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (script, seen) = (Arc::clone(&script), Arc::clone(&seen));
                thread::spawn(move || serve(&stream, &*script, &seen));
            }
        });
        Self { address, heads }
    }

    /// A configuration in which it serves the kind `job.run`.
    fn config(&self, more: &str) -> String {
        format!(
            "[upstreams.local]\nurl = \"http://{}/v1\"\nprivate = true\n{more}\n\
             [kinds.\"job.run\"]\nupstream = \"local\"\npath = \"/jobs\"\nretry_first = \"1ms\"\n",
            self.address
        )
    }

    fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

fn serve(stream: &TcpStream, script: &Script, seen: &Mutex<Vec<String>>) {
    let mut reader = BufReader::new(stream);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head).unwrap_or(0) == 0 {
                return;
            }
        }
        let head = head.to_ascii_lowercase();
        let len = head.split("content-length: ").nth(1).unwrap().split("\r\n").next().unwrap();
        let mut body = vec![0; len.parse().unwrap()];
        reader.read_exact(&mut body).unwrap();
        let answer = script(&head, &String::from_utf8(body).unwrap());
        seen.lock().unwrap().push(head);
        if (&mut &*stream).write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

fn ok(body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

#[test]
fn a_kind_is_served_by_whoever_the_configuration_names() {
    let upstream = Upstream::new(|_, body| ok(&format!("{{\"got\":{body}}}")));
    let folder = folder();
    let server = Server::start_configured(folder.path(), &upstream.config(""));
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let fields = ["Content-Type: application/json", &format!("traceparent: {trace}")];
    let answer = server.request("POST", "/v1/tasks/job.run", &fields, "[1]");
    assert_eq!((answer.status, answer.json()), (200, json!({"got": [1]})), "{answer:?}");
    assert_eq!(answer.field("Content-Type"), Some("application/json"));
    assert_eq!(answer.field("Overtime-Durability"), Some("disk"));
    let head = upstream.heads().remove(0);
    assert!(head.starts_with("post /v1/jobs http/1.1\r\n"), "{head}");
    let task = answer.task().to_ascii_lowercase();
    for field in [
        format!("idempotency-key: {task}\r\n"),
        format!("webhook-id: {task}\r\n"),
        format!("traceparent: {trace}\r\n"),
        "overtime-attempt: 1\r\n".to_owned(),
        "content-type: application/json\r\n".to_owned(),
    ] {
        assert!(head.contains(&field), "{field} is not in {head}");
    }
}

#[test]
fn failures_of_an_upstream_are_told_and_tried_again() {
    let upstream = Upstream::new(|head, body| match body {
        "wrong" => "HTTP/1.1 422 No\r\nContent-Length: 9\r\n\r\nno amount".to_owned(),
        "lost" => "HTTP/1.1 404 Gone\r\nContent-Length: 0\r\n\r\n".to_owned(),
        _ if head.contains("overtime-attempt: 1\r\n") => {
            "HTTP/1.1 503 Away\r\nContent-Length: 5\r\n\r\nlater".to_owned()
        }
        _ => ok("2"),
    });
    let folder = folder();
    let server = Server::start_configured(folder.path(), &upstream.config(""));
    let answer = server.post("/v1/tasks/job.run?wait=30s", "late");
    assert_eq!((answer.status, &*answer.body), (200, "2"), "{answer:?}");
    let answer = server.post("/v1/tasks/job.run", "wrong");
    assert_eq!((answer.status, &*answer.code()), (422, "upstream-422"));
    assert_eq!(answer.json()["source"], "upstream");
    assert!(answer.json()["detail"].as_str().unwrap().ends_with(": no amount"), "{answer:?}");
    let task = server.post("/v1/tasks/job.run?wait=0s", "lost").task();
    let document = server.wait_for(&task, &["parked"]);
    assert_eq!(document["error"]["code"], "upstream-404");
}

#[test]
fn a_cursor_outlives_a_failure_and_a_service_may_ask_to_be_called_again() {
    let upstream = Upstream::new(|head, _| {
        let done = head
            .split("overtime-cursor: ")
            .nth(1)
            .map_or(0, |rest| rest.split("\r\n").next().unwrap().parse::<u64>().unwrap());
        let again = head.contains("overtime-attempt: 1\r\n") && done == 3;
        let status = if again { "503 Away" } else { "200 OK" };
        let (next, goes_on) = if again { (3, false) } else { (done + 1, done < 5) };
        format!(
            "HTTP/1.1 {status}\r\nOvertime-Cursor: {next}\r\nOvertime-Progress: {next}/6\r\n\
             Overtime-Continue: {goes_on}\r\nContent-Length: 1\r\n\r\n{next}"
        )
    });
    let folder = folder();
    let server = Server::start_configured(folder.path(), &upstream.config(""));
    let answer = server.post("/v1/tasks/job.run?wait=30s", "");
    assert_eq!((answer.status, &*answer.body), (200, "6"), "{answer:?}");
    let document = server.get(&format!("/v1/tasks/{}", answer.task())).json();
    assert_eq!(document["attempts"], 2);
    assert_eq!(document["progress"], json!({"done": 6, "total": 6}));
    assert_eq!(upstream.heads().len(), 7);
}

#[test]
fn items_of_a_bulk_body_are_calls_too() {
    let upstream = Upstream::new(|_, body| match body {
        "3" => "HTTP/1.1 422 No\r\nContent-Length: 0\r\n\r\n".to_owned(),
        _ => ok("0"),
    });
    let folder = folder();
    let server = Server::start_configured(folder.path(), &upstream.config(""));
    let fields = ["Content-Type: application/json"];
    let answer = server.request("POST", "/v1/bulk/job.run?wait=30s", &fields, "[1,2,3,4]");
    let told = answer.json();
    assert_eq!((&told["succeeded"], &told["failed"]), (&json!(3), &json!(1)), "{answer:?}");
    assert_eq!(told["errors"][0]["code"], "upstream-422");
    let task = answer.task().to_ascii_lowercase();
    let heads = upstream.heads();
    for item in 0..4 {
        let key = format!("idempotency-key: {task}-{item}\r\n");
        assert_eq!(heads.iter().filter(|head| head.contains(&key)).count(), 1, "{item}");
    }
}

#[test]
fn what_lies_beside_the_server_is_not_called_unless_that_is_said() {
    let folder = folder();
    for host in ["127.0.0.1", "localhost", "[::1]", "192.168.0.7"] {
        for table in ["upstreams", "webhooks"] {
            let text = format!("[{table}.near]\nurl = \"http://{host}:9000/x\"\n");
            let (is_good, said) = check_config(folder.path(), &text, None);
            assert!(!is_good && said.contains("near.url: its host is "), "{said}");
            assert!(said.contains("say `private = true` if that is meant"), "{said}");
            let (is_good, said) =
                check_config(folder.path(), &format!("{text}private = true\n"), None);
            assert!(is_good, "{said}");
        }
    }
}

fn check_config(folder: &Path, text: &str, variable: Option<(&str, &str)>) -> (bool, String) {
    let file = folder.join("overtime.toml");
    fs::write(&file, text).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_overtime"));
    command.args(["check-config", "--config"]).arg(&file).envs(variable);
    let output = command.output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}

#[test]
fn what_the_server_serves_itself_is_no_kind_of_an_upstream() {
    let folder = folder();
    let text = "[upstreams.a]\nurl = \"http://example.com\"\n[kinds.echo]\nupstream = \"a\"\n";
    assert!(check_config(folder.path(), text, None).0, "without --demo the name is free");
    let (is_good, said) = check_config(folder.path(), &format!("demo = true\n{text}"), None);
    assert!(!is_good && said.contains("kinds.echo.upstream: the server serves"), "{said}");
}

#[test]
fn secrets_are_looked_for_and_never_shown() {
    let folder = folder();
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let text = "[upstreams.a]\nurl = \"https://a.example\"\nsecret_env = \"A_SECRET\"\n\
                [kinds.x]\nupstream = \"a\"\n[kinds.x.statuses]\n404 = \"retry\"\n";
    let (is_sound, said) = check_config(folder.path(), text, Some(("A_SECRET", secret)));
    assert!(is_sound && said.contains("A_SECRET") && !said.contains("MfKQ"), "{said}");
    assert!(said.contains("404 = \"retry\""), "{said}");
    let (is_sound, said) = check_config(folder.path(), text, None);
    assert!(!is_sound && said.contains("upstreams.a.secret_env: A_SECRET is not in the"), "{said}");
    let (is_sound, said) = check_config(folder.path(), text, Some(("A_SECRET", "sesame")));
    assert!(!is_sound && said.contains("upstreams.a.secret_env") && !said.contains("sesame"));
}
