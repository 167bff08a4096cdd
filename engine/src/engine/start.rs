//! The start: from the lane to a worker, one attempt at a time or a chain of them.

use super::{Engine, Mode};
use crate::event::Effect;
use crate::queue::Standing;
use crate::table::Slot;
use crate::task::{AcceptanceState, Run, StartMarkState, Task};
use overtime_protocol::{Announce, CallEnd, Chain, ChainNumber, Form, LANES, Lane, Monotonic, Now};

/// How many tasks of a lane may be looked at for each one that is started.
const LOOKS_PER_START: usize = 16;

/// Tasks that go to one worker together.
struct Party {
    number: ChainNumber,
    slots: Vec<Slot>,
    announce: Announce,
}

impl Engine {
    /// Starts what may be started, highest lane first, in at most `max` chains; returns how many.
    pub fn dispatch(&mut self, max: usize, now: Now, out: &mut Vec<Effect>) -> usize {
        self.latest = now.monotonic;
        let mut started = 0;
        if self.is_starting() {
            self.end_waits_for_memory(now);
        }
        started += self.start_at_gates(max, now, out);
        for lane in LANES {
            self.mark_ahead(lane, max, now, out);
            if self.may_start(lane) {
                self.warm(lane, max - started);
            }
            while started < max && self.may_start(lane) {
                let Some(leader) = self.next_in(lane) else { break };
                let party = self.gather(leader, lane, now);
                self.start(party, lane, now, out);
                started += 1;
            }
        }
        while started < max {
            let Some(leader) = self.next_to_help(now) else { break };
            let party = self.gather(leader, Lane::Interactive, now);
            self.start(party, Lane::Interactive, now, out);
            started += 1;
        }
        started
    }

    /// Whether [`Engine::dispatch`] would find something to start.
    pub fn has_work_to_start(&self) -> bool {
        let may_mark = |lane| self.may_mark() && self.marks[lane].is_due();
        LANES.into_iter().any(|lane| self.may_start(lane) || may_mark(lane))
            || (self.is_starting() && (self.has_memory_for_next() || self.lines.listed() > 0))
    }

    pub(super) fn is_starting(&self) -> bool {
        matches!(self.mode, Mode::Open | Mode::Draining)
    }

    /// Whether tasks of a former process may get on: what they write is kept in memory until the
    /// archive has it.
    fn may_mark(&self) -> bool {
        self.is_starting() && !self.strained
    }

    /// Has the next tasks marked that have to be before they start, at most `max`.
    fn mark_ahead(&mut self, lane: Lane, max: usize, now: Now, out: &mut Vec<Effect>) {
        for _ in 0..max {
            if !self.may_mark() {
                return;
            }
            let Some(slot) = self.marks[lane].pop() else { return };
            let needs_mark = |task: &Task| {
                let required = matches!(task.start_mark, StartMarkState::Required { .. });
                required && matches!(task.run, Run::Waiting)
            };
            if self.table.get(slot).is_some_and(needs_mark)
                && !self.waits_unmarked(slot, now.monotonic)
            {
                self.append_start_mark(slot, now.unix, out);
            }
        }
    }

    fn may_start(&self, lane: Lane) -> bool {
        let waits = self.stats.queued[lane] > 0 && self.queues[lane].has_turns();
        self.is_starting() && waits && self.may_take(lane)
    }

    /// Whether one more worker may be busy for the lane.
    pub(super) fn may_take(&self, lane: Lane) -> bool {
        // Brief attempts are single calls of these lanes; none of the others waits for them.
        let shares = matches!(lane, Lane::Control | Lane::Interactive);
        self.credits.has_room(lane) && (!shares || self.brief.has_room())
    }

