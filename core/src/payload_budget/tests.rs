//! Single cases, and sets of bodies from a seed.

use super::*;

const TENANT: TenantId = TenantId(1);
const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;

/// Ten for large bodies, and two in the pocket.
fn budget() -> PayloadBudget {
    PayloadBudget::new(12 * MIB, 4 * MIB, 3)
}

#[test]
fn a_known_length_is_reserved_whole_and_given_back() {
    let mut budget = budget();
    let (ruling, share) = budget.begin(1, TENANT, Wants::All(10 * MIB));
    assert_eq!(
        (ruling, share.bytes, budget.reserved_bytes()),
        (Ruling::Granted, 10 * MIB, 10 * MIB)
    );
    budget.release(&share);
    assert_eq!(budget.reserved_bytes(), 0);
}

#[test]
fn those_who_do_not_fit_wait_in_order_and_too_many_are_refused() {
    let mut budget = budget();
    let (_, first) = budget.begin(1, TENANT, Wants::All(8 * MIB));
    for connection in 2..5 {
        assert_eq!(
            budget.begin(connection, TENANT, Wants::All(MIB + 1)).0,
            match connection {
                2 => Ruling::Granted,
                _ => Ruling::Waits,
            }
        );
    }
    assert_eq!(budget.begin(5, TENANT, Wants::All(MIB)).0, Ruling::Waits, "nobody overtakes");
    assert_eq!(budget.begin(6, TENANT, Wants::All(MIB)).0, Ruling::Refused);
    assert_eq!(budget.next(), None);
    budget.release(&first);
    let order: Vec<usize> = std::iter::from_fn(|| budget.next()).map(|it| it.connection).collect();
    assert_eq!(order, [3, 4, 5]);
    assert_eq!(budget.waiting(), 0);
}

#[test]
fn where_tenants_share_each_has_a_part_and_one_body_of_any_length() {
    let mut budget = budget();
    budget.set_shared(true);
    let (noisy, quiet) = (TenantId(1), TenantId(2));
    let (ruling, long) = budget.begin(1, noisy, Wants::All(4 * MIB));
    assert_eq!(ruling, Ruling::Granted);
    for bytes in [1, MIB] {
        assert_eq!(budget.begin(2, noisy, Wants::All(bytes)), (Ruling::OverPart, Share::default()));
    }
    assert_eq!(budget.begin(3, quiet, Wants::All(3 * MIB)).0, Ruling::Granted);
    budget.release(&long);
    assert_eq!(budget.begin(2, noisy, Wants::All(MIB)).0, Ruling::Granted);
    // One that grows is stopped only beside others of its tenant.
    let (_, mut growing) = budget.begin(4, noisy, Wants::Step(2 * MIB));
    assert_eq!(budget.grow(4, &mut growing, MIB), Ruling::OverPart);
}

#[test]
fn a_tenant_has_its_part_of_the_pocket_and_of_the_places_to_wait() {
    let mut budget = PayloadBudget::new(12 * MIB, 4 * MIB, 4);
    budget.set_shared(true);
    let (noisy, quiet) = (TenantId(1), TenantId(2));
    budget.set_engine_bytes(10 * MIB);
    // All but the pocket is taken: of that noisy has a quarter, and one body more waits.
    let rulings: Vec<Ruling> =
        (0..12).map(|at| budget.begin(at, noisy, Wants::All(64 * KIB)).0).collect();
    let count = |ruling| rulings.iter().filter(|&&other| other == ruling).count();
    assert_eq!((count(Ruling::Granted), count(Ruling::Waits)), (8, 1), "{rulings:?}");
    assert_eq!(count(Ruling::OverPart), 3);
    assert_eq!(budget.begin(20, quiet, Wants::All(64 * KIB)).0, Ruling::Granted);
}

#[test]
fn a_small_body_does_not_queue_behind_a_large_one() {
    let mut budget = budget();
    budget.begin(1, TENANT, Wants::All(9 * MIB));
    assert_eq!(budget.begin(2, TENANT, Wants::All(4 * MIB)).0, Ruling::Waits);
    assert_eq!(budget.begin(3, TENANT, Wants::All(64 * KIB)).0, Ruling::Granted);
}

