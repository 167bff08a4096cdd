//! The clock of the wall is set back and forward, while the server runs and while it does not. The
//! clock that only counts goes on, as it does when somebody sets the time.

use crate::client::Answer;
use crate::requirement::has;
use crate::server::{Place, Server, wait_until};
use std::collections::BTreeSet;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};

/// Where Debian's package libfaketime has it.
const LIBRARIES: [&str; 2] = [
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
];

/// A server whose clock a test sets.
struct Clocked {
    place: Place,
    library: &'static str,
    ids: Vec<String>,
}

impl Clocked {
    fn new() -> Option<Self> {
        let library = LIBRARIES.into_iter().find(|library| Path::new(library).exists());
        if !has("libfaketime", library.is_some()) {
            return None;
        }
        let clocked = Self { place: Place::new(), library: library?, ids: Vec::new() };
        clocked.set("+0");
        Some(clocked)
    }

    fn file(&self) -> PathBuf {
        self.place.file("clock")
    }

    /// Sets the clock so far from the true time, such as `-2h`.
    fn set(&self, offset: &str) {
        // In one step, or the server might read half of it.
        let fresh = self.place.file("clock.new");
        fs::write(&fresh, format!("{offset}\n")).expect("there is room for a file");
        fs::rename(fresh, self.file()).expect("there is room for a file");
    }

    fn start(&self) -> Server {
        let mut command = self.place.command(&[]);
        command.env("LD_PRELOAD", self.library).env("FAKETIME_TIMESTAMP_FILE", self.file());
        command.env("FAKETIME_NO_CACHE", "1").env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        self.place.try_start(command).unwrap_or_else(|status| {
            panic!("the server does not start: {status}, {}", self.place.stderr())
        })
    }

    fn submit(&mut self, server: &Server, path: &str, body: &str) -> String {
        let id = server.post(&format!("/v1/tasks/{path}"), body).task();
        self.ids.push(id.clone());
        id
    }

    /// Submits some tasks that end at once.
    fn submit_some(&mut self, server: &Server) {
        for _ in 0..20 {
            self.submit(server, "contacts.upsert", r#"{"email":"ada@example.com"}"#);
        }
    }

    /// No id was given twice, and each is above all before it.
    fn check_ids(&self) {
        assert!(self.ids.is_sorted(), "{:?}", self.ids);
        let distinct: BTreeSet<_> = self.ids.iter().collect();
        assert_eq!(distinct.len(), self.ids.len());
    }
}

/// The day and hour that a server believes it is.
fn hour(answer: &Answer) -> String {
    let date = answer.field("Date").expect("it is always sent");
    date.split(':').next().expect("it has an hour").to_owned()
}

#[test]
fn setting_the_clock_of_a_running_server_moves_no_work() {
    let Some(mut clocked) = Clocked::new() else { return };
    let server = clocked.start();
    let before = hour(&server.get("/v1/tasks"));
    let soon = clocked.submit(&server, "sleep?wait=0s&delay=1s", r#"{"ms":1}"#);
    let failing = clocked.submit(&server, "flaky?wait=0s", r#"{"fail_times":1}"#);
    let later = clocked.submit(&server, "sleep?wait=0s&delay=60m", r#"{"ms":1}"#);
    clocked.set("-5h");
    assert_ne!(hour(&server.get("/v1/tasks")), before, "the clock was not set");
    clocked.submit_some(&server);
    server.wait_for(&soon, "succeeded");
    server.wait_for(&failing, "succeeded");
    let soon = clocked.submit(&server, "sleep?wait=0s&delay=1s", r#"{"ms":1}"#);
    let failing = clocked.submit(&server, "flaky?wait=0s", r#"{"fail_times":1}"#);
    clocked.set("+5h");
    clocked.submit_some(&server);
    server.wait_for(&soon, "succeeded");
    server.wait_for(&failing, "succeeded");
    // Its hour has not passed, whatever the clock says.
    assert_eq!(server.get(&format!("/v1/tasks/{later}")).json()["state"], "queued");
    clocked.check_ids();
    assert!(server.stop().success());
}

#[test]
fn a_clock_set_back_between_two_lives_makes_nobody_wait_for_it() {
    let Some(mut clocked) = Clocked::new() else { return };
    let server = clocked.start();
    let soon = clocked.submit(&server, "sleep?wait=0s&delay=2s", r#"{"ms":1}"#);
    let failing = clocked.submit(&server, "flaky?wait=0s", r#"{"fail_times":2}"#);
    clocked.submit_some(&server);
    server.wait_for(&failing, "retrying");
    server.kill();
    clocked.set("-5h");
    let server = clocked.start();
    clocked.submit_some(&server);
    server.wait_for(&soon, "succeeded");
    server.wait_for(&failing, "succeeded");
    clocked.check_ids();
    server.kill();
    // And once more, from there, in order.
    clocked.set("-10h");
    let server = clocked.start();
    clocked.submit_some(&server);
    clocked.check_ids();
    assert!(server.stop().success());
}

#[test]
fn a_key_holds_while_the_clock_is_set_and_ends_with_its_day() {
    let Some(clocked) = Clocked::new() else { return };
    let mut server = clocked.start();
    let upsert = |server: &Server| {
        let (line, body) = ("POST /v1/tasks/contacts.upsert", r#"{"email":"ada@example.com"}"#);
        let answer = server.ask(line, &["Idempotency-Key: one"], body);
        answer.expect("a running server answers").json()["version"].clone()
    };
    assert_eq!(upsert(&server), 1);
    for offset in ["-5h", "+5h", "-30d", "+0"] {
        clocked.set(offset);
        assert_eq!(upsert(&server), 1, "at {offset}");
        server.kill();
        server = clocked.start();
        assert_eq!(upsert(&server), 1, "after a restart at {offset}");
    }
    clocked.set("+30h");
    assert_eq!(upsert(&server), 2);
}

/// A configuration with a kind whose upstream refuses every connection.
fn refused() -> String {
    let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    let address = free.expect("there are free ports");
    format!(
        "[upstreams.bank]\nurl = \"http://{address}\"\nprivate = true\n\
         [kinds.pay]\nupstream = \"bank\"\nattempts = 1\n"
    )
}

#[test]
fn an_hour_of_an_upstream_is_kept_when_it_is_over_and_outlives_a_kill() {
    let Some(mut clocked) = Clocked::new() else { return };
    fs::write(clocked.place.file("overtime.toml"), refused()).expect("there is room for a file");
    let server = clocked.start();
    let pay = |clocked: &mut Clocked| {
        let task = clocked.submit(&server, "pay?wait=0s", "{}");
        server.wait_for(&task, "parked");
    };
    let hours = |server: &Server| {
        let hours = server.get("/v1/upstreams/bank/history").json()["hours"].clone();
        hours.as_array().expect("it is a list").clone()
    };
    pay(&mut clocked);
    assert!(hours(&server).is_empty(), "this hour is not over");
    clocked.set("+2h");
    pay(&mut clocked);
    let mut told = Vec::new();
    wait_until("the hour is kept", || {
        told = hours(&server);
        !told.is_empty()
    });
    assert_eq!((told.len(), &told[0]["calls"], &told[0]["failed"]), (1, &1.into(), &1.into()));
    server.kill();
    let server = clocked.start();
    assert_eq!(hours(&server), told);
    assert!(server.stop().success());
}
