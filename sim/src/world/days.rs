//! The days: what each step of a run does, by its chance alone.

use super::World;
use crate::drive::Loss;
use crate::plan::loss;
use std::time::Duration;

/// How many steps go by between two sweeps while nothing ends.
const SWEEP_EVERY: u64 = 40;

/// How much the drive holds at least when its room comes and goes.
const ROOM_MIN: u64 = 200 * 1024;

impl World {
    /// One step, and what comes of it.
    pub(super) fn step(&mut self, step: u64) {
        if self.life.is_none() {
            return;
        }
        self.cradle.trace.add(format_args!("{step}"));
        let dice = self.chance.below(1_000);
        let profile = self.cradle.profile;
        match dice {
            _ if dice < profile.crashes => {
                let loss = loss(&mut self.chance);
                return self.die(loss);
            }
            _ if dice < profile.crashes + profile.closes => return self.close(),
            _ if dice < 70 => self.change_weather(),
            _ => self.act(step),
        }
        self.settle();
        if step % SWEEP_EVERY == SWEEP_EVERY - 1 {
            self.sweep();
        }
    }

    fn act(&mut self, step: u64) {
        let dice = self.chance.below(100);
        if dice < 40 {
            if let Some((clients, mut turn)) = self.turn() {
                match dice {
                    0..24 => clients.submit(step, &mut turn),
                    24..31 => clients.ask(&mut turn),
                    31..34 => clients.look(&mut turn),
                    _ => clients.steer(&mut turn),
                }
            }
            return;
        }
        let (chance, time) = (&mut self.chance, &*self.cradle.time);
        let Some(life) = &mut self.life else { return };
        match dice {
            40..56 => life.work(chance, &mut self.oracle, time),
            56..68 => life.journal.commit(),
            68..74 => life.journal.apply(),
            74..76 => life.journal.make_room(),
            76..78 => life.journal.prepare(),
            78 => life.journal.remove(),
            79..87 => life.look_up(chance),
            87..89 => life.spool(),
            89..93 => life.hand_over(&mut self.oracle, time),
            _ => self.pass_time(),
        }
    }

    fn pass_time(&mut self) {
        let spans = [100, 1_000, 20_000, 2_000_000, 30_000_000];
        let span = spans[self.chance.below(5) as usize];
        self.cradle.time.pass(Duration::from_micros(span));
    }

    /// The drive becomes slower or faster, fuller or emptier, and the wall clock is set.
    fn change_weather(&mut self) {
        let micros = [0, 0, 10, 1_000][self.chance.below(4) as usize];
        let room = ROOM_MIN + self.chance.below(600 * 1024);
        let fills = self.cradle.profile.fills && self.chance.below(3) == 0;
        let mut state = self.cradle.drive.state();
        state.weather.set_slowness(Duration::from_micros(micros));
        state.weather.set_room(fills.then_some(room as usize));
        drop(state);
        let hour = 3_600_000;
        let jump = [0, 0, 0, -hour, hour, -500][self.chance.below(6) as usize];
        self.oracle.counts.jumps += u64::from(jump != 0);
        self.cradle.time.jump(jump);
    }

    /// What the journal said is heard, now or later, and the engine has its turn. Then who must end
    /// ends.
    pub(super) fn settle(&mut self) {
        let Some(life) = &mut self.life else { return };
        self.oracle.has_faults = life.has_faults();
        if self.cradle.drive.is_off() {
            return self.outage();
        }
        let time = &*self.cradle.time;
        if self.chance.below(4) > 0 {
            life.deliver(&mut self.oracle, time);
        }
        life.turn(&mut self.oracle, time);
        if self.cradle.drive.is_off() {
            return self.outage();
        }
        if life.has_failed {
            life.turn(&mut self.oracle, time);
            if self.is_rotten {
                return self.refuse();
            }
            // A write or a sync failed: what is read of it may not be on disk, and before it is read
            // again the power goes off, or it does not.
            let loss = loss(&mut self.chance);
            self.die(loss);
        }
    }

    /// An end in order: nothing new is started, what was sent is committed.
    fn close(&mut self) {
        self.cradle.trace.add(format_args!("  it closes"));
        let Some(life) = &mut self.life else { return };
        let time = &*self.cradle.time;
        life.event(overtime_engine::Event::DrainStarted, time);
        life.event(overtime_engine::Event::GraceEnded, time);
        (0..20).for_each(|_| self.closing_turn());
        if self.cradle.drive.is_off() {
            return self.outage();
        }
        let Some(life) = self.life.take() else { return };
        life.close();
        if self.cradle.drive.is_off() {
            return self.outage();
        }
        self.rot();
        self.die(Loss::Nothing);
    }

    fn closing_turn(&mut self) {
        let Some(life) = &mut self.life else { return };
        life.journal.commit();
        life.look_up(&mut self.chance);
        self.oracle.has_faults = life.has_faults();
        life.deliver(&mut self.oracle, &self.cradle.time);
        life.turn(&mut self.oracle, &self.cradle.time);
    }

    /// A bit changes on disk, on some days.
    fn rot(&mut self) {
        if self.cradle.profile.rots && self.chance.below(2) == 0 {
            let files = ["log/", "archive.db"][self.chance.below(2) as usize];
            let rotten = self.cradle.drive.rot(files, &mut self.chance);
            self.cradle.trace.add(format_args!("  a bit changes: {rotten:?}"));
            self.is_rotten |= rotten.is_some();
            self.oracle.counts.rotten += 1;
        }
    }
}
