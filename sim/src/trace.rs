//! The trace: what happened in a run, a line each. Its hash stands for all of it, so that two runs
//! of a seed can be compared.

use parking_lot::Mutex;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// The lines of one run, shared so that they outlive one that fails.
#[derive(Clone)]
pub(crate) struct Trace(Arc<Mutex<Lines>>);

struct Lines {
    /// Where the folder is differs from run to run, so no line says it.
    folder: String,
    hash: u64,
    kept: Option<Vec<String>>,
    line: String,
}

impl Trace {
    /// A trace that keeps its lines, or their hash only.
    pub(crate) fn new(folder: &Path, is_kept: bool) -> Self {
        let folder = folder.to_string_lossy().into_owned();
        let (hash, kept) = (0xcbf2_9ce4_8422_2325, is_kept.then(Vec::new));
        Self(Arc::new(Mutex::new(Lines { folder, hash, kept, line: String::new() })))
    }

    /// Adds a line.
    pub(crate) fn add(&self, line: fmt::Arguments<'_>) {
        let lines = &mut *self.0.lock();
        lines.line.clear();
        let _ = fmt::write(&mut lines.line, line);
        if lines.line.contains(&lines.folder) {
            lines.line = lines.line.replace(&lines.folder, "");
        }
        // FNV-1a, 64 bits.
        let mix = |hash: u64, &byte: &u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        lines.hash = lines.line.as_bytes().iter().chain(b"\n").fold(lines.hash, mix);
        if let Some(kept) = &mut lines.kept {
            kept.push(lines.line.clone());
        }
    }

    /// What stands for all lines so far.
    pub(crate) fn hash(&self) -> u64 {
        self.0.lock().hash
    }

    /// The lines, if they were kept.
    pub(crate) fn take(&self) -> Vec<String> {
        self.0.lock().kept.take().unwrap_or_default()
    }
}
