//! The weather: which calls of the drive fail, and how. Each fault is decided by the seed, the
//! step and the number of the call within the step, so that to leave one out changes no other.

use crate::drive::SECTOR_BYTES;
use overtime_engine::Seed;
use std::collections::BTreeSet;
use std::time::Duration;

/// A call of the drive.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Call {
    Create,
    Read,
    Write(usize),
    Sync,
    Other,
}

/// What goes wrong with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The power goes off before it.
    Off,
    /// The power goes off while it writes: so many bytes of it are written.
    Torn(usize),
    /// It fails, and so many bytes of it are written.
    Fails(usize),
    /// The disk is full behind so many bytes.
    Full(usize),
}

/// Names a fault: the step in which it happens, and the call of that step.
pub type FaultId = (u64, u64);

/// What may go wrong, and how often: in so many of a million calls.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Climate {
    pub(crate) off: u64,
    pub(crate) fails: u64,
    pub(crate) full: u64,
}

/// How a drive lies, to see whether that is found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lie {
    /// A sync of the log does nothing, and says that it was done.
    LogSync,
    /// The same for the archive.
    ArchiveSync,
    /// Every verdict is given before the record is on disk.
    EarlyVerdict,
}

/// What goes wrong in one run.
pub(crate) struct Weather {
    seed: u64,
    climate: Climate,
    step: u64,
    call: u64,
    /// Faults that are left out.
    left_out: BTreeSet<FaultId>,
    /// Those that happened, each with what it was.
    pub(crate) happened: Vec<(FaultId, String)>,
    /// Nothing goes wrong.
    is_calm: bool,
    slowness: Duration,
    room: Option<usize>,
    lie: Option<Lie>,
    /// The file of the call at hand is of the archive.
    of_archive: bool,
}

impl Weather {
    /// The weather of a seed, without some faults.
    pub(crate) fn new(seed: u64, climate: Climate, left_out: BTreeSet<FaultId>) -> Self {
        Self {
            seed,
            climate,
            step: 0,
            call: 0,
            left_out,
            happened: Vec::new(),
            is_calm: true,
            slowness: Duration::ZERO,
            room: None,
            lie: None,
            of_archive: false,
        }
    }

    /// Has the drive lie from now on.
    pub(crate) fn set_lie(&mut self, lie: Option<Lie>) {
        self.lie = lie;
    }

    /// Another step begins.
    pub(crate) fn begin(&mut self, step: u64) {
        (self.step, self.call) = (step, 0);
    }

    /// Whether nothing goes wrong from here on.
    pub(crate) fn set_calm(&mut self, is_calm: bool) {
        self.is_calm = is_calm;
    }

    /// How long each call takes from here on.
    pub(crate) fn set_slowness(&mut self, slowness: Duration) {
        self.slowness = slowness;
    }

    /// How many bytes the drive holds from here on.
    pub(crate) fn set_room(&mut self, room: Option<usize>) {
        self.room = room;
    }

    pub(crate) fn slowness(&self) -> Duration {
        self.slowness
    }

    pub(crate) fn room(&self) -> Option<usize> {
        self.room.filter(|_| !self.is_calm)
    }

    /// What decides what a sync that fails leaves on disk.
    pub(crate) fn sync_seed(&self) -> u64 {
        mix(self.seed ^ 0x5eed, self.step, self.call)
    }

    /// Whether the sync at hand only says that it was done.
    pub(crate) fn lies(&self) -> bool {
        let lie = if self.of_archive { Lie::ArchiveSync } else { Lie::LogSync };
        self.lie == Some(lie)
    }

    /// What goes wrong with the next call.
    pub(crate) fn draw(&mut self, call: Call, name: &str) -> Option<Fault> {
        self.call += 1;
        self.of_archive = name.contains("archive.db");
        if self.is_calm {
            return None;
        }
        let mut chance = Seed::new(mix(self.seed, self.step, self.call));
        let fault = self.choose(call, &mut chance)?;
        let id = (self.step, self.call);
        if self.left_out.contains(&id) {
            return None;
        }
        self.happened.push((id, format!("{fault:?} at {call:?} of {name}")));
        Some(fault)
    }

    fn choose(&self, call: Call, chance: &mut Seed) -> Option<Fault> {
        let Climate { off, fails, full } = self.climate;
        let dice = chance.below(1_000_000);
        let part = |chance: &mut Seed| match call {
            // A sector arrives whole or not at all.
            Call::Write(len) if len <= SECTOR_BYTES => len * chance.below(2) as usize,
            Call::Write(len) => chance.below(len as u64 + 1) as usize,
            _ => 0,
        };
        let writes = matches!(call, Call::Write(_));
        match dice {
            _ if dice < off => Some(match chance.below(2) {
                0 if writes => Fault::Torn(part(chance)),
                _ => Fault::Off,
            }),
            _ if dice < off + fails => {
                // A read fails more seldom than a write.
                let rare = matches!(call, Call::Read | Call::Other) && chance.below(8) > 0;
                (!rare).then(|| Fault::Fails(part(chance)))
            }
            _ if dice < off + fails + full && matches!(call, Call::Write(_) | Call::Create) => {
                Some(Fault::Full(part(chance)))
            }
            _ => None,
        }
    }
}

/// One number out of three.
pub(crate) fn mix(seed: u64, step: u64, call: u64) -> u64 {
    let mut chance = Seed::new(seed ^ step.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let first = chance.next_u64();
    Seed::new(first ^ call.wrapping_mul(0xd134_2543_de82_ef95)).next_u64()
}
