//! The end of a run: the faults stop, and everything has to come to its end within a bound.

use super::World;
use overtime_protocol::LANES;
use std::time::Duration;

/// So many turns are more than any run needs.
const TURNS_MAX: u32 = 20_000;

impl World {
    /// Faults stop; everything must come to its end.
    pub(super) fn end(&mut self) {
        self.cradle.trace.add(format_args!("the faults stop"));
        self.begin_step(self.plan.steps);
        self.calm();
        self.ensure_life();
        for _ in 0..TURNS_MAX {
            if self.is_refused || self.is_over() {
                break;
            }
            self.calm();
            self.end_turn();
            self.ensure_life();
        }
        if self.is_refused {
            return;
        }
        let left = self.life.as_ref().map(|life| life.engine.stats());
        assert!(self.is_over(), "without an end: {left:?}");
        self.check_nothing_is_left();
        let states = self.sweep();
        self.oracle.check_end(&states);
    }

    fn calm(&mut self) {
        let mut state = self.cradle.drive.state();
        state.weather.set_calm(true);
        state.weather.set_slowness(Duration::ZERO);
    }

    fn is_over(&self) -> bool {
        let Some(life) = &self.life else { return false };
        life.engine.stats().tasks == 0 && self.oracle.owed() == 0 && life.is_idle()
    }

    /// What is over takes no memory, and no worker.
    fn check_nothing_is_left(&self) {
        let Some(life) = &self.life else { return };
        let stats = life.engine.stats();
        let is_free = stats.payload_bytes == 0 && stats.waiters == 0 && stats.spooling == 0;
        let is_idle = !stats.is_working() && LANES.into_iter().all(|lane| stats.queued[lane] == 0);
        assert!(is_free && is_idle, "nothing is under way, and the engine keeps {stats:?}");
    }

    fn end_turn(&mut self) {
        let time = &*self.cradle.time;
        let Some(life) = &mut self.life else { return };
        life.journal.commit();
        life.journal.apply();
        life.look_up(&mut self.chance);
        life.spool();
        life.hand_over(&mut self.oracle, time);
        life.work(&mut self.chance, &mut self.oracle, time);
        life.deliver(&mut self.oracle, time);
        life.turn(&mut self.oracle, time);
        if life.workers.all_wait() && !life.journal.has_appends() {
            let next = life.engine.next_deadline();
            let span = next.map_or(Duration::ZERO, |at| at.since(time.now().monotonic));
            time.pass(span + Duration::from_millis(1));
        }
        self.settle();
    }
}
