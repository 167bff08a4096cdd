//! Where a private server lives: its binary, its folder, its settings. Several processes may live
//! there one after the other; the folder goes when the scenario ends.

use crate::server_process::ServerProcess;
use anyhow::{Context, bail};
use std::ffi::OsString;
use std::fmt::Display;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// The options for that.
#[derive(Clone, Debug, clap::Args)]
pub struct HomeOptions {
    /// The server's binary; without it the `overtime` beside this program.
    #[arg(long)]
    binary: Option<PathBuf>,
    /// Where to put its data; a temporary folder inside it is removed afterwards.
    #[arg(long, default_value_os_t = std::env::temp_dir())]
    folder: PathBuf,
}

impl HomeOptions {
    /// The words that say the same to another command.
    pub fn words(&self) -> anyhow::Result<[OsString; 4]> {
        let (binary, folder) = (self.binary()?, self.folder.clone());
        Ok(["--binary".into(), binary.into(), "--folder".into(), folder.into()])
    }

    fn binary(&self) -> anyhow::Result<PathBuf> {
        match &self.binary {
            Some(binary) => Ok(binary.clone()),
            None => {
                let program = std::env::current_exe().context("cannot find this program")?;
                Ok(program.with_file_name("overtime"))
            }
        }
    }

    /// A new home, whose servers have `settings`.
    pub fn furnish(&self, settings: &str) -> anyhow::Result<Home> {
        let binary = self.binary()?;
        let folder = tempfile::tempdir_in(&self.folder).context("cannot create a folder")?;
        let home = Home { binary, folder };
        home.settle(settings)?;
        Ok(home)
    }
}

/// Settings of a server that has so many workers, and no spares.
pub fn fixed_workers(count: impl Display) -> String {
    format!("[workers]\nmin = {count}\nmax = {count}\n")
}

/// A folder with settings and data.
#[derive(Debug)]
pub struct Home {
    binary: PathBuf,
    folder: TempDir,
}

impl Home {
    /// Replaces the settings, for the next server.
    pub fn settle(&self, settings: &str) -> anyhow::Result<()> {
        let path = self.folder.path().join("overtime.toml");
        std::fs::write(path, settings).context("cannot write the settings")
    }

    /// Starts a server on the data that is there.
    pub fn start(&self) -> anyhow::Result<ServerProcess> {
        ServerProcess::start(&self.binary, self.folder.path())
    }

    /// Starts a server on the data that is there, at these addresses.
    pub fn start_at(&self, addresses: [SocketAddr; 2]) -> anyhow::Result<ServerProcess> {
        ServerProcess::start_at(&self.binary, self.folder.path(), addresses)
    }

    /// Makes a key for each of some tenants. `limits` is what `keys add` takes behind their names.
    pub fn add_keys(&self, tenants: &[String], limits: &[&str]) -> anyhow::Result<Vec<String>> {
        let mut command = Command::new(&self.binary);
        command.args(["keys", "add"]).args(tenants).args(limits);
        command.arg("--data").arg(self.folder().join("data"));
        let told = command.output().context("cannot run the binary")?;
        if !told.status.success() {
            bail!("no keys: {}", String::from_utf8_lossy(&told.stderr).trim_end());
        }
        let keys = String::from_utf8(told.stdout).context("keys are text")?;
        Ok(keys.lines().map(str::to_owned).collect())
    }

    /// The same for one tenant.
    pub fn add_key(&self, tenant: &str, limits: &[&str]) -> anyhow::Result<String> {
        let keys = self.add_keys(&[tenant.to_owned()], limits)?;
        keys.into_iter().next().context("no key was shown")
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_where_a_server_looks_for_them() {
        let options = HomeOptions { binary: None, folder: std::env::temp_dir() };
        let home = options.furnish("demo = true\n").unwrap();
        home.settle("demo = false\n").unwrap();
        let path = home.folder().join("overtime.toml");
        assert_eq!(std::fs::read_to_string(path).unwrap(), "demo = false\n");
        assert_eq!(home.binary.file_name().unwrap(), "overtime");
    }
}
