//! A zero-filled file of fixed size that is written round and round: the cheapest way to make
//! bytes durable through a file system, since neither size nor extents ever change.

use anyhow::Context;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Bytes of the file.
const FILE_BYTES: u64 = 256 * 1024 * 1024;
const CHUNK: usize = 1024 * 1024;

/// The file and where the next bytes go.
#[derive(Debug)]
pub(super) struct RingFile {
    file: File,
    at: u64,
}

impl RingFile {
    /// Creates the file and fills it with zeros, so that no later write changes metadata.
    pub(super) fn create(path: &Path) -> anyhow::Result<Self> {
        let file = File::create(path).with_context(|| format!("cannot create {path:?}"))?;
        let zeros = vec![0; CHUNK];
        for at in (0..FILE_BYTES).step_by(CHUNK) {
            file.write_all_at(&zeros, at).context("cannot fill the file")?;
        }
        file.sync_all().context("cannot sync the file")?;
        Ok(Self { file, at: 0 })
    }

    /// Writes `bytes` and returns once they are on disk.
    pub(super) fn append(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        if self.at + bytes.len() as u64 > FILE_BYTES {
            self.at = 0;
        }
        self.file.write_all_at(bytes, self.at)?;
        self.at += bytes.len() as u64;
        self.file.sync_data()
    }
}
