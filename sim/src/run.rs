//! One run, with whatever it ends with caught.

use crate::oracle::Counts;
use crate::plan::Plan;
use crate::trace::Trace;
use crate::weather::FaultId;
use crate::world::World;
use std::any::Any;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use tempfile::TempDir;

/// The format of the folder. The key of the log is the same in each run, so that all of a run is.
const FORMAT: &str = "overtime 2\nkey 0123456789abcdef\ncrc e506e484\n";

/// A file system in memory, where there is one.
const MEMORY: &str = "/dev/shm";

/// Where runs have the few files that are not simulated: the lock and the format. For one run at a
/// time, and used again for the next.
pub struct Stage {
    folder: TempDir,
}

impl Stage {
    /// A new folder.
    ///
    /// # Errors
    /// If none can be made.
    pub fn new() -> io::Result<Self> {
        let in_memory = Path::new(MEMORY).is_dir().then(|| tempfile::tempdir_in(MEMORY).ok());
        let folder = in_memory.flatten().map_or_else(tempfile::tempdir, Ok)?;
        std::fs::write(folder.path().join("FORMAT"), FORMAT)?;
        Ok(Self { folder })
    }
}

/// How a run ended.
#[derive(Debug)]
pub struct Outcome {
    /// What was counted, or what was wrong.
    pub verdict: Result<Counts, String>,
    /// What stands for all that happened.
    pub hash: u64,
    /// What happened, if it was kept.
    pub trace: Vec<String>,
    /// The faults of the drive.
    pub faults: Vec<(FaultId, String)>,
}

/// Runs a plan; the trace is kept if `keeps_trace` says so.
pub fn run(plan: &Plan, stage: &Stage, keeps_trace: bool) -> Outcome {
    let trace = Trace::new(stage.folder.path(), keeps_trace);
    let mut world = World::new(plan.clone(), stage.folder.path(), trace.clone());
    let verdict = catch_unwind(AssertUnwindSafe(|| world.run()));
    let faults = world.faults();
    // Its parts may have been left in any state, but all that is done with them is to drop them.
    let dropped = catch_unwind(AssertUnwindSafe(|| drop(world)));
    let verdict = verdict.and_then(|counts| dropped.map(|()| counts));
    let verdict = verdict.map_err(|panic| words(&*panic));
    Outcome { verdict, hash: trace.hash(), trace: trace.take(), faults }
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("a panic without words").to_owned()
}
