//! Zero-fills segments before they are needed, on a thread of its own. A zero-filled file is
//! synced faster than one that grows: nothing but data is written. It never touches a segment
//! that has been handed over.

use crate::disk::{Disk, FileId, is_full};
use crate::log::{Log, Phase, State};
use crate::options::{PIECE_BYTES, SPARE_SEGMENTS};
use std::io;
use std::time::Duration;

/// How often the room on the disk is looked at, and how long a full disk is left alone.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Makes one free segment now, for a log that has none.
pub(crate) fn first(log: &Log) -> io::Result<()> {
    let mut state = log.state.lock();
    if state.free.is_empty() && state.live.is_empty() {
        let file = FileId(state.next_file);
        make(&*log.disk, file, log.segment_bytes)?;
        state.next_file += 1;
        state.files += 1;
        state.free.push(file);
        log.count_files(&state);
    }
    Ok(())
}

/// Keeps a spare segment at hand until the log ends, and calls `look` about once a second. An error
/// is one that must not happen.
pub(crate) fn run(log: &Log, mut look: impl FnMut()) -> Result<(), String> {
    let (mut after, mut looked) = (After::Room, log.clock.monotonic());
    look();
    loop {
        match wait_for_need(log, after) {
            Need::File(file) => after = prepare(log, file)?,
            Need::Nothing => after = After::Room,
            Need::Ended => return Ok(()),
        }
        let now = log.clock.monotonic();
        if now.since(looked) >= LOOK_AGAIN {
            looked = now;
            look();
        }
    }
}

/// Makes a spare segment if one is wanted, without waiting.
#[cfg(feature = "steps")]
pub(crate) fn step(log: &Log) -> Result<(), String> {
    let wanted = want(log, &mut log.state.lock());
    wanted.map_or(Ok(()), |file| prepare(log, file).map(drop))
}

fn prepare(log: &Log, file: FileId) -> Result<After, String> {
    match make(&*log.disk, file, log.segment_bytes) {
        Ok(()) => {
            let mut state = log.state.lock();
            state.free.push(file);
            log.count_files(&state);
            drop(state);
            log.room.notify_all();
            Ok(After::Room)
        }
        Err(error) => {
            log.state.lock().files -= 1;
            if !is_full(&error) {
                return Err(format!("cannot prepare the log file {file}: {error}"));
            }
            log.refuse();
            Ok(After::FullDisk)
        }
    }
}

/// How the last attempt went. A full disk is left alone until somebody asks or a second is over.
#[derive(Clone, Copy, PartialEq, Eq)]
enum After {
    Room,
    FullDisk,
}

/// What is to be done.
enum Need {
    /// This file is to be made.
    File(FileId),
    /// Nothing, for a while.
    Nothing,
    /// The log has ended.
    Ended,
}

/// Waits until a file is to be made, and reserves its number, but no longer than a second.
fn wait_for_need(log: &Log, after: After) -> Need {
    let mut state = log.state.lock();
    let mut pause = after == After::FullDisk;
    while state.phase == Phase::Open {
        if !pause && let Some(file) = want(log, &mut state) {
            return Need::File(file);
        }
        if log.wanted.wait_for(&mut state, LOOK_AGAIN).timed_out() {
            return if state.phase == Phase::Open { Need::Nothing } else { Need::Ended };
        }
        pause = false;
    }
    Need::Ended
}

/// The number of a file that is to be made, which is reserved for it.
fn want(log: &Log, state: &mut State) -> Option<FileId> {
    let wanted = state.phase == Phase::Open
        && state.free.len() < SPARE_SEGMENTS
        && state.files < log.files_max;
    wanted.then(|| {
        let file = FileId(state.next_file);
        state.next_file += 1;
        state.files += 1;
        file
    })
}

/// Makes a zero-filled file, in pieces so that no sync of the log has to wait for all of it. What
/// was made of it before an error is removed.
fn make(disk: &dyn Disk, file: FileId, len: u64) -> io::Result<()> {
    disk.create(file)?;
    let filled = fill(disk, file, 0, len);
    if filled.is_err() {
        // The first error is the one to tell; a file left behind is found at the next start.
        drop(disk.remove(file));
    }
    filled
}

/// Writes zeros to a file from `start` to `end` and syncs them.
pub(crate) fn fill(disk: &dyn Disk, file: FileId, start: u64, end: u64) -> io::Result<()> {
    let zeros = vec![0; PIECE_BYTES];
    let mut at = start;
    while at < end {
        let piece = usize::try_from(end - at).map_or(PIECE_BYTES, |left| left.min(PIECE_BYTES));
        disk.write_at(file, &zeros[..piece], at)?;
        disk.sync(file)?;
        at += piece as u64;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Key;
    use crate::log::{Found, NoRoom};
    use crate::memory_disk::MemoryDisk;
    use crate::options::Options;
    use std::sync::Arc;

    #[test]
    fn who_waits_for_a_segment_learns_that_the_disk_is_full() {
        let disk = Arc::new(MemoryDisk::default());
        disk.refuse_writes(true);
        let options = Options { segment_bytes: 8192, ..Options::new("unused") };
        let found = Found { live: Vec::new(), free: Vec::new(), next_file: 1 };
        let shared: Arc<dyn Disk> = Arc::clone(&disk) as Arc<dyn Disk>;
        let log = Log::new(&options, Key(7), shared, found, 0);
        std::thread::scope(|scope| {
            let preparer = scope.spawn(|| run(&log, || {}));
            assert_eq!(log.take_free(), Err(NoRoom::DiskFull));
            disk.refuse_writes(false);
            // The preparer may still be busy with the attempt that failed.
            while log.take_free().is_err() {}
            log.end();
            assert_eq!(preparer.join().unwrap(), Ok(()));
        });
    }
}
