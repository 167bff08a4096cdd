//! The simulated drive: files by name, what of them is on disk, and what a crash may take back.
//! It fails when the weather says so. Names are durable as soon as they are made or removed; what
//! was written to a file is so once the file was synced. It knows nothing of what files hold.

use crate::time::Time;
use crate::weather::{Call, Fault, Weather};
use overtime_engine::Seed;
use parking_lot::{Mutex, MutexGuard};
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

/// How much of a write arrives whole or not at all.
pub(crate) const SECTOR_BYTES: usize = 512;

/// A drive, shared by all that is stored.
pub(crate) struct Drive {
    time: Arc<Time>,
    state: Mutex<State>,
}

/// What the drive's lock guards.
pub(crate) struct State {
    files: BTreeMap<String, File>,
    /// What goes wrong, and when.
    pub(crate) weather: Weather,
    /// The power is off: nothing works until it comes back.
    is_off: bool,
    /// How often the power came back.
    pub(crate) life: u64,
}

/// One file.
#[derive(Default)]
struct File {
    /// As it is read.
    now: Vec<u8>,
    /// As it is on disk.
    synced: Vec<u8>,
    /// What was done to it since it was synced.
    pending: Vec<Write>,
}

/// A change that may or may not be on disk.
enum Write {
    Bytes { at: usize, bytes: Vec<u8> },
    Cut(usize),
}

/// What is left of that which was not synced when a process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loss {
    /// Everything: only the process ended.
    Nothing,
    /// Nothing is left.
    All,
    /// Of each write some of it, or all, or nothing.
    Some,
}

impl Drive {
    /// An empty drive.
    pub(crate) fn new(time: Arc<Time>, weather: Weather) -> Self {
        let files = BTreeMap::new();
        Self { time, state: Mutex::new(State { files, weather, is_off: false, life: 0 }) }
    }

    /// Whatever is behind the lock.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// Whether a fault has cut the power off: nothing that was done since counts.
    pub(crate) fn is_off(&self) -> bool {
        self.state.lock().is_off
    }

    /// Cuts the power off.
    pub(crate) fn cut_off(&self) {
        self.state.lock().is_off = true;
    }

    /// The power comes back: what was not synced is lost as far as `loss` says.
    pub(crate) fn restart(&self, loss: Loss, chance: &mut Seed) {
        let mut state = self.state.lock();
        (state.is_off, state.life) = (false, state.life + 1);
        for file in state.files.values_mut() {
            file.lose(loss, chance);
        }
    }

    /// Changes a bit that is on disk, if there is one in the files whose names start with `prefix`.
    /// Where, if so.
    pub(crate) fn rot(&self, prefix: &str, chance: &mut Seed) -> Option<(String, usize)> {
        let mut state = self.state.lock();
        let mut files: Vec<_> =
            state.files.iter_mut().filter(|(name, _)| name.starts_with(prefix)).collect();
        let count = files.len() as u64;
        let (name, file) = files.get_mut(usize::try_from(chance.below(count.max(1))).ok()?)?;
        let at = chance.below((file.synced.len() as u64).max(1)) as usize;
        let bit = 1 << chance.below(8);
        *file.synced.get_mut(at)? ^= bit;
        *file.now.get_mut(at)? ^= bit;
        Some(((*name).clone(), at))
    }

    /// The names that start with `prefix`, with the length of each.
    pub(crate) fn list(&self, prefix: &str) -> io::Result<Vec<(String, u64)>> {
        let state = self.enter(Call::Other, "")?;
        let files = state.files.iter().filter(|(name, _)| name.starts_with(prefix));
        Ok(files.map(|(name, file)| (name.clone(), file.now.len() as u64)).collect())
    }

    pub(crate) fn exists(&self, name: &str) -> bool {
        self.state.lock().files.contains_key(name)
    }

    pub(crate) fn create(&self, name: &str) -> io::Result<()> {
        let mut state = self.enter(Call::Create, name)?;
        state.files.entry(name.to_owned()).or_default();
        Ok(())
    }

    pub(crate) fn remove(&self, name: &str) -> io::Result<()> {
        let mut state = self.enter(Call::Other, name)?;
        state.files.remove(name);
        Ok(())
    }

    pub(crate) fn len(&self, name: &str) -> io::Result<u64> {
        let state = self.state.lock();
        Ok(state.files.get(name).ok_or(io::ErrorKind::NotFound)?.now.len() as u64)
    }

