//! The queue against a model of it that is as simple as can be, and against what it promises.

use super::rounds::ROUNDS;
use super::row::Row;
use super::*;
use crate::seed::Seed;
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

/// Everything in lists that are searched from end to end: those that are waited for, and the others.
#[derive(Default)]
struct Model {
    lines: [Line; 2],
    started: u32,
}

#[derive(Default)]
struct Line {
    rows: HashMap<u32, VecDeque<(u32, i64)>>,
    rounds: BTreeMap<u64, Vec<u32>>,
    now: u64,
    /// The round of each tenant's next turn, and its credit then.
    due: HashMap<u32, (u64, i64)>,
    set_back: HashSet<u32>,
}

impl Model {
    fn push(&mut self, tenant: u32, task: u32, cost: i64, standing: usize, is_first: bool) {
        self.lines[standing].push(tenant, task, cost, is_first);
    }

    fn set_back(&mut self, tenant: u32, is_set_back: bool) {
        self.lines.iter_mut().for_each(|line| line.set_back(tenant, is_set_back));
    }

    fn remove(&mut self, tenant: u32, task: u32) {
        self.lines.iter_mut().for_each(|line| line.remove(tenant, task));
    }

    fn has_turns(&self) -> bool {
        self.lines.iter().any(|line| !line.rounds.is_empty())
    }

    fn pop(&mut self) -> Option<u32> {
        let [foremost, patient] = &mut self.lines;
        let is_aged =
            self.started > 0 && self.started.is_multiple_of(8) && !patient.rounds.is_empty();
        let line = if foremost.rounds.is_empty() || is_aged { patient } else { foremost };
        let task = line.pop()?;
        self.started += 1;
        Some(task)
    }
}

impl Line {
    fn push(&mut self, tenant: u32, task: u32, cost: i64, is_first: bool) {
        if self.is_empty(tenant) && !self.set_back.contains(&tenant) {
            self.have_turns(tenant);
        }
        let row = self.rows.entry(tenant).or_default();
        if is_first { row.push_front((task, cost)) } else { row.push_back((task, cost)) }
    }

    fn is_empty(&self, tenant: u32) -> bool {
        self.rows.get(&tenant).is_none_or(VecDeque::is_empty)
    }

    fn have_turns(&mut self, tenant: u32) {
        let (due, credit) = self.due.entry(tenant).or_insert((self.now, 1));
        if *due < self.now {
            (*due, *credit) = (self.now, 1);
        }
        self.rounds.entry(*due).or_default().push(tenant);
    }

    fn set_back(&mut self, tenant: u32, is_set_back: bool) {
        if is_set_back {
            self.set_back.insert(tenant);
            self.leave(tenant);
        } else if self.set_back.remove(&tenant) && !self.is_empty(tenant) {
            self.have_turns(tenant);
        }
    }

    fn leave(&mut self, tenant: u32) {
        self.rounds.values_mut().for_each(|round| round.retain(|&other| other != tenant));
        self.rounds.retain(|_, round| !round.is_empty());
    }

    fn remove(&mut self, tenant: u32, task: u32) {
        self.rows.entry(tenant).or_default().retain(|&(other, _)| other != task);
        if self.is_empty(tenant) {
            self.leave(tenant);
        }
    }

    fn pop(&mut self) -> Option<u32> {
        let (&round, tenants) = self.rounds.first_key_value()?;
        self.now = round;
        let tenant = tenants[0];
        let (due, credit) = self.due.get_mut(&tenant).unwrap();
        let (task, cost) = self.rows.get_mut(&tenant).unwrap().pop_front().unwrap();
        *credit -= cost;
        let before = *due;
        while *credit <= 0 {
            (*credit, *due) = (*credit + 1, *due + 1);
        }
        let moves = (*due != before).then_some(*due);
        if self.is_empty(tenant) {
            self.leave(tenant);
        } else if let Some(due) = moves {
            self.leave(tenant);
            self.rounds.entry(due).or_default().push(tenant);
        }
        Some(task)
    }
}

const STANDINGS: [Standing; 2] = [Standing::Foremost, Standing::Patient];

/// What lies in the queue: whose it is, how it stands and where.
type Lying = Vec<(u32, TenantId, usize, Place)>;