    /// The next task of the lane that may start. Those that nobody waits for any more go back
    /// behind those that somebody does.
    pub(super) fn next_in(&mut self, lane: Lane) -> Option<Slot> {
        for _ in 0..LOOKS_PER_START {
            let (slot, standing) = self.queues[lane].pop()?;
            let Some(task) = self.table.get_mut(slot) else { continue };
            let Run::Queued { since, standing: stood, .. } = task.run else { continue };
            let spot = task.spot(stood);
            if spot.lane != lane {
                continue;
            }
            let marked = matches!(task.start_mark, StartMarkState::Written { .. });
            if standing == Standing::Foremost && !task.is_waited_for() && !marked {
                let (bytes, standing) = (task.charged_bytes(), Standing::Patient);
                let place = self.queues[lane].push(task.durable.tenant, slot, bytes, standing);
                task.run = Run::Queued { since, standing, place };
                self.ceased_to_stand(spot);
                continue;
            }
            if self.table.get(slot).is_some_and(|task| !self.may_reload(task)) {
                self.left_lane(spot);
                self.await_memory(slot);
                continue;
            }
            if let Some(upstream) = self.has_to_wait_at_gate(slot, self.latest) {
                self.left_lane(spot);
                self.await_upstream(slot, upstream);
                continue;
            }
            self.call_up(slot, self.latest);
            return Some(slot);
        }
        None
    }

    /// A task that was taken from its lane is about to start.
    pub(super) fn call_up(&mut self, slot: Slot, now: Monotonic) {
        let Some(task) = self.table.get_mut(slot) else { return };
        let Run::Queued { since, standing, .. } = task.run else { return };
        let spot = task.spot(standing);
        // It may lie in the queue a second time, and must not be found there now.
        task.run = Run::Waiting;
        task.has_stood(spot.lane, since);
        self.called_up(spot, now.since(since), now);
    }

    /// Those that go to one worker together with `leader`, itself first: the line of its hot key,
    /// or others that are as brief.
    fn gather(&mut self, leader: Slot, lane: Lane, now: Now) -> Party {
        self.chains += 1;
        let number = ChainNumber(self.chains);
        let mut party = Party { number, slots: vec![leader], announce: Announce::Each };
        let Some(task) = self.table.get(leader) else { return party };
        let kind = task.kind;
        if let Some(key) = task.hot_key.get() {
            let table = &self.table;
            let may_follow = |slot| table.get(slot).is_none_or(|task| task.charged_lane() == lane);
            for follower in self.hot_keys.followers(key, may_follow) {
                if self.is_chained(follower) {
                    party.slots.push(follower);
                } else {
                    // It has ended while it waited; the leader still holds the line.
                    let _ = self.hot_keys.leave(key);
                }
            }
            self.hot_keys.start_chain(number, &party.slots);
        } else if matches!(lane, Lane::Control | Lane::Interactive) && self.is_brief(leader) {
            let waiting = usize::try_from(self.stats.queued[lane]).unwrap_or(usize::MAX);
            let max = self.brief.chain_max(kind, waiting.saturating_add(1));
            while party.slots.len() < max && self.stats.queued[lane] > 0 {
                // What is put back has been counted as if it had started.
                if self.queues[lane].first().is_some_and(|next| self.is_no_company(next)) {
                    break;
                }
                let Some(next) = self.next_in(lane) else { break };
                if !self.is_brief(next) {
                    self.enqueue_again(next, now.monotonic);
                    break;
                }
                party.slots.push(next);
            }
            // The deadline of the chain makes the loop look again, should one of them block.
            party.announce = Announce::Last;
            self.brief.start(number, party.slots.clone(), now.monotonic);
        }
        party
    }

    /// Whether the task stands in a lane and is not brief.
    fn is_no_company(&self, slot: Slot) -> bool {
        let stands = |task: &Task| matches!(task.run, Run::Queued { .. });
        self.table.get(slot).is_some_and(stands) && !self.is_brief(slot)
    }

    fn is_brief(&self, slot: Slot) -> bool {
        self.table.get(slot).is_some_and(|task| {
            let single = task.durable.form == Form::Single && task.hot_key.is_none();
            // Each call has a place of its own from the moment when it begins.
            let calls = self.kind(task).upstream.is_some();
            single && !calls && self.brief.is_brief(task.kind)
        })
    }

