//! Where a private server lives: its binary, its folder, its settings. Several processes may live
//! there one after the other; the folder goes when the scenario ends.

use crate::server_process::ServerProcess;
use anyhow::Context;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
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
    /// A new home, whose servers have `settings`.
    pub fn furnish(&self, settings: &str) -> anyhow::Result<Home> {
        let binary = match &self.binary {
            Some(binary) => binary.clone(),
            None => std::env::current_exe()
                .context("cannot find this program")?
                .with_file_name("overtime"),
        };
        let folder = tempfile::tempdir_in(&self.folder).context("cannot create a folder")?;
        let home = Home { binary, folder };
        home.settle(settings)?;
        Ok(home)
    }
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
