//! A session without sockets: what it says to frames when memory for payloads is short.

use super::{Clocks, Desk, Session};
use crate::clients::Orders;
use crate::exchange::Router;
use crate::payload_budget::{PayloadBudget, Share};
use crate::snapshot::Counters;
use crate::timeouts::NEVER;
use overtime_protocol::call::Hosts;
use overtime_protocol::keyring::{KeyEntry, KeyRing, SecretHash};
use overtime_protocol::native::{
    Deframer, Hello, Limits, Reply, Request, Step, Submit, write, write_goodbye,
};
use overtime_protocol::{Code, Kind, Problem, TenantId, TenantName};
use std::time::Duration;

const KIB: usize = 1024;

/// What a session is lent, with room for `memory` bytes of payloads of which `taken` are taken.
struct Around {
    router: Router,
    orders: Orders,
    budget: PayloadBudget,
    share: Share,
    counters: Counters,
    /// Whose submissions the engine was asked about.
    asked_for: Vec<TenantId>,
}

impl Around {
    fn new(memory: usize, taken: usize) -> Self {
        let hosts = Hosts::of_listener([127, 0, 0, 1].into());
        let waits = (Duration::from_secs(10), Duration::from_secs(60));
        let mut budget = PayloadBudget::new(memory as u64, memory as u64, 1);
        budget.set_engine_bytes(taken as u64);
        Self {
            router: Router::new(&[Kind::durable("echo")], hosts, waits),
            orders: Orders::default(),
            budget,
            share: Share::default(),
            counters: Counters::default(),
            asked_for: Vec::new(),
        }
    }

    fn feed<'a>(&mut self, session: &mut Session, input: &'a [u8]) -> &'a [u8] {
        let mut desk = Desk {
            router: &mut self.router,
            screen: &mut |head| {
                self.asked_for.push(head.tenant);
                Ok(())
            },
            orders: &mut self.orders,
            budget: &mut self.budget,
            share: &mut self.share,
            counters: &mut self.counters,
            limits: Limits::default(),
            index: 0,
            closing: false,
        };
        session.feed(input, &mut desk)
    }
}

fn frame(id: u32, request: &Request, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(id, request, payload.len() as u64, &mut bytes).unwrap();
    bytes.extend_from_slice(payload);
    bytes
}

fn submit(id: u32, bytes: usize) -> Vec<u8> {
    frame(id, &Request::Submit(Box::new(Submit::to("echo"))), &vec![7; bytes])
}

/// What the session has said, without payloads.
fn said(session: &Session) -> Vec<(u32, String)> {
    let (mut deframer, mut said, mut rest) =
        (Deframer::<Reply>::new(), Vec::new(), &session.outbox[..]);
    loop {
        let (used, step) = deframer.advance(rest, &Limits::default());
        rest = &rest[used..];
        match step.unwrap() {
            Step::More => return said,
            Step::Head(frame) => said.push((frame.id, name(&frame.message))),
            Step::Payload(_) => {}
            Step::Refused(id, problem) => panic!("{id}: {problem:?}"),
        }
    }
}

fn name(reply: &Reply) -> String {
    match reply {
        Reply::Welcome(_) => "welcome".into(),
        Reply::Failed(failed) => failed.code.to_string(),
        Reply::Pong => "pong".into(),
        Reply::Goodbye(goodbye) => format!("goodbye {}", goodbye.code),
        Reply::HelloRefused(_) | Reply::Answered(_) => unreachable!("nobody says that here"),
    }
}

