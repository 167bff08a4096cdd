//! A server of our own: started on free loopback ports, killed without warning. It is never left
//! behind, even if we are killed, and its log is shown when it does not come up.

use crate::ask::ask_within;
use crate::random::Random;
use crate::request::{get, post};
use anyhow::{Context, bail};
use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::ops::Range;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a server may take until it answers.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long one probe may take.
const PROBE: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(1);
/// Below those that Linux gives to callers.
const PORTS: Range<u16> = 10_000..32_000;
const PORTS_TRIED: usize = 1_000;

/// A running server.
#[derive(Debug)]
pub struct ServerProcess {
    child: Child,
    target: SocketAddr,
    /// The admin port; a floor has none of its own.
    admin: SocketAddr,
    ready_after: Duration,
}

impl ServerProcess {
    /// Starts the task server at `binary` on the data in `folder`, and waits until it is ready.
    pub fn start(binary: &Path, folder: &Path) -> anyhow::Result<Self> {
        Self::start_at(binary, folder, free_addresses()?)
    }

    /// The same at these addresses, its own one and that of its admin port: somebody may come back
    /// to them.
    pub fn start_at(
        binary: &Path,
        folder: &Path,
        [target, admin]: [SocketAddr; 2],
    ) -> anyhow::Result<Self> {
        let begun = Instant::now();
        let child = spawn_server(binary, folder, target, admin)?;
        let mut server = Self { child, target, admin, ready_after: Duration::ZERO };
        let log = folder.join("server.log");
        server.await_ready(admin, &get(admin, "/readyz"), &log)?;
        server.ready_after = begun.elapsed();
        Ok(server)
    }

    /// Starts the server and kills it `after` that, ready or not.
    pub fn start_and_kill(binary: &Path, folder: &Path, after: Duration) -> anyhow::Result<()> {
        let [target, admin] = free_addresses()?;
        let mut child = spawn_server(binary, folder, target, admin)?;
        std::thread::sleep(after);
        child.kill()?;
        child.wait()?;
        Ok(())
    }

    /// Starts a floor of this very program, with `options` behind its name.
    pub fn floor(name: &str, options: &[&str], folder: &Path) -> anyhow::Result<Self> {
        let [target] = free_addresses()?;
        Self::floor_at(name, options, folder, target)
    }

    /// The same at that address.
    pub fn floor_at(
        name: &str,
        options: &[&str],
        folder: &Path,
        target: SocketAddr,
    ) -> anyhow::Result<Self> {
        let program = std::env::current_exe().context("cannot find this program")?;
        let log = folder.join(format!("{name}.log"));
        let begun = Instant::now();
        let child = Command::new(program)
            .args(["floor", name, "--listen", &target.to_string()])
            .args(options)
            .stderr(File::create(&log)?)
            .spawn()
            .context("cannot start the floor")?;
        let mut floor = Self { child, target, admin: target, ready_after: Duration::ZERO };
        floor.await_ready(target, &post(target, "/v1/tasks/echo", "text/plain", b"x"), &log)?;
        floor.ready_after = begun.elapsed();
        Ok(floor)
    }

    /// Where it takes requests.
    pub fn target(&self) -> SocketAddr {
        self.target
    }

    /// Where it tells how it is.
    pub fn admin(&self) -> SocketAddr {
        self.admin
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

    /// The same, if it still runs.
    ///
    /// # Errors
    /// If it has ended by itself.
    pub fn kill_running(&mut self) -> anyhow::Result<()> {
        match self.child.try_wait()? {
            None => self.kill(),
            Some(status) => bail!("the server ended by itself with {status}"),
        }
    }

    fn await_ready(&mut self, at: SocketAddr, probe: &[u8], log: &Path) -> anyhow::Result<()> {
        let begun = Instant::now();
        while !ask_within(at, probe, PROBE).is_ok_and(|reply| reply.status == 200) {
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
    let binary = binary.canonicalize().with_context(|| format!("no {}", binary.display()))?;
    let folder = folder.canonicalize()?;
    let log = File::options().create(true).append(true).open(folder.join("server.log"))?;
    let mut command = Command::new(&binary);
    // Settings of whoever started us are not settings of this server.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("OVERTIME_") {
            command.env_remove(name);
        }
    }
    command
        .current_dir(&folder)
        // What a terminal's ctrl-C says is said to us.
        .process_group(0)
        // If we are killed ourselves, it goes too.
        .env("OVERTIME_END_WITH", std::process::id().to_string())
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

/// Addresses that nobody listens on now. All are taken before any is given back, so no two are
/// the same.
fn free_addresses<const N: usize>() -> anyhow::Result<[SocketAddr; N]> {
    let taken: Vec<TcpListener> = (0..N)
        .map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
        .collect::<Result<_, _>>()
        .context("no free port")?;
    let mut addresses = [SocketAddr::from((Ipv4Addr::LOCALHOST, 0)); N];
    for (address, listener) in addresses.iter_mut().zip(&taken) {
        *address = listener.local_addr()?;
    }
    Ok(addresses)
}

/// Addresses that nobody listens on now and that the system gives to no caller: who calls a port
/// that could be his own, while nobody listens there, may get through to himself and then holds it.
pub fn lasting_addresses<const N: usize>() -> anyhow::Result<[SocketAddr; N]> {
    let mut random = Random::fresh();
    let mut taken: Vec<TcpListener> = Vec::new();
    for _ in 0..PORTS_TRIED {
        let port = PORTS.start + random.below(u64::from(PORTS.end - PORTS.start)) as u16;
        taken.extend(TcpListener::bind((Ipv4Addr::LOCALHOST, port)));
        if taken.len() == N {
            break;
        }
    }
    let mut addresses = [SocketAddr::from((Ipv4Addr::LOCALHOST, 0)); N];
    for (address, number) in addresses.iter_mut().zip(0..) {
        *address = taken.get(number).context("no free port")?.local_addr()?;
    }
    Ok(addresses)
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
    fn free_addresses_differ() {
        for addresses in [free_addresses::<8>().unwrap(), lasting_addresses().unwrap()] {
            let different: std::collections::BTreeSet<_> = addresses.into_iter().collect();
            assert_eq!(different.len(), 8);
        }
        let lasting: [SocketAddr; 2] = lasting_addresses().unwrap();
        assert!(lasting.iter().all(|address| PORTS.contains(&address.port())));
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
