//! Memory: a thread that looks how much of it the process uses, and tells the core and the operator
//! when it comes to an end. It refuses nothing itself and ends nothing.

mod level;
mod system;
mod trim;

use crate::config::Size;
use crate::lines::Lines;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use level::Level;
use overtime_console::{Family, Sample};
use overtime_core::{Mail, Mailbox};
use overtime_protocol::MemoryPressure;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use system::{Readings, System};

/// Between two looks.
const INTERVAL: Duration = Duration::from_millis(250);

/// While memory is short, what was freed is given back to the system every so many looks.
const LOOKS_PER_TRIM: u32 = 4;

/// What was last seen. The thread ends with the last who could ask.
#[derive(Debug)]
pub(crate) struct Memory {
    used: AtomicU64,
    budget: AtomicU64,
    pressure: AtomicU64,
    _stay: Sender<()>,
}

impl Memory {
    /// Starts the thread; `configured` is the budget, unless that is the machine's to say.
    ///
    /// # Errors
    /// If the system refuses a thread.
    pub(crate) fn watch(
        configured: Option<Size>,
        mailbox: Mailbox,
        lines: Lines,
    ) -> io::Result<Arc<Self>> {
        let (stay, left) = bounded(0);
        let numbers = [0, 0, 0].map(AtomicU64::new);
        let [used, budget, pressure] = numbers;
        let memory = Arc::new(Self { used, budget, pressure, _stay: stay });
        let weak = Arc::downgrade(&memory);
        let mut watcher = Watcher {
            system: System::find(),
            configured: configured.map(|size| size.0),
            level: Level::default(),
            looks: 0,
            mailbox,
            lines,
        };
        watcher.look(&memory);
        std::thread::Builder::new().name("memory".to_owned()).spawn(move || {
            while is_wanted(&left) {
                let Some(memory) = weak.upgrade() else { return };
                watcher.look(&memory);
            }
        })?;
        Ok(memory)
    }

    pub(crate) fn pressure(&self) -> MemoryPressure {
        match self.pressure.load(Relaxed) {
            0 => MemoryPressure::Fine,
            1 => MemoryPressure::Alarm,
            _ => MemoryPressure::Full,
        }
    }

    /// A sentence for the operator; empty while all is well.
    pub(crate) fn sentence(&self) -> String {
        let (used, budget) = (self.used.load(Relaxed), self.budget.load(Relaxed));
        match self.pressure() {
            MemoryPressure::Fine => String::new(),
            MemoryPressure::Alarm => format!("{} are in use", share(used, budget)),
            MemoryPressure::Full => {
                format!("{} are in use: new tasks are refused", share(used, budget))
            }
        }
    }

    pub(crate) fn metrics(&self) -> [Family; 3] {
        let gauge = |name, help, value: &AtomicU64| {
            Family::gauge(name, help, [Sample::new(value.load(Relaxed) as f64)])
        };
        [
            gauge("overtime_memory_used_bytes", "Memory of the process", &self.used),
            gauge("overtime_memory_budget_bytes", "Memory that it may use", &self.budget),
            gauge("overtime_memory_pressure", "0 fine, 1 alarm, 2 full", &self.pressure),
        ]
    }
}

fn share(used: u64, budget: u64) -> String {
    format!("{} MiB of a memory budget of {} MiB", used >> 20, budget >> 20)
}

/// Waits for the next look; `false` if nobody asks any more.
fn is_wanted(left: &Receiver<()>) -> bool {
    matches!(left.recv_timeout(INTERVAL), Err(RecvTimeoutError::Timeout))
}

/// The thread's side.
struct Watcher {
    system: System,
    configured: Option<u64>,
    level: Level,
    looks: u32,
    mailbox: Mailbox,
    lines: Lines,
}

impl Watcher {
    fn look(&mut self, memory: &Memory) {
        // A system that does not say is never short of memory.
        let Some(readings) = self.system.read() else { return };
        let budget = budget(self.configured, &readings);
        memory.used.store(readings.used, Relaxed);
        memory.budget.store(budget, Relaxed);
        if let Some(pressure) = self.level.judge(readings.used, budget) {
            // The core first: what others are told of it is so by then.
            self.mailbox.push(Mail::MemoryPressure(pressure));
            memory.pressure.store(pressure as u64, Relaxed);
            self.tell(pressure, memory);
        }
        self.give_back(memory.pressure());
    }

    fn tell(&self, pressure: MemoryPressure, memory: &Memory) {
        match pressure {
            MemoryPressure::Fine => self.lines.say("the memory is enough again"),
            MemoryPressure::Alarm | MemoryPressure::Full => self.lines.say(memory.sentence()),
        }
    }

    fn give_back(&mut self, pressure: MemoryPressure) {
        if pressure == MemoryPressure::Fine {
            self.looks = 0;
            return;
        }
        if self.looks.is_multiple_of(LOOKS_PER_TRIM) {
            trim::trim();
        }
        self.looks += 1;
    }
}

/// What the process may use. Unless somebody has said how much, that is four fifths of what there is,
/// and no more than four fifths of what others on the machine leave.
fn budget(configured: Option<u64>, readings: &Readings) -> u64 {
    let Readings { used, total, available } = *readings;
    configured.unwrap_or_else(|| (total / 5 * 4).min(used.saturating_add(available / 5 * 4)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_budget_is_four_fifths_of_what_there_is_or_of_what_others_leave() {
        let mut readings = Readings { used: 100, total: 1000, available: 900 };
        assert_eq!(budget(None, &readings), 800);
        readings.available = 50;
        assert_eq!(budget(None, &readings), 140);
        assert_eq!(budget(Some(300), &readings), 300);
    }
}