/// Has a payload of so many bytes wait for memory, gives it up, and goes on.
fn give_up(bytes: usize) -> Vec<(u32, String)> {
    let (mut around, mut session) =
        (Around::new(100 * KIB, 100 * KIB), Session::new(Clocks::new(NEVER)));
    let hello = frame(0, &Request::Hello(Hello::from("test")), b"");
    let input = [hello, submit(1, bytes), frame(2, &Request::Ping, b"")].concat();
    let behind = around.feed(&mut session, &input);
    assert!(session.is_paused() && session.has_coming());
    assert_eq!(behind.len(), bytes + 20, "the payload is not touched");
    session.give_up(Problem::new(Code::PayloadMemory, "for too long"));
    assert!(session.owes_nothing() && !session.has_coming());
    around.feed(&mut session, behind);
    assert!(around.orders.hand_out().is_empty());
    said(&session)
}

#[test]
fn a_payload_that_waits_for_too_long_is_refused_and_passed_over() {
    let expected = [(0, "welcome"), (1, "payload-memory"), (2, "pong")];
    assert_eq!(give_up(64 * KIB), expected.map(|(id, name)| (id, name.to_owned())));
    let expected = [(0, "welcome"), (1, "payload-memory"), (0, "goodbye payload-memory")];
    assert_eq!(give_up(64 * KIB + 1), expected.map(|(id, name)| (id, name.to_owned())));
}

#[test]
fn too_many_payloads_that_wait_are_refused_at_once() {
    let mut around = Around::new(100 * KIB, 100 * KIB);
    let hello = frame(0, &Request::Hello(Hello::from("test")), b"");
    let mut first = Session::new(Clocks::new(NEVER));
    around.feed(&mut first, &[&hello[..], &submit(1, 10)].concat());
    assert!(first.is_paused());
    let mut second = Session::new(Clocks::new(NEVER));
    around.feed(&mut second, &[&hello[..], &submit(1, 10), &submit(2, 0)].concat());
    let expected = [(0, "welcome"), (1, "payload-memory")];
    assert_eq!(said(&second), expected.map(|(id, name)| (id, name.to_owned())));
    assert_eq!(around.orders.hand_out().len(), 1, "what has no bytes needs no memory");
}

#[test]
fn whoever_is_refused_because_too_many_wait_is_refused_in_its_own_name() {
    let mut around = Around::new(100 * KIB, 100 * KIB);
    let (tenant, secret) = (TenantName::new("acme").unwrap(), "5".repeat(64));
    let entry = KeyEntry { tenant, secret: SecretHash::of(&secret), expires: None };
    let mut ring = KeyRing::default();
    ring.add("abcdefghij", entry);
    around.router.callers.set_keys(ring.into(), |_| TenantId(7));
    let key = Some(format!("ot_abcdefghij_{secret}").into());
    let hello = frame(0, &Request::Hello(Hello { key, ..Hello::from("test") }), b"");
    for _ in 0..2 {
        let mut session = Session::new(Clocks::new(NEVER));
        around.feed(&mut session, &[&hello[..], &submit(1, 10)].concat());
    }
    // Both on their heads, and the second once more when there was no place to wait.
    assert_eq!(around.asked_for, [TenantId(7); 3]);
}

#[test]
fn a_goodbye_is_said_once_and_ends_what_is_not_whole() {
    let mut around = Around::new(100 * KIB, 0);
    let mut session = Session::new(Clocks::new(NEVER));
    let hello = frame(0, &Request::Hello(Hello::from("test")), b"");
    let whole = submit(2, 10);
    around.feed(&mut session, &[&hello[..], &submit(1, 0), &whole[..whole.len() - 1]].concat());
    assert!(session.has_coming());
    let problem = Problem::new(Code::Draining, "on its way out");
    session.leave(&problem);
    session.leave(&problem);
    assert!(!session.has_coming() && !session.owes_nothing(), "the first is still owed");
    let (mut goodbye, mut welcome) = (Vec::new(), session.outbox.clone());
    write_goodbye(&problem, &mut goodbye);
    assert!(welcome.ends_with(&goodbye));
    welcome.truncate(welcome.len() - goodbye.len());
    assert!(!welcome.ends_with(&goodbye));
    assert_eq!(around.orders.hand_out().len(), 1);
}
