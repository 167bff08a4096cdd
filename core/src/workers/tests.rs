//! The workers, without a core around them.

use super::*;
use crossbeam_channel::{Receiver, bounded};

struct Desk {
    workers: Workers,
    /// What each got, by number.
    handed_out: Vec<(usize, Receiver<Chain>)>,
    wanted: Receiver<u32>,
}

impl Desk {
    /// Two of the foreground, and one each of bulk and background.
    fn new() -> Self {
        let (hiring, wanted) = bounded(2);
        let mut handed_out = Vec::new();
        let mut channels = (0..4).map(|number| channel(number, &mut handed_out));
        let foreground = channels.by_ref().take(2).collect();
        let bulk = channels.by_ref().take(1).collect();
        let background = channels.collect();
        let workers = WorkerChannels { foreground, bulk, background, hiring };
        Self { workers: Workers::new(workers), handed_out, wanted }
    }

    fn hand_out(&mut self, number: u64) {
        self.workers.hand_out(Chain::new(ChainNumber(number), Lane::Interactive, Vec::new()));
    }

    /// The one that was wanted comes.
    fn admit(&mut self) -> usize {
        let worker = self.wanted.try_recv().unwrap() as usize;
        let channel = channel(worker, &mut self.handed_out);
        self.workers.admit(worker, channel);
        worker
    }

    fn name_of(&self, number: u64) -> String {
        self.workers.name_of(ChainNumber(number)).unwrap()
    }

    /// Whether the latest with that number can still be sent something.
    fn is_there(&self, worker: usize) -> bool {
        let (_, chains) = self.handed_out.iter().rfind(|(number, _)| *number == worker).unwrap();
        !matches!(chains.try_recv(), Err(crossbeam_channel::TryRecvError::Disconnected))
    }
}

fn channel(number: usize, handed_out: &mut Vec<(usize, Receiver<Chain>)>) -> WorkerChannel {
    let ((chains, receiver), (rulings, _)) = (bounded(1), bounded(1));
    let (grants, _) = bounded(1);
    handed_out.push((number, receiver));
    WorkerChannel { chains, rulings, grants }
}

#[test]
fn a_spare_works_like_any_other_and_has_a_name_of_its_own() {
    let mut desk = Desk::new();
    desk.hand_out(1);
    desk.hand_out(2);
    desk.workers.hire();
    desk.workers.hire();
    assert_eq!((desk.admit(), desk.admit()), (4, 5));
    desk.hand_out(3);
    assert_eq!([1, 2, 3].map(|number| desk.name_of(number)), ["work-000", "work-001", "spare-001"]);
    let freed = desk.workers.free(5).unwrap();
    assert_eq!((freed.chain, freed.lane), (ChainNumber(3), Lane::Interactive));
}

#[test]
fn those_that_were_idle_for_longest_go_and_their_numbers_come_again() {
    let mut desk = Desk::new();
    desk.workers.hire();
    desk.workers.hire();
    desk.admit();
    desk.admit();
    desk.hand_out(1);
    assert_eq!(desk.name_of(1), "spare-001");
    // The first two have not done anything yet; which thread serves a number is nobody's concern.
    desk.workers.retire(2);
    let is_there = [0, 1, 4, 5].map(|number| desk.is_there(number));
    assert_eq!(is_there, [false, false, true, true]);
    desk.workers.hire();
    assert!([0, 1].contains(&desk.admit()));
    desk.hand_out(2);
    desk.hand_out(3);
    assert!(desk.workers.foreground.is_empty());
}

#[test]
fn a_number_that_nobody_came_for_is_used_again() {
    let mut desk = Desk::new();
    desk.workers.hire();
    assert_eq!(desk.wanted.try_recv(), Ok(4));
    desk.workers.cross_out(4);
    desk.workers.hire();
    assert_eq!(desk.admit(), 4);
    assert!(desk.workers.vacant.is_empty());
}