    /// Starts one task by itself.
    pub(super) fn start_alone(&mut self, slot: Slot, lane: Lane, now: Now, out: &mut Vec<Effect>) {
        self.chains += 1;
        let number = ChainNumber(self.chains);
        let party = Party { number, slots: vec![slot], announce: Announce::Each };
        self.start(party, lane, now, out);
    }

    fn start(&mut self, party: Party, lane: Lane, now: Now, out: &mut Vec<Effect>) {
        let Party { number, slots, announce } = party;
        let mut jobs = Vec::with_capacity(slots.len());
        let leader = slots.first().and_then(|&slot| self.table.get(slot));
        let tenant = leader.map(|task| task.durable.tenant).unwrap_or_default();
        self.spares.start(number, lane, tenant, now.monotonic);
        for (place, slot) in slots.into_iter().enumerate() {
            let Some(task) = self.table.get_mut(slot) else { continue };
            task.chain = number;
            task.chain_place = u8::try_from(place).expect("chains are short");
            if let Some(lane) = task.marked_in.take() {
                self.marks[lane].leave();
            }
            let was_marked = matches!(task.start_mark, StartMarkState::Written { .. });
            let waited = task.stood_for(now.monotonic);
            self.stats.waited_ns[lane] += u64::try_from(waited.as_nanos()).unwrap_or(u64::MAX);
            let before = task.bytes_in_memory();
            let mut job = task.start(now);
            let brought = task.bytes_in_memory() - before;
            self.reloads.lent_bytes += task.lent_bytes();
            let recorded = task.acceptance != AcceptanceState::Volatile;
            if recorded && task.start_mark == StartMarkState::None {
                self.lingers.set(now.monotonic, slot);
            }
            let tenant = task.durable.tenant;
            self.hold_payload(tenant, brought);
            self.note_under_way(slot);
            job.call_limit = self.begin_call(slot, now);
            jobs.push(job);
            if was_marked {
                self.next_may_go(slot);
            }
        }
        self.credits.take(lane);
        self.stats.dispatched[lane] += jobs.len() as u64;
        out.push(Effect::Dispatch(Chain { announce, ..Chain::new(number, lane, jobs) }));
    }

    /// A task that was about to start, or never did, stands in front of its lane as long as before.
    pub(super) fn enqueue_again(&mut self, slot: Slot, now: Monotonic) {
        let stood = self.table.get_mut(slot).and_then(Task::take_stood);
        self.enqueue_first(slot, stood.map_or(now, |(_, since)| since));
    }

    /// Jobs that a worker has not come to go back to where they came from: their attempts have
    /// not happened.
    pub(super) fn put_back(
        &mut self,
        chain: ChainNumber,
        from: usize,
        now: Now,
        out: &mut Vec<Effect>,
    ) {
        let mut left = Vec::new();
        for slot in self.brief.take_recalled(chain, from).into_iter().rev() {
            let Some(task) = self.table.get_mut(slot) else { continue };
            let key = task.hot_key.get();
            left.extend(key);
            if matches!(task.run, Run::Abandoned) {
                self.forget(slot);
                continue;
            }
            debug_assert!(matches!(task.run, Run::Running), "nobody has started it");
            task.durable.attempts = task.durable.attempts.saturating_sub(1);
            task.run = Run::Chained;
            self.end_call(slot, CallEnd::Untold, now);
            let Some(task) = self.table.get_mut(slot) else { continue };
            let cancels = task.is_to_be_cancelled();
            self.take_payload_back(slot);
            self.note_under_way(slot);
            match key {
                _ if cancels => self.cancel_unstarted(slot, now, out),
                Some(key) => self.hot_keys.put_back(key, slot),
                None => self.enqueue_again(slot, now.monotonic),
            }
        }
        // Only when all stand in the line again may the first of them lead.
        left.into_iter().for_each(|key| self.leave_line(Some(key), now));
    }
}
