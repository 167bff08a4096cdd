use super::*;
use overtime_protocol::{Query, TaskId};

fn read(to: u64, tenant: &str, query: Query) -> Read {
    let scope = Scope::Own(tenant.into());
    Read { reply_to: ReplyTo(to), scope, query }
}

fn short(to: u64, tenant: &str) -> Read {
    read(to, tenant, Query::Result(TaskId::from_key(1).unwrap()))
}

fn long(to: u64, tenant: &str) -> Read {
    read(to, tenant, Query::Errors { task: TaskId::from_key(1).unwrap(), live: true })
}

fn sent(reads: &mut Reads, way: Way) -> Vec<u64> {
    std::iter::from_fn(|| reads.next(way)).map(|read| read.reply_to.0).collect()
}

#[test]
fn tenants_take_turns_and_each_is_served_in_order() {
    let mut reads = Reads::default();
    for to in 0..6 {
        reads.push(short(to, "noisy")).unwrap();
    }
    reads.push(short(10, "quiet")).unwrap();
    reads.push(short(11, "quiet")).unwrap();
    reads.push(short(20, "other")).unwrap();
    assert_eq!(sent(&mut reads, Way::Short), [0, 10, 20, 1, 11, 2, 3, 4, 5]);
    assert!(reads.short.waiting.is_empty() && reads.short.count == 0);
}

#[test]
fn few_are_on_their_way_and_each_answer_makes_room_for_one() {
    let mut reads = Reads::default();
    for to in 0..10 {
        reads.push(long(to, "noisy")).unwrap();
    }
    reads.push(short(99, "noisy")).unwrap();
    assert_eq!(sent(&mut reads, Way::Long), [0, 1, 2, 3]);
    assert_eq!(sent(&mut reads, Way::Short), [99], "the ways are apart");
    reads.push(long(50, "quiet")).unwrap();
    // What was no read of these changes nothing.
    reads.answered(ReplyTo(77));
    assert_eq!(sent(&mut reads, Way::Long), [0; 0]);
    reads.answered(ReplyTo(2));
    reads.answered(ReplyTo(2));
    assert_eq!(sent(&mut reads, Way::Long), [4]);
    reads.answered(ReplyTo(0));
    assert_eq!(sent(&mut reads, Way::Long), [50]);
}

#[test]
fn a_caller_that_is_named_twice_takes_no_place_for_ever() {
    let mut reads = Reads::default();
    for _ in 0..9 {
        reads.push(long(1, "acme")).unwrap();
    }
    assert_eq!(sent(&mut reads, Way::Long), [1; 9]);
    reads.answered(ReplyTo(1));
    assert_eq!(reads.long.on_the_way, 0);
}

#[test]
fn one_for_which_there_is_no_room_is_the_next_again() {
    let mut reads = Reads::default();
    reads.push(long(1, "acme")).unwrap();
    reads.push(long(2, "acme")).unwrap();
    let first = reads.next(Way::Long).unwrap();
    reads.put_back(first);
    assert_eq!(reads.long.on_the_way, 0);
    assert_eq!(sent(&mut reads, Way::Long), [1, 2]);
}

#[test]
fn a_tenant_has_a_part_of_the_places_where_several_have_keys() {
    let mut reads = Reads::default();
    reads.set_shared(true);
    let push = |reads: &mut Reads, to: u64, tenant: &str| {
        reads.push(short(to, tenant)).map_err(|(_, problem)| problem.code)
    };
    for to in 0..WAITING_MAX as u64 / 4 {
        push(&mut reads, to, "noisy").unwrap();
    }
    assert_eq!(push(&mut reads, 1, "noisy"), Err(Code::Concurrency));
    assert_eq!(push(&mut reads, 1, "quiet"), Ok(()));
    reads.set_shared(false);
    while reads.short.count < WAITING_MAX {
        push(&mut reads, 1, "noisy").unwrap();
    }
    assert_eq!(push(&mut reads, 1, "other"), Err(Code::Reads));
}