    /// Fills `buffer` as far as the file goes.
    pub(crate) fn read(&self, name: &str, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        let state = self.enter(Call::Read, name)?;
        let bytes = &state.files.get(name).ok_or(io::ErrorKind::NotFound)?.now;
        let start = bytes.len().min(usize::try_from(at).unwrap_or(usize::MAX));
        let len = buffer.len().min(bytes.len() - start);
        buffer[..len].copy_from_slice(&bytes[start..start + len]);
        Ok(len)
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8], at: u64) -> io::Result<()> {
        let mut state = self.state.lock();
        let fault = state.fault(Call::Write(bytes.len()), name, &self.time);
        let full = state.has_room_for(name, at, bytes.len());
        let file = state.files.get_mut(name).ok_or(io::ErrorKind::NotFound)?;
        let (error, len) = match fault {
            Some(Fault::Off) => (off(), 0),
            Some(Fault::Torn(len)) => (off(), len),
            Some(Fault::Fails(len)) => (failed(), len),
            Some(Fault::Full(len)) => (io::ErrorKind::StorageFull.into(), len),
            None if full.is_none() => (io::ErrorKind::StorageFull.into(), 0),
            None => {
                file.write(at, bytes);
                return Ok(());
            }
        };
        file.write(at, &bytes[..len.min(bytes.len())]);
        Err(error)
    }

    pub(crate) fn truncate(&self, name: &str, len: u64) -> io::Result<()> {
        let mut state = self.enter(Call::Other, name)?;
        let file = state.files.get_mut(name).ok_or(io::ErrorKind::NotFound)?;
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        file.now.resize(len, 0);
        file.pending.push(Write::Cut(len));
        Ok(())
    }

    pub(crate) fn sync(&self, name: &str) -> io::Result<()> {
        let mut state = self.state.lock();
        let fault = state.fault(Call::Sync, name, &self.time);
        let seed = state.weather.sync_seed();
        let lies = state.weather.lies();
        let file = state.files.get_mut(name).ok_or(io::ErrorKind::NotFound)?;
        match fault {
            None if lies => Ok(()),
            None => {
                file.settle();
                Ok(())
            }
            Some(Fault::Fails(_)) => {
                file.half_settle(&mut Seed::new(seed));
                Err(failed())
            }
            Some(Fault::Off | Fault::Torn(_) | Fault::Full(_)) => Err(off()),
        }
    }

    /// For calls that fail in one way only.
    fn enter(&self, call: Call, name: &str) -> io::Result<MutexGuard<'_, State>> {
        let mut state = self.state.lock();
        match state.fault(call, name, &self.time) {
            None => Ok(state),
            Some(Fault::Fails(_)) => Err(failed()),
            Some(Fault::Full(_)) => Err(io::ErrorKind::StorageFull.into()),
            Some(Fault::Off | Fault::Torn(_)) => Err(off()),
        }
    }
}

impl State {
    fn fault(&mut self, call: Call, name: &str, time: &Time) -> Option<Fault> {
        if self.is_off {
            return Some(Fault::Off);
        }
        time.pass(self.weather.slowness());
        let fault = self.weather.draw(call, name);
        self.is_off |= matches!(fault, Some(Fault::Off | Fault::Torn(_)));
        fault
    }

    /// Whether what is to be written fits on the drive.
    fn has_room_for(&self, name: &str, at: u64, len: usize) -> Option<()> {
        let Some(room) = self.weather.room() else { return Some(()) };
        let taken: usize = self.files.values().map(|file| file.now.len()).sum();
        let end = usize::try_from(at).ok()?.saturating_add(len);
        let own = self.files.get(name).map_or(0, |file| file.now.len());
        (taken + end.saturating_sub(own) <= room || end <= own).then_some(())
    }
}

impl File {
    fn write(&mut self, at: u64, bytes: &[u8]) {
        let at = usize::try_from(at).unwrap_or(usize::MAX);
        put(&mut self.now, at, bytes);
        self.pending.push(Write::Bytes { at, bytes: bytes.to_vec() });
    }

    fn settle(&mut self) {
        for write in self.pending.drain(..) {
            write.apply(&mut self.synced);
        }
    }

    /// A sync failed: of each write some of it is on disk, and what is not will never be.
    fn half_settle(&mut self, chance: &mut Seed) {
        for write in self.pending.drain(..) {
            write.apply_some(&mut self.synced, chance);
        }
    }

    fn lose(&mut self, loss: Loss, chance: &mut Seed) {
        match loss {
            // The operating system still has everything, and writes it some day.
            Loss::Nothing => return,
            Loss::All => self.pending.clear(),
            Loss::Some => self.half_settle(chance),
        }
        self.now.clone_from(&self.synced);
    }
}

impl Write {
    fn apply(self, bytes: &mut Vec<u8>) {
        match self {
            Self::Bytes { at, bytes: written } => put(bytes, at, &written),
            Self::Cut(len) => bytes.resize(len, 0),
        }
    }

    fn apply_some(self, image: &mut Vec<u8>, chance: &mut Seed) {
        match (self, chance.below(4)) {
            (_, 0) => {}
            (whole, 1) => whole.apply(image),
            (cut @ Self::Cut(_), _) => cut.apply(image),
            // From the front, to the byte, unless it is less than a sector.
            (Self::Bytes { at, bytes }, 2) if bytes.len() > SECTOR_BYTES => {
                let len = chance.below(bytes.len() as u64 + 1) as usize;
                put(image, at, &bytes[..len]);
            }
            // Some sectors, in any order.
            (Self::Bytes { at, bytes }, _) => {
                for (place, sector) in bytes.chunks(SECTOR_BYTES).enumerate() {
                    if chance.below(2) == 0 {
                        put(image, at + place * SECTOR_BYTES, sector);
                    }
                }
            }
        }
    }
}

fn put(image: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    let end = at + bytes.len();
    if image.len() < end {
        image.resize(end, 0);
    }
    image[at..end].copy_from_slice(bytes);
}

fn off() -> io::Error {
    io::Error::other("the power is off")
}

fn failed() -> io::Error {
    io::Error::other("the drive failed")
}
