//! A run: one seed's world of clients, server and drive, through all its lives. It ends with what
//! was counted, or with a panic that says what was wrong.

mod days;
mod ending;

use crate::clients::{Clients, Turn};
use crate::drive::{Drive, Loss};
use crate::life::{Cradle, Life};
use crate::oracle::{Counts, Entries, Oracle, States};
use crate::plan::{Plan, Profile, loss};
use crate::time::Time;
use crate::trace::Trace;
use crate::weather::{FaultId, Lie, Weather, mix};
use crate::{kinds, vfs};
use overtime_engine::Seed;
use overtime_journal::OpenError;
use overtime_protocol::{Answer, Code, Query};
use std::path::Path;
use std::sync::Arc;

/// What distinguishes the chance of a step from that of the weather.
const STEPS: u64 = 0x57e9;

/// How often a start may fail before the weather clears up. Then the next one has to succeed.
const STARTS_MAX: u32 = 4;

/// The world of one seed.
pub(crate) struct World {
    plan: Plan,
    cradle: Cradle,
    oracle: Oracle,
    clients: Clients,
    life: Option<Life>,
    chance: Seed,
    /// A bit has changed on disk that the server has not come upon yet.
    is_rotten: bool,
    /// The server refuses to start, and rightly so.
    is_refused: bool,
}

impl World {
    /// A world with an empty drive, whose lock and format are in `folder`.
    pub(crate) fn new(plan: Plan, folder: &Path, trace: Trace) -> Self {
        let profile = Profile::new(plan.seed);
        let time = Arc::new(Time::default());
        let mut weather = Weather::new(plan.seed, profile.climate, plan.without_faults.clone());
        weather.set_lie(plan.lie);
        let drive = Arc::new(Drive::new(Arc::clone(&time), weather));
        let judges_early = plan.lie == Some(Lie::EarlyVerdict);
        let folder = folder.to_owned();
        let cradle = Cradle { folder, drive, time, profile, trace, judges_early };
        Self {
            chance: Seed::new(plan.seed),
            plan,
            cradle,
            oracle: Oracle::default(),
            clients: Clients::default(),
            life: None,
            is_rotten: false,
            is_refused: false,
        }
    }

    /// Runs it to its end.
    pub(crate) fn run(&mut self) -> Counts {
        self.cradle.trace.add(format_args!("{:?}", self.cradle.profile));
        for step in 0..self.plan.steps {
            if self.is_refused {
                return self.counts();
            }
            if self.plan.without_steps.contains(&step) {
                continue;
            }
            self.begin_step(step);
            self.ensure_life();
            self.step(step);
        }
        self.end();
        self.counts()
    }

    /// The faults that happened, each with what it was.
    pub(crate) fn faults(&self) -> Vec<(FaultId, String)> {
        self.cradle.drive.state().weather.happened.clone()
    }

    fn counts(&self) -> Counts {
        let faults = self.cradle.drive.state().weather.happened.len() as u64;
        Counts { faults, ..self.oracle.counts }
    }

    fn begin_step(&mut self, step: u64) {
        self.chance = Seed::new(mix(self.plan.seed ^ STEPS, step, 0));
        let mut state = self.cradle.drive.state();
        state.weather.begin(step);
        state.weather.set_calm(false);
    }

    /// Ends the life at hand. What becomes of that which was not synced is for chance to say.
    fn die(&mut self, loss: Loss) {
        self.cradle.trace.add(format_args!("  the process ends, {loss:?} is lost"));
        // Nothing that is done while it is taken apart reaches the drive.
        self.cradle.drive.cut_off();
        self.life = None;
        self.oracle.dies();
        self.cradle.drive.restart(loss, &mut self.chance);
    }

    /// Starts the server, if it does not run.
    fn ensure_life(&mut self) {
        let mut tries = 0;
        while self.life.is_none() && !self.is_refused {
            tries += 1;
            if tries > STARTS_MAX {
                self.cradle.drive.state().weather.set_calm(true);
            }
            let seed = self.chance.next_u64();
            match Life::begin(&self.cradle, seed) {
                Ok(mut life) if !self.cradle.drive.is_off() => {
                    life.is_rotten = self.is_rotten;
                    self.life = Some(life);
                    self.oracle.counts.lives += 1;
                    self.sweep();
                }
                Ok(life) => {
                    drop(life);
                    self.outage();
                }
                Err(error) => {
                    assert!(tries <= STARTS_MAX, "nothing fails, and it does not start: {error}");
                    self.note_refusal(&error);
                }
            }
        }
    }

    fn outage(&mut self) {
        self.oracle.counts.outages += 1;
        let loss = loss(&mut self.chance);
        self.die(loss);
    }

    /// The server did not start.
    fn note_refusal(&mut self, error: &OpenError) {
        self.cradle.trace.add(format_args!("  it does not start: {error}"));
        let damaged = matches!(
            error,
            OpenError::LogDamaged { .. }
                | OpenError::ArchiveDamaged { .. }
                | OpenError::Newer { .. }
        );
        if damaged && !self.cradle.drive.is_off() {
            assert!(self.is_rotten, "it finds damage where there is none: {error}");
            return self.refuse();
        }
        if self.cradle.drive.is_off() {
            return self.outage();
        }
        self.die(Loss::Nothing);
    }

    /// The server has come upon a bit that changed on disk, and said so.
    fn refuse(&mut self) {
        self.oracle.counts.refused += 1;
        self.is_refused = true;
    }

    /// Holds what was shown against what the journal has, with nothing in the way.
    fn sweep(&mut self) -> States {
        let Some(life) = &mut self.life else { return States::new() };
        self.cradle.drive.state().weather.set_calm(true);
        let mut states = States::new();
        for task in self.oracle.durable_tasks() {
            let answer = life.ask_journal(Query::Result(task));
            if self.is_rotten && is_unreadable(&answer) {
                self.refuse();
                return states;
            }
            states.insert(task, self.oracle.check_task(task, &answer));
            if let Answer::Events(page) = life.ask_journal(Query::Events { task, after: 0 }) {
                self.oracle.check_events(&page);
            }
        }
        let mut entries = Entries::new();
        for key in kinds::keys() {
            match life.state(&key) {
                Ok(value) => self.oracle.check_state(&key, &value, &mut entries),
                Err(_) if self.is_rotten => {
                    self.refuse();
                    return states;
                }
                Err(error) => panic!("state cannot be read though nothing fails: {error}"),
            }
        }
        self.oracle.check_effects(&entries, &states);
        self.cradle.drive.state().weather.set_calm(false);
        states
    }

    fn turn(&mut self) -> Option<(&mut Clients, Turn<'_>)> {
        let turn = Turn {
            life: self.life.as_mut()?,
            oracle: &mut self.oracle,
            time: &self.cradle.time,
            chance: &mut self.chance,
        };
        Some((&mut self.clients, turn))
    }
}

/// Whether the journal says that it cannot read what was asked for.
fn is_unreadable(answer: &Answer) -> bool {
    matches!(answer, Answer::Problem(problem) if problem.code == Code::Internal)
}

impl Drop for World {
    fn drop(&mut self) {
        // The connections go before the drive does.
        self.cradle.drive.cut_off();
        self.life = None;
        vfs::unmount(&self.cradle.folder.to_string_lossy());
    }
}