fn compare(seed: u64) {
    let (mut chance, mut queue, mut model) =
        (Seed::new(seed), LaneQueue::default(), Model::default());
    let (mut lying, mut next) = (Lying::new(), 0);
    let tenants = 1 + chance.below(12);
    for _ in 0..600 {
        match chance.below(8) {
            0..4 => {
                next += 1;
                let (tenant, standing) = (chance.below(tenants) as u32, chance.below(2) as usize);
                let bytes = [10, 10, 10, 70_000, 500_000, 1 << 40][chance.below(6) as usize];
                let (id, slot) = (TenantId(tenant), Slot::numbered(next));
                let is_first = chance.below(8) == 0;
                let (place, standing, cost) = if is_first {
                    (queue.push_first(id, slot), 0, 0)
                } else {
                    (queue.push(id, slot, bytes, STANDINGS[standing]), standing, cost(bytes))
                };
                model.push(tenant, next, i64::from(cost), standing, is_first);
                lying.push((next, id, standing, place));
            }
            4 if !lying.is_empty() => {
                let (task, id, standing, place) =
                    lying.swap_remove(chance.below(lying.len() as u64) as usize);
                queue.remove(id, Slot::numbered(task), STANDINGS[standing], place);
                // Another time nothing lies there.
                queue.remove(id, Slot::numbered(task), STANDINGS[standing], place);
                model.remove(id.0, task);
            }
            5 => {
                let (tenant, chance) = (chance.below(tenants) as u32, chance.below(4));
                queue.set_back(TenantId(tenant), chance == 0);
                model.set_back(tenant, chance == 0);
            }
            _ => check_pop(&mut queue, &mut model, &mut lying),
        }
        assert_eq!(queue.has_turns(), model.has_turns());
    }
    for tenant in 0..tenants as u32 {
        queue.set_back(TenantId(tenant), false);
        model.set_back(tenant, false);
    }
    while !lying.is_empty() {
        check_pop(&mut queue, &mut model, &mut lying);
    }
    assert!(queue.pop().is_none());
    assert_eq!(queue.len(), 0);
}

fn check_pop(queue: &mut LaneQueue, model: &mut Model, lying: &mut Lying) {
    let popped = queue.pop();
    let expected = model.pop().map(Slot::numbered);
    assert_eq!(popped.map(|(slot, _)| slot), expected);
    let Some((slot, standing)) = popped else { return };
    let place = lying.iter().position(|(task, ..)| Slot::numbered(*task) == slot);
    let (_, _, stood, _) = lying.swap_remove(place.expect("it was pushed and not taken out"));
    assert_eq!(STANDINGS[stood], standing);
}

#[test]
fn it_does_what_the_model_does() {
    (0..400).for_each(compare);
}

/// Fills a queue: so many tasks of each tenant, of so many bytes.
fn filled(tenants: u32, each: u32, bytes: impl Fn(u32) -> u64) -> LaneQueue {
    let mut queue = LaneQueue::default();
    for number in 0..each {
        for tenant in 0..tenants {
            let slot = Slot::numbered(tenant * each + number);
            queue.push(TenantId(tenant), slot, bytes(tenant), Standing::Foremost);
        }
    }
    queue
}

/// Tenants that always have something to start get the same, however dear their tasks are.
#[test]
fn whoever_always_wants_gets_as_much_as_the_others() {
    let bytes = |tenant: u32| [100, 70_000, 900_000, 1 << 40][tenant as usize % 4];
    let (tenants, each) = (12, 4_000);
    let mut queue = filled(tenants, each, bytes);
    let mut paid = vec![0; tenants as usize];
    for _ in 0..5_000 {
        let (slot, _) = queue.pop().unwrap();
        let tenant = (slot.id().key() / u64::from(each)) as usize;
        paid[tenant] += cost(bytes(tenant as u32));
        let (least, most) = (paid.iter().min().unwrap(), paid.iter().max().unwrap());
        assert!(most - least <= COST_MAX + 1, "{paid:?}");
    }
}

/// One that comes anew is not behind all that a tenant with a long queue has.
#[test]
fn a_long_queue_is_in_front_of_nobody_else() {
    let mut queue = filled(1, 10_000, |_| 10);
    let newcomer = Slot::numbered(20_000);
    for (standing, most) in [(Standing::Foremost, 1), (Standing::Patient, AGING_TURNS as usize)] {
        for _ in 0..100 {
            queue.push(TenantId(7), newcomer, 10, standing);
            let waited = (0..).take_while(|_| queue.pop().unwrap().0 != newcomer).count();
            assert!(waited <= most, "{standing:?} behind {waited} of one tenant");
        }
    }
}