#[test]
fn small_bodies_have_a_pocket_that_large_ones_leave_alone() {
    let mut budget = budget();
    // One of unknown length, for which as much as a body may have is set aside, and all the rest.
    budget.begin(1, TENANT, Wants::Step(MIB));
    budget.begin(2, TENANT, Wants::All(6 * MIB));
    assert_eq!(budget.begin(3, TENANT, Wants::All(MIB)).0, Ruling::Waits);
    let small = |budget: &mut PayloadBudget| budget.begin(4, TENANT, Wants::All(64 * KIB));
    let shares: Vec<Share> = (0..32).map(|_| small(&mut budget).1).collect();
    assert!(shares.iter().all(|share| share.bytes == 64 * KIB));
    assert_eq!(small(&mut budget).0, Ruling::Waits, "the pocket is empty");
    for share in shares {
        budget.settle(share, 64 * KIB);
        budget.hand_over(64 * KIB);
    }
    assert_eq!(small(&mut budget).0, Ruling::Granted);
}

#[test]
fn what_the_engine_holds_is_not_there_to_be_reserved() {
    let mut budget = budget();
    budget.set_engine_bytes(9 * MIB);
    let (ruling, share) = budget.begin(1, TENANT, Wants::All(2 * MIB));
    assert_eq!((ruling, budget.has_next()), (Ruling::Waits, false));
    budget.set_engine_bytes(8 * MIB);
    assert!(budget.has_next());
    assert_eq!(budget.next(), Some(Grant { connection: 1, bytes: 2 * MIB }));
    budget.release(&Share { bytes: 2 * MIB, ..share });
}

#[test]
fn the_oldest_growing_body_has_its_maximum_set_aside() {
    let mut budget = budget();
    let (_, mut oldest) = budget.begin(1, TENANT, Wants::Step(MIB));
    let (_, mut other) = budget.begin(2, TENANT, Wants::Step(MIB));
    assert_eq!(budget.begin(3, TENANT, Wants::All(5 * MIB)).0, Ruling::Granted);
    // Ten in all, seven are reserved, and three more are the oldest's if it wants them.
    assert_eq!(budget.grow(2, &mut other, MIB), Ruling::Waits);
    for _ in 0..3 {
        assert_eq!(budget.grow(1, &mut oldest, MIB), Ruling::Granted);
    }
    assert_eq!((oldest.bytes, budget.reserved_bytes(), budget.next()), (4 * MIB, 10 * MIB, None));
    budget.settle(oldest, 4 * MIB - 1);
    assert_eq!(budget.next(), None, "nothing is free yet");
    budget.hand_over(4 * MIB - 1);
    assert_eq!(budget.next(), Some(Grant { connection: 2, bytes: MIB }));
}

#[test]
fn a_body_never_gets_more_than_a_body_may_have() {
    let mut budget = budget();
    let (_, mut share) = budget.begin(1, TENANT, Wants::Step(3 * MIB));
    assert_eq!(budget.grow(1, &mut share, 3 * MIB), Ruling::Granted);
    assert_eq!(share.bytes, 4 * MIB);
}

#[test]
fn whoever_leaves_while_it_waits_is_not_named() {
    let mut budget = budget();
    let (_, first) = budget.begin(1, TENANT, Wants::All(10 * MIB));
    let (_, second) = budget.begin(2, TENANT, Wants::All(MIB));
    budget.release(&second);
    budget.release(&first);
    assert_eq!((budget.next(), budget.reserved_bytes()), (None, 0));
}

/// Xorshift (Marsaglia): the same seed is the same run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// A body as its sender knows it.
struct Body {
    tenant: TenantId,
    length: u64,
    declared: bool,
    received: u64,
    share: Share,
    standing: Standing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Reads,
    Waits,
    /// The engine has it.
    Held,
    Over,
}

const STEP: u64 = 100;
const BODY_MAX: u64 = 1_000;

