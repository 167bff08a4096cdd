//! A server of our own: started on free loopback ports, killed without warning. It is never left
//! behind, and its log is shown when it does not come up.

use crate::ask::ask;
use crate::request::{get, post};
use anyhow::{Context, bail};
use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a server may take until it answers.
const PATIENCE: Duration = Duration::from_secs(120);
const PAUSE: Duration = Duration::from_millis(1);

/// A running server.
#[derive(Debug)]
pub struct ServerProcess {
    child: Child,
    target: SocketAddr,
    ready_after: Duration,
}

impl ServerProcess {
    /// Starts the task server at `binary` on the data in `folder`, and waits until it is ready.
    pub fn start(binary: &Path, folder: &Path) -> anyhow::Result<Self> {
        let (target, admin) = (free_address()?, free_address()?);
        let begun = Instant::now();
        let child = spawn_server(binary, folder, target, admin)?;
        let mut server = Self { child, target, ready_after: Duration::ZERO };
        let log = folder.join("server.log");
        server.await_ready(admin, &get(admin, "/readyz"), &log)?;
        server.ready_after = begun.elapsed();
        Ok(server)
    }

    /// Starts the server and kills it `after` that, ready or not.
    pub fn start_and_kill(binary: &Path, folder: &Path, after: Duration) -> anyhow::Result<()> {
        let mut child = spawn_server(binary, folder, free_address()?, free_address()?)?;
        std::thread::sleep(after);
        child.kill()?;
        child.wait()?;
        Ok(())
    }

    /// Starts a floor of this very program, with `options` behind its name.
    pub fn floor(name: &str, options: &[&str], folder: &Path) -> anyhow::Result<Self> {
        let target = free_address()?;
        let program = std::env::current_exe().context("cannot find this program")?;
        let log = folder.join("floor.log");
        let begun = Instant::now();
        let child = Command::new(program)
            .args(["floor", name, "--listen", &target.to_string()])
            .args(options)
            .stderr(File::create(&log)?)
            .spawn()
            .context("cannot start the floor")?;
        let mut floor = Self { child, target, ready_after: Duration::ZERO };
        floor.await_ready(target, &post(target, "/v1/tasks/echo", "text/plain", b"x"), &log)?;
        floor.ready_after = begun.elapsed();
        Ok(floor)
    }

    /// Where it takes requests.
    pub fn target(&self) -> SocketAddr {
        self.target
    }

    /// From its start until it said that it was ready.
    pub fn ready_after(&self) -> Duration {
        self.ready_after
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Kills it without warning (`SIGKILL`). Answers that its kernel has sent may still come.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        self.child.kill().context("cannot kill the server")?;
        self.child.wait().context("cannot wait for the server")?;
        Ok(())
    }

    fn await_ready(&mut self, at: SocketAddr, probe: &[u8], log: &Path) -> anyhow::Result<()> {
        let begun = Instant::now();
        while !ask(at, probe).is_ok_and(|reply| reply.status == 200) {
            if let Some(status) = self.child.try_wait()? {
                bail!("the server ended with {status}:\n{}", tail(log));
            }
            if begun.elapsed() > PATIENCE {
                bail!("the server is not ready after {PATIENCE:?}:\n{}", tail(log));
            }
            std::thread::sleep(PAUSE);
        }
        Ok(())
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        // It may have ended already, and nobody is left to tell.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn spawn_server(
    binary: &Path,
    folder: &Path,
    target: SocketAddr,
    admin: SocketAddr,
) -> anyhow::Result<Child> {
    let log = File::options().create(true).append(true).open(folder.join("server.log"))?;
    Command::new(binary)
        .arg("serve")
        .args(["--listen", &target.to_string(), "--admin", &admin.to_string(), "--demo"])
        .arg("--data")
        .arg(folder.join("data"))
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
        .with_context(|| format!("cannot start {}", binary.display()))
}

/// An address that nobody listens on now.
fn free_address() -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port")?;
    Ok(listener.local_addr()?)
}

/// The last lines of a log.
fn tail(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_ends_at_once_is_told_with_its_log() {
        let folder = tempfile::tempdir().unwrap();
        // A shell takes `serve` for a script that does not exist, says so, and ends.
        let error = ServerProcess::start(Path::new("/bin/sh"), folder.path()).unwrap_err();
        let told = error.to_string();
        assert!(told.contains("ended with exit status") && told.contains("serve"), "{told}");
    }

    #[test]
    fn the_tail_of_a_long_log_is_its_last_lines() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let lines: Vec<String> = (1..=50).map(|line| line.to_string()).collect();
        std::fs::write(&log, lines.join("\n")).unwrap();
        assert_eq!(tail(&log), lines[30..].join("\n"));
        assert_eq!(tail(&folder.path().join("absent")), "");
    }
}
