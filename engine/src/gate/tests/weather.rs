//! Weather: upstreams that are called at random by a pool of workers, and turn bad and well again. It
//! counts what became of it.

use super::stage::{ONE, SECOND, Stage, WELL, WORKERS, Way, upstreams};
use crate::gate::Start;
use crate::seed::Seed;
use overtime_protocol::{CallEnd, Monotonic, UpstreamId};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::Duration;

/// How an upstream behaves while it is bad.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fault {
    /// So many of a hundred calls go this way.
    pub(super) percent: u64,
    pub(super) way: Way,
}

/// One upstream, those who want something of it, and what became of them.
pub(super) struct Site {
    per_second: f64,
    pub(super) fault: Option<Fault>,
    next_arrival: Monotonic,
    /// When each came.
    firsts: VecDeque<Monotonic>,
    retries: VecDeque<u32>,
    later: BinaryHeap<Reverse<(Monotonic, u32)>>,
    opening: Option<Monotonic>,
    pub(super) out: usize,
    pub(super) out_max: usize,
    /// The most probes that were out at a time.
    pub(super) probes_max: usize,
    /// When calls started.
    pub(super) starts: Vec<Monotonic>,
    /// First attempts that waited for more than a second.
    pub(super) late: usize,
}

/// All of them, and the workers they share.
pub(super) struct Weather {
    pub(super) stage: Stage,
    pub(super) sites: Vec<Site>,
    chance: Seed,
    busy: usize,
    /// Ends that are to come: when, of which site, and of which attempt if it fails.
    ends: BinaryHeap<Reverse<(Monotonic, usize, u32)>>,
}

impl Weather {
    /// Upstreams that are called so often.
    pub(super) fn new(per_second: &[f64], seed: u64) -> Self {
        let stage = Stage::new(&upstreams(per_second.len()), seed);
        let now = stage.now.monotonic;
        let site = |&per_second| Site {
            per_second,
            fault: None,
            next_arrival: now,
            firsts: VecDeque::new(),
            retries: VecDeque::new(),
            later: BinaryHeap::new(),
            opening: None,
            out: 0,
            out_max: 0,
            probes_max: 0,
            starts: Vec::new(),
            late: 0,
        };
        let sites = per_second.iter().map(site).collect();
        Self { stage, sites, chance: Seed::new(seed), busy: 0, ends: BinaryHeap::new() }
    }

    pub(super) fn pass(&mut self, span: Duration) {
        let until = self.stage.now.monotonic + span;
        while let Some(at) = self.next().filter(|&at| at <= until) {
            self.stage.until(at.max(self.stage.now.monotonic));
            self.take_ends();
            for site in 0..self.sites.len() {
                self.arrive(site);
                self.dispatch(site);
            }
        }
        self.stage.until(until);
    }

    fn next(&self) -> Option<Monotonic> {
        let sites = self.sites.iter().flat_map(|site| {
            let later = site.later.peek().map(|Reverse((at, _))| *at);
            [Some(site.next_arrival), later, site.opening]
        });
        let ends = self.ends.peek().map(|Reverse((at, ..))| *at);
        sites.chain([ends, self.stage.next_event()]).flatten().min()
    }

    fn take_ends(&mut self) {
        let now = self.stage.now.monotonic;
        while let Some(Reverse((_, site, failed))) = self.ends.peek().copied() {
            if self.ends.peek().is_some_and(|Reverse((at, ..))| *at > now) {
                break;
            }
            self.ends.pop();
            self.busy -= 1;
            self.sites[site].out -= 1;
            if failed > 0 {
                let bound = 2 * u64::from(failed.min(4)).pow(4);
                let delay = self.chance.jitter(Duration::from_secs(bound));
                self.sites[site].later.push(Reverse((now + delay, failed)));
            }
        }
    }

    fn arrive(&mut self, site: usize) {
        let now = self.stage.now.monotonic;
        let site = &mut self.sites[site];
        while site.next_arrival <= now {
            site.firsts.push_back(site.next_arrival);
            let chance = (self.chance.below(1 << 53) + 1) as f64 / (1_u64 << 53) as f64;
            let gap = Duration::from_secs_f64(-chance.ln() / site.per_second);
            site.next_arrival = site.next_arrival + gap;
        }
        while let Some(Reverse((at, attempt))) = site.later.peek().copied().filter(|r| r.0.0 <= now)
        {
            debug_assert!(at <= now);
            site.later.pop();
            site.retries.push_back(attempt);
        }
    }