/// However many tenants have much that nobody waits for, who is waited for does not wait for them.
#[test]
fn whoever_is_waited_for_goes_before_what_nobody_waits_for() {
    let mut queue = LaneQueue::default();
    for tenant in 0..10_000 {
        (0..3).for_each(|number| {
            let slot = Slot::numbered(tenant * 3 + number);
            queue.push(TenantId(tenant), slot, 10, Standing::Patient);
        });
    }
    let waited_for = Slot::numbered(100_000);
    for tenant in (0..20_000).step_by(999) {
        queue.push(TenantId(tenant), waited_for, 10, Standing::Foremost);
        let waited = (0..).take_while(|_| queue.pop().unwrap().0 != waited_for).count();
        assert!(waited <= 1, "behind {waited} that nobody waits for");
    }
}

/// A debt is not forgotten when the queue of its tenant was empty for a moment.
#[test]
fn whoever_sends_dear_tasks_one_by_one_pays_for_them() {
    let mut queue = filled(1, 1_000, |_| 10);
    let mut started = 0;
    for number in 0..500 {
        if queue.foremost.len_of(TenantId(1)) == 0 {
            queue.push(TenantId(1), Slot::numbered(5_000 + number), 1 << 20, Standing::Foremost);
        }
        started += u32::from(queue.pop().unwrap().0.id().key() >= 5_000);
    }
    // Each costs 17: as much as so many of the others.
    assert!((27..=31).contains(&started), "{started}");
}

/// What is looked at is counted: it is the same for one tenant and for ten thousand, whether they
/// have dear tasks or come and go.
#[test]
fn work_does_not_grow_with_tenants() {
    let looks = |tenants: u32, bytes: u64| {
        let mut queue = filled(tenants, 2, |_| bytes);
        let (mut most, mut all) = (0, 0);
        for pops in 0..tenants {
            let before = queue.foremost.rounds.looks;
            // Those taken out on the way leave nothing to be passed over.
            let gone = TenantId(tenants - 1 - pops);
            for number in 0..2 {
                let slot = Slot::numbered(gone.0 * 2 + number);
                queue.remove(gone, slot, Standing::Foremost, number);
            }
            if queue.pop().is_none() {
                break;
            }
            let looked = queue.foremost.rounds.looks - before;
            (most, all) = (u64::max(most, looked), all + looked);
        }
        (most, all)
    };
    for bytes in [10, 1 << 40] {
        let (few, _) = looks(100, bytes);
        let (many, all) = looks(10_000, bytes);
        assert!(many <= few && many <= ROUNDS as u64 + 4, "{many} looks, {few} with few tenants");
        assert!(all <= 10_000 * 6, "{all} looks in all");
    }
}

#[test]
fn those_ahead_are_those_that_come_next() {
    for (tenants, count) in [(1, 20), (7, 7), (1_000, 64), (40, 3)] {
        let mut queue = filled(tenants, 100, |_| 10);
        assert_eq!(
            (0..tenants * 30 + 3).filter_map(|_| queue.pop()).count() as u32,
            tenants * 30 + 3
        );
        let mut ahead = Vec::new();
        queue.ahead(count, &mut ahead);
        let next: Vec<Slot> = (0..count).map(|_| queue.pop().unwrap().0).collect();
        assert_eq!(ahead, next, "{tenants} tenants");
    }
    let mut ahead = Vec::new();
    LaneQueue::default().ahead(8, &mut ahead);
    assert!(ahead.is_empty());
}

#[test]
fn a_queue_that_was_long_gives_its_memory_back() {
    let mut row = Row::default();
    let entry = |number| Entry { slot: Slot::numbered(number), cost: 1 };
    (0..100_000).for_each(|number| {
        row.push_back(entry(number));
    });
    while row.pop_front().is_some() {}
    assert!(row.capacity() <= 64);
}

#[test]
fn what_is_looked_for_is_taken_in_turns_and_everything_else_stays_as_it_stands() {
    let mut queue = LaneQueue::default();
    for number in 0..8 {
        let tenant = TenantId(1 + number % 2);
        queue.push(tenant, Slot::numbered(number), 0, Standing::Patient);
    }
    let wanted = [4, 5, 6].map(Slot::numbered);
    assert!(queue.find(2, |slot| wanted.contains(&slot)).is_none(), "they stand behind others");
    let mut taken = Vec::new();
    while let Some(found) = queue.find(8, |slot| wanted.contains(&slot) && !taken.contains(&slot)) {
        queue.take(found);
        taken.push(found.slot);
    }
    assert_eq!(taken, wanted);
    let rest: Vec<Slot> = std::iter::from_fn(|| queue.pop()).map(|(slot, _)| slot).collect();
    // It was the second tenant's turn.
    assert_eq!(rest, [1, 0, 3, 2, 7].map(Slot::numbered));
}