/// Everybody who sends, and an engine that lets go at its leisure.
struct World {
    budget: PayloadBudget,
    bodies: Vec<Body>,
    engine_bytes: u64,
    max_bytes: u64,
    random: Random,
    are_several: bool,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let max_bytes = BODY_MAX + random.below(3 * BODY_MAX);
        let mut budget = PayloadBudget::new(max_bytes, BODY_MAX, 1_000);
        let are_several = random.below(2) == 0;
        budget.set_shared(are_several);
        Self { budget, bodies: Vec::new(), engine_bytes: 0, max_bytes, random, are_several }
    }

    fn arrive(&mut self) {
        let length = 1 + self.random.below(BODY_MAX);
        let declared = self.random.below(2) == 0;
        let wants = if declared { Wants::All(length) } else { Wants::Step(STEP) };
        let tenant = TenantId(self.random.below(3) as u32);
        let (ruling, share) = self.budget.begin(self.bodies.len(), tenant, wants);
        let standing = match ruling {
            Ruling::Granted => Standing::Reads,
            Ruling::Waits => Standing::Waits,
            Ruling::OverPart => Standing::Over,
            Ruling::Refused => unreachable!("there is room for all to wait"),
        };
        self.bodies.push(Body { tenant, length, declared, received: 0, share, standing });
    }

    /// Something happens to one body.
    fn go_on(&mut self, at: usize) {
        let body = &mut self.bodies[at];
        match body.standing {
            Standing::Reads if self.random.below(50) == 0 => {
                self.budget.release(&body.share);
                body.standing = Standing::Over;
            }
            Standing::Reads => self.read(at),
            Standing::Held => {
                self.engine_bytes -= body.length;
                body.standing = Standing::Over;
            }
            Standing::Waits | Standing::Over => {}
        }
    }

    fn read(&mut self, at: usize) {
        let body = &mut self.bodies[at];
        if !body.declared && body.received == body.share.bytes {
            match self.budget.grow(at, &mut body.share, STEP) {
                Ruling::Granted => {}
                Ruling::Waits => body.standing = Standing::Waits,
                Ruling::OverPart => {
                    self.budget.release(&body.share);
                    body.standing = Standing::Over;
                }
                Ruling::Refused => unreachable!("whoever is under way may wait"),
            }
            return;
        }
        let room = body.share.bytes.min(body.length) - body.received;
        body.received += 1 + self.random.below(room);
        if body.received == body.length {
            self.budget.settle(std::mem::take(&mut body.share), body.length);
            self.budget.hand_over(body.length);
            self.engine_bytes += body.length;
            body.standing = Standing::Held;
        }
    }

    /// What the core does each turn.
    fn turn(&mut self) {
        self.budget.set_engine_bytes(self.engine_bytes);
        assert!(self.engine_bytes + self.budget.reserved_bytes() <= self.max_bytes);
        while let Some(grant) = self.budget.next() {
            let body = &mut self.bodies[grant.connection];
            assert_eq!(body.standing, Standing::Waits);
            body.standing = Standing::Reads;
            body.share.bytes += grant.bytes;
        }
        let reserved: u64 = self.under_way().map(|body| body.share.bytes).sum();
        assert_eq!(self.budget.reserved_bytes(), reserved);
        assert!(self.engine_bytes + reserved <= self.max_bytes);
        (0..3).for_each(|tenant| self.check_part(TenantId(tenant)));
    }

    /// A tenant has no more than its part, unless that is one body.
    fn check_part(&self, tenant: TenantId) {
        let own = self.under_way().filter(|body| body.tenant == tenant);
        let shares: Vec<u64> = own.map(|body| body.share.bytes).collect();
        let has = shares.iter().sum::<u64>();
        let largest = shares.iter().copied().max().unwrap_or_default();
        assert!(self.budget.held.of(tenant).bytes >= has);
        let may = (self.max_bytes / 4).max(largest);
        assert!(!self.are_several || has <= may, "{shares:?} of {}", self.max_bytes);
    }

    fn under_way(&self) -> impl Iterator<Item = &Body> {
        let under_way = |body: &&Body| matches!(body.standing, Standing::Reads | Standing::Waits);
        self.bodies.iter().filter(under_way)
    }

    /// The bodies to which something can happen.
    fn movable(&self) -> Vec<usize> {
        let moves =
            |&at: &usize| matches!(self.bodies[at].standing, Standing::Reads | Standing::Held);
        (0..self.bodies.len()).filter(moves).collect()
    }
}

#[test]
fn every_set_of_bodies_ends_and_the_whole_is_never_passed() {
    let mut waited = 0;
    for seed in 1..500 {
        let mut world = World::new(seed);
        let count = 2 + world.random.below(30) as usize;
        loop {
            if world.bodies.len() < count && world.random.below(4) == 0 {
                world.arrive();
            }
            let movable = world.movable();
            match movable.len() as u64 {
                0 if world.bodies.len() == count => break,
                0 => {}
                many => {
                    let chosen = world.random.below(many) as usize;
                    world.go_on(movable[chosen]);
                }
            }
            world.turn();
            waited += world.budget.waiting();
        }
        let over = world.bodies.iter().filter(|body| body.standing == Standing::Over).count();
        assert_eq!((over, world.budget.reserved_bytes()), (count, 0), "seed {seed}");
        assert!(world.budget.held.is_empty(), "seed {seed}");
    }
    assert!(waited > 10_000, "the sets are large enough for many to wait: {waited}");
}
