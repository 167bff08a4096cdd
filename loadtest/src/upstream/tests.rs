//! A scripted upstream, called over real connections.

use super::*;
use crate::ask::{Reply, ask, ask_within};
use crate::request::{get, post_json, post_json_once};
use crate::server_process::lasting_addresses;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

const SOON: Duration = Duration::from_millis(50);

/// At a port that no caller is given: one that refuses must not be found by a caller in itself.
fn start(script: &str) -> Upstream {
    let [address] = lasting_addresses().unwrap();
    Upstream::start(address, script.parse().unwrap(), 1).unwrap()
}

fn call(upstream: &Upstream, key: &str, body: &str) -> anyhow::Result<Reply> {
    ask(upstream.address(), &post_json_once(upstream.address(), "/pay", key, body))
}

/// Calls, and waits until the call is there; nobody waits for its answer but the connection.
fn call_unanswered(upstream: &Upstream, key: &str) -> TcpStream {
    let before = upstream.told().unwrap().deliveries;
    let mut stream = TcpStream::connect(upstream.address()).unwrap();
    stream.write_all(&post_json_once(upstream.address(), "/pay", key, "{}")).unwrap();
    await_told(upstream, |told| told.deliveries > before);
    stream
}

fn await_told(upstream: &Upstream, is_right: impl Fn(&Told) -> bool) -> Told {
    loop {
        let told = upstream.told().unwrap();
        if is_right(&told) {
            return told;
        }
        std::thread::yield_now();
    }
}

#[test]
fn a_key_that_comes_again_is_done_once_and_told() {
    let upstream = start("fast");
    for _ in 0..3 {
        let reply = call(&upstream, "a", "{}").unwrap();
        assert_eq!((reply.status, reply.body.as_slice()), (200, &b"{\"done\":true}"[..]));
    }
    call(&upstream, "b", "{\"n\":2}").unwrap();
    ask(upstream.address(), &post_json(upstream.address(), "/", "{}")).unwrap();
    let reply = ask(upstream.address(), &get(upstream.address(), "/_told")).unwrap();
    let told: Told = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!((told.keys, told.applied, told.repeated, told.without_key), (2, 2, 2, 1));
    assert_eq!((told.deliveries, told.answers[&200]), (5, 5));
    assert_eq!(upstream.stop().unwrap().deliveries_of("a"), 3);
}

#[test]
fn many_calls_on_one_connection_are_answered_in_turn() {
    let upstream = start("slow 1ms");
    let mut stream = TcpStream::connect(upstream.address()).unwrap();
    let one = post_json_once(upstream.address(), "/", "a", "{}");
    stream.write_all(&one.repeat(5)).unwrap();
    let (mut answers, mut input) = (Vec::new(), [0; 4096]);
    while answers.windows(5).filter(|bytes| bytes == b"true}").count() < 5 {
        let bytes = stream.read(&mut input).unwrap();
        assert!(bytes > 0, "it hung up");
        answers.extend_from_slice(&input[..bytes]);
    }
    let told = upstream.told().unwrap();
    assert_eq!((told.answers[&200], told.under_way_max), (5, 1));
}

#[test]
fn a_status_says_when_to_come_back_and_does_nothing() {
    let upstream = start("429 retry-after=2");
    let target = upstream.address();
    let mut stream = TcpStream::connect(target).unwrap();
    let mut input = Vec::new();
    let request = post_json_once(target, "/pay", "a", "{}");
    let response = crate::ask::exchange(&mut stream, &request, &mut input).unwrap();
    assert_eq!((response.status, response.header("Retry-After")), (429, Some("2")));
    upstream.behave(Behaviour::read("503").unwrap()).unwrap();
    assert_eq!(call(&upstream, "a", "{}").unwrap().status, 503);
    let told = upstream.told().unwrap();
    assert_eq!((told.applied, told.keys, told.deliveries_of_a_key_max), (0, 1, 2));
}

#[test]
fn what_hangs_is_done_and_not_answered_until_the_caller_leaves() {
    let upstream = start("hang");
    let request = post_json_once(upstream.address(), "/pay", "a", "{}");
    assert!(ask_within(upstream.address(), &request, SOON).is_err());
    let told = await_told(&upstream, |told| told.left == 1);
    assert_eq!((told.applied, told.under_way, told.under_way_max), (1, 0, 1));
    let held = call_unanswered(&upstream, "a");
    upstream.behave(Behaviour::read("heal").unwrap()).unwrap();
    assert_eq!(call(&upstream, "b", "{}").unwrap().status, 200);
    let told = upstream.told().unwrap();
    assert_eq!((told.under_way, told.repeated), (1, 1));
    drop(held);
}

#[test]
fn what_is_slow_is_answered_later() {
    let upstream = start("slow 30ms");
    let begun = Instant::now();
    assert_eq!(call(&upstream, "a", "{}").unwrap().status, 200);
    assert!(begun.elapsed() >= Duration::from_millis(30));
}

#[test]
fn whoever_is_refused_finds_nobody_and_comes_back_to_the_same_address() {
    let upstream = start("hang");
    let mut held = call_unanswered(&upstream, "a");
    upstream.behave(Behaviour::Refuse).unwrap();
    assert_eq!(held.read(&mut [0; 1]).unwrap_or(0), 0);
    assert!(TcpStream::connect(upstream.address()).is_err());
    let told = upstream.told().unwrap();
    assert_eq!((told.cut, told.connections, told.under_way), (1, 0, 0));
    upstream.behave(Behaviour::read("fast").unwrap()).unwrap();
    assert_eq!(call(&upstream, "a", "{}").unwrap().status, 200);
}

#[test]
fn what_is_cut_is_not_done() {
    let upstream = start("cut");
    assert!(call(&upstream, "a", "{}").is_err());
    let told = await_told(&upstream, |told| told.cut == 1);
    assert_eq!((told.applied, told.deliveries), (0, 1));
}

#[test]
fn stages_follow_each_other_by_themselves() {
    let upstream = start("fast; 1ms refuse; 40ms 503");
    let status = || call(&upstream, "a", "{}").ok().map(|reply| reply.status);
    while status() != Some(503) {
        std::thread::yield_now();
    }
}
