//! A handler that takes the process down. The test's own program is the server: started with
//! `OVERTIME_TEST_POISON_FOLDER`, it embeds one with such a handler.

use crate::support::{Server, folder, try_request};
use overtime_server::config::Config;
use overtime_server::{Builder, Failure, Handler, Input, Kind, Product, serve};
use std::path::Path;
use std::process::Command;

const FOLDER: &str = "OVERTIME_TEST_POISON_FOLDER";

struct Aborter;

impl Handler for Aborter {
    fn kind(&self) -> Kind {
        Kind::durable("abort")
    }

    fn run(&self, _: &mut Input<'_>) -> Result<Product, Failure> {
        std::process::abort();
    }
}

/// Not a test of anything unless it is told to be the server.
#[test]
fn serves_when_it_is_told_to() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let any = "127.0.0.1:0".parse().unwrap();
    let config =
        Config { listen: any, admin: any, data: folder.into(), demo: true, ..Config::default() };
    serve(Builder::new(config).handler(Aborter)).unwrap();
}

fn start(folder: &Path) -> Server {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "poison::serves_when_it_is_told_to", "--nocapture"]);
    command.env(FOLDER, folder).env_remove("RUST_TEST_THREADS");
    Server::spawn(command)
}

/// Waits until the server is dead, or the task parked.
fn outlives(server: &mut Server, task: &str) -> bool {
    loop {
        if server.child.try_wait().unwrap().is_some() {
            return false;
        }
        let path = format!("/v1/tasks/{task}");
        let answer = try_request(&server.data, "GET", &path);
        if answer.is_ok_and(|answer| answer.body.contains("\"state\":\"parked\"")) {
            return true;
        }
    }
}

#[test]
fn a_task_that_kills_the_server_is_parked_and_the_others_finish() {
    let folder = folder();
    let mut server = start(folder.path());
    let others: Vec<String> = (0..20)
        .map(|n| {
            server
                .post("/v1/tasks/sleep?wait=0s&delay=50ms", &format!(r#"{{"ms":{}}}"#, n * 5))
                .task()
        })
        .collect();
    let poison = server.post("/v1/tasks/abort?wait=0s&delay=60ms", "").task();
    let mut deaths = 0;
    while !outlives(&mut server, &poison) {
        deaths += 1;
        assert!(deaths <= 4, "the server died {deaths} times");
        server = start(folder.path());
    }
    // The first death leaves no trace of who ran; each later one is counted.
    assert!(deaths >= 3, "parked after {deaths} deaths");
    let document = server.get(&format!("/v1/tasks/{poison}")).json();
    assert_eq!(document["error"]["code"], "crashed-server");
    assert_eq!(document["error"]["source"], "server");
    for task in others {
        server.wait_for(&task, &["succeeded"]);
    }
}
