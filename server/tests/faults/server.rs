//! The binary under test, started on a data folder of its own, and how it ends.

use crate::client::{Answer, ask};
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Small segments, so that the log goes round; retries that nobody waits for.
const CONFIG: &str = "[journal]\nsegment = \"21MiB\"\nlog_max = \"63MiB\"\n\
    [kinds.\"contacts.upsert\"]\nretry_first = \"5ms\"\n[kinds.echo]\nretry_first = \"5ms\"\n";

/// How often something is looked at that is waited for.
const LOOK_AGAIN: Duration = Duration::from_millis(2);

/// What ought to happen has not happened by then.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where a server keeps its data, and a test its notes.
pub(crate) struct Place {
    root: TempDir,
    data: PathBuf,
}

impl Place {
    /// A new folder.
    pub(crate) fn new() -> Self {
        let root = tempfile::tempdir().expect("there is room for a folder");
        let data = root.path().join("data");
        Self::with(root, data)
    }

    /// The same with a log that goes round rarely.
    pub(crate) fn with_long_log() -> Self {
        let place = Self::new();
        let text = CONFIG.replace("63MiB", "512MiB");
        fs::write(place.file("overtime.toml"), text).expect("there is room for a file");
        place
    }

    /// The same with the data somewhere else.
    pub(crate) fn with_data(data: PathBuf) -> Self {
        Self::with(tempfile::tempdir().expect("there is room for a folder"), data)
    }

    fn with(root: TempDir, data: PathBuf) -> Self {
        fs::write(root.path().join("overtime.toml"), CONFIG).expect("there is room for a file");
        Self { root, data }
    }

    pub(crate) fn data(&self) -> &Path {
        &self.data
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// What the server that ran last has said on stderr.
    pub(crate) fn stderr(&self) -> String {
        fs::read_to_string(self.file("stderr")).unwrap_or_default()
    }

    /// The command that starts a server, behind the words of another program if there are some.
    pub(crate) fn command(&self, before: &[&str]) -> Command {
        let binary = env!("CARGO_BIN_EXE_overtime");
        let mut words = before.iter().copied().chain([binary]);
        let mut command = Command::new(words.next().expect("the binary at least"));
        command.args(words).arg("--data").arg(&self.data);
        command.arg("--config").arg(self.file("overtime.toml"));
        command.args(["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]);
        command.args(["--workers", "8", "--demo"]);
        command
    }

    /// Starts a server that comes up.
    pub(crate) fn start(&self) -> Server {
        self.try_start(self.command(&[])).unwrap_or_else(|status| {
            panic!("the server does not start: {status}, {}", self.stderr())
        })
    }

    /// Starts a server; how it ended if it did not come up.
    pub(crate) fn try_start(&self, mut command: Command) -> Result<Server, ExitStatus> {
        let stderr = File::create(self.file("stderr")).expect("there is room for a file");
        let mut child = command.stdout(Stdio::piped()).stderr(stderr).spawn().expect("it is there");
        let mut stdout = BufReader::new(child.stdout.take().expect("it is piped"));
        let (mut data, mut admin, mut line) = (None, None, String::new());
        while data.is_none() || admin.is_none() {
            line.clear();
            if stdout.read_line(&mut line).expect("it greets in UTF-8") == 0 {
                return Err(child.wait().expect("it is our child"));
            }
            data = data.or_else(|| address(&line, "tasks"));
            admin = admin.or_else(|| address(&line, "admin"));
        }
        // Nobody reads on; the rest of a greeting fits the pipe.
        std::mem::forget(stdout);
        let lock = fs::read_to_string(self.data.join("LOCK")).expect("a server holds it");
        let pid = lock.trim().parse().expect("a server has its number in it");
        let (data, admin) = (data.expect("it was found"), admin.expect("it was found"));
        Ok(Server { child, pid, data, admin })
    }
}

fn address(line: &str, label: &str) -> Option<String> {
    let rest = line.trim().strip_prefix(label)?.trim();
    Some(rest.strip_prefix("http://")?.split(' ').next()?.to_owned())
}

/// A running server; it is killed when it is dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) pid: u32,
    pub(crate) data: String,
    pub(crate) admin: String,
}

impl Server {
    pub(crate) fn ask(&self, line: &str, fields: &[&str], body: &str) -> io::Result<Answer> {
        ask(&self.data, line, fields, body)
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.ask(&format!("GET {path}"), &[], "").expect("a running server answers")
    }

    pub(crate) fn post(&self, path: &str, body: &str) -> Answer {
        self.ask(&format!("POST {path}"), &[], body).expect("a running server answers")
    }

    pub(crate) fn is_ready(&self) -> bool {
        ask(&self.admin, "GET /readyz", &[], "").is_ok_and(|answer| answer.status == 200)
    }

    /// The value of a metric without labels.
    pub(crate) fn metric(&self, name: &str) -> f64 {
        let text = ask(&self.admin, "GET /metrics", &[], "").expect("a running server answers");
        let values = text.body.lines().filter_map(|line| line.split_once(' '));
        let mut found = values.filter(|(label, _)| *label == name);
        found.next().map_or(f64::NAN, |(_, value)| value.parse().expect("a number"))
    }

    /// Long-polls a task until it has that state.
    pub(crate) fn wait_for(&self, task: &str, state: &str) -> serde_json::Value {
        let began = Instant::now();
        loop {
            let document = self.get(&format!("/v1/tasks/{task}?wait=100ms")).json();
            if document["state"] == state {
                return document;
            }
            assert!(began.elapsed() < PATIENCE, "{task} is not {state}: {document}");
        }
    }

    /// Sends a signal, if it still is there; how it ends tells.
    pub(crate) fn signal(&self, name: &str) {
        let command = Command::new("kill").args([name, &self.pid.to_string()]).output();
        command.expect("every system has it");
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("it is our child").is_some()
    }

    /// Waits for an end that must come by itself.
    pub(crate) fn wait(mut self) -> ExitStatus {
        wait_until("the server ends", || self.has_ended());
        self.child.wait().expect("it is our child")
    }

    /// Has it end at once.
    pub(crate) fn kill(self) {
        self.signal("-KILL");
        let status = self.wait();
        assert_eq!(status.signal(), Some(9), "{status}");
    }

    /// Has it end in order.
    pub(crate) fn stop(self) -> ExitStatus {
        self.signal("-TERM");
        self.wait()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if !self.has_ended() {
            // Its number still belongs to it, for nobody has waited for it.
            let _ = Command::new("kill").args(["-KILL", &self.pid.to_string()]).status();
        }
        let _ = self.child.wait();
    }
}

/// Waits for a fact.
pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "waited in vain until {what}");
        thread::sleep(LOOK_AGAIN);
    }
}