    fn dispatch(&mut self, index: usize) {
        let id = UpstreamId(index as u16);
        let now = self.stage.now.monotonic;
        self.sites[index].opening = None;
        while self.busy < WORKERS {
            let site = &mut self.sites[index];
            self.stage.gates.set_waiting(id, site.firsts.len());
            let may = |start| self.stage.gates.may_start(id, start, now);
            let attempt = if !site.firsts.is_empty() && may(Start::First) {
                let came = site.firsts.pop_front().unwrap();
                site.late += usize::from(now.since(came) > SECOND);
                0
            } else if !site.retries.is_empty() && may(Start::Retry) {
                site.retries.pop_front().unwrap()
            } else {
                break;
            };
            self.start(index, attempt);
        }
        let site = &mut self.sites[index];
        if self.busy < WORKERS && site.firsts.len() + site.retries.len() > 0 {
            site.opening = self.stage.gates.next_opening(id, now);
        }
    }

    fn start(&mut self, index: usize, attempt: u32) {
        let now = self.stage.now.monotonic;
        let id = UpstreamId(index as u16);
        let way = self.way(index);
        let way = self.stage.limited(id, way);
        let start = if attempt == 0 { Start::First } else { Start::Retry };
        self.stage.call(id, start, way);
        let gates = &self.stage.gates;
        let probes = if gates.is_shed(id) { gates.view(id, self.stage.now).probes_out } else { 0 };
        let is_failure = matches!(way.1, CallEnd::Failed(_) | CallEnd::Busy { .. });
        let failed = if is_failure { attempt + 1 } else { 0 };
        self.ends.push(Reverse((now + way.0, index, failed)));
        self.busy += 1;
        let site = &mut self.sites[index];
        site.out += 1;
        site.out_max = site.out_max.max(site.out);
        site.probes_max = site.probes_max.max(probes);
        site.starts.push(now);
    }

    fn way(&mut self, index: usize) -> Way {
        let percent = self.chance.below(100);
        match self.sites[index].fault {
            Some(fault) if percent < fault.percent => fault.way,
            _ => Way(WELL.0 / 2 + self.chance.jitter(WELL.0), WELL.1),
        }
    }

    /// The first upstream turns bad for a while, and is watched for as long as it may take to come
    /// back.
    pub(super) fn spell(&mut self, fault: Fault, span: Duration, after: Duration) -> Spell {
        let began = self.stage.now.monotonic;
        self.sites[0].fault = Some(fault);
        self.pass(span);
        self.sites[0].fault = None;
        let healed = self.stage.now.monotonic;
        self.pass(after);
        let turns = ["shed", "relapsed"].map(|turn| {
            let turned =
                self.stage.news.iter().filter(|(_, news)| super::stage::name(news) == turn);
            turned.filter(|(at, _)| *at >= began && *at <= healed).count()
        });
        Spell {
            shed_after: self.stage.when("shed", began),
            episodes: turns.iter().sum(),
            held_max: self.sites[0].out_max,
            probes_max: self.sites[0].probes_max,
            full_after: self.full_after(healed),
        }
    }

    /// How long until calls started as often again as they came, over a second.
    fn full_after(&self, healed: Monotonic) -> Option<Duration> {
        let site = &self.sites[usize::from(ONE.0)];
        let wanted = site.per_second as usize;
        let after: Vec<_> = site.starts.iter().filter(|&&at| at >= healed).collect();
        let pairs = after.iter().zip(after.iter().skip(wanted - 1));
        let mut full = pairs.filter(|(first, last)| last.since(***first) <= SECOND);
        full.next().map(|(_, last)| last.since(healed))
    }
}

/// What became of a bad time.
#[derive(Debug)]
pub(super) struct Spell {
    pub(super) shed_after: Option<Duration>,
    /// How often it was shed while it was bad, relapses included.
    pub(super) episodes: usize,
    pub(super) held_max: usize,
    pub(super) probes_max: usize,
    pub(super) full_after: Option<Duration>,
}
