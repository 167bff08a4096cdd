//! Calls: what a head asks for is decided without a panic and without much memory, the same twice,
//! and a list that is asked for over HTTP is the list that is asked for over native frames.

use crate::allocations::at_most;
use overtime_protocol::call::{Call, Hosts, parse};
use overtime_protocol::http::{Deframer, Head, Limits, Method, Step};
use overtime_protocol::native::Listing;
use std::net::{IpAddr, Ipv4Addr};

/// The bytes are a head without its empty line.
pub fn run(data: &[u8]) {
    let bytes = [data, b"\r\n\r\n"].concat();
    let (_, Ok(Step::Head(head))) = Deframer::new().advance(&bytes, &Limits::default()) else {
        return;
    };
    let room = MEMORY_BASE_BYTES + 16 * data.len();
    let called = at_most(room, || parse(&head));
    assert_eq!(parse(&head), called);
    let hosts = Hosts::of_listener(IpAddr::V4(Ipv4Addr::LOCALHOST));
    drop(hosts.check(&head));
    match &called {
        Ok(call) => check_call(call, &head),
        Err(problem) => assert!(problem.code.status() >= 400),
    }
}

const MEMORY_BASE_BYTES: usize = 64 * 1024;

fn check_call(call: &Call, head: &Head) {
    let reads = matches!(head.method, Method::Get | Method::Head);
    let listing = Listing { query: head.query().unwrap_or_default().into() };
    match call {
        Call::Submit { options, .. } => {
            assert!(head.method == Method::Post && options.urgency <= 7);
        }
        Call::Tasks(_) => assert_eq!(listing.tasks().as_ref(), Ok(call)),
        Call::Errors(_) => assert_eq!(listing.errors().as_ref(), Ok(call)),
        Call::Task { id, .. } | Call::TaskResult { id } | Call::TaskErrors { id } => {
            let text = id.to_ulid();
            let again = str::from_utf8(&text).expect("it is ASCII").parse();
            assert!(reads && again == Ok(*id));
        }
        Call::Contact { email } => assert!(reads && !email.is_empty()),
        _ => {}
    }
}
