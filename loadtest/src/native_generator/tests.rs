//! A server that answers in another order than it is asked, and one that hangs up.

use crate::load::{LoadShape, Work};
use crate::measurement::Plan;
use overtime_protocol::native::{Answered, Deframer, Limits, Reply, Request, Step, Welcome, write};
use overtime_protocol::{Opener, Payload};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::num::NonZeroU32;
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

fn opened(payload: &Payload) -> Vec<u8> {
    static OPENER: OnceLock<Opener> = OnceLock::new();
    let opener = OPENER.get_or_init(|| Opener::mint().expect("nothing else here mints it"));
    opener.open(payload).unwrap().concat()
}

fn reply(id: u32, reply: &Reply, payload: &[u8], out: &mut Vec<u8>) {
    write(id, reply, payload.len() as u64, out).unwrap();
    out.extend_from_slice(payload);
}

/// Echoes what each read has brought, the last first; hangs up after `answers_max`.
fn serve(mut stream: TcpStream, answers_max: usize) {
    let (mut deframer, mut input) = (Deframer::<Request>::new(), [0; 4096]);
    let (mut id, mut answers) = (0, 0);
    while let Ok(count @ 1..) = stream.read(&mut input) {
        let (mut rest, mut welcome, mut echoes) = (&input[..count], Vec::new(), Vec::new());
        loop {
            let (used, step) = deframer.advance(rest, &Limits::default());
            rest = &rest[used..];
            match step.unwrap() {
                Step::More => break,
                Step::Head(frame) => match frame.message {
                    Request::Hello(_) => {
                        reply(0, &Reply::Welcome(Welcome::new("fake")), b"", &mut welcome);
                    }
                    _ => id = frame.id,
                },
                Step::Payload(payload) => echoes.push((id, opened(&payload))),
                Step::Refused(id, problem) => panic!("{id}: {problem:?}"),
            }
        }
        let mut out = welcome;
        for (id, echo) in echoes.into_iter().rev() {
            let head = Answered {
                status: 200,
                content_type: None,
                task: None,
                spent: None,
                retry_after_ms: None,
                tag: None,
            };
            reply(id, &Reply::Answered(head), &echo, &mut out);
            answers += 1;
        }
        if stream.write_all(&out).is_err() || answers >= answers_max {
            return;
        }
    }
}

fn start(answers_max: usize) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            thread::spawn(move || serve(stream.unwrap(), answers_max));
        }
    });
    target
}

fn plan(target: SocketAddr, rate: Option<u32>) -> Plan {
    Plan {
        work: Work::Echo,
        shape: LoadShape { target, bytes: 64, emails: 1, seed: 1 },
        connections: 2,
        warmup: Duration::ZERO,
        measured: Duration::from_millis(100),
        rate: rate.and_then(NonZeroU32::new),
        pid: None,
    }
}

#[test]
fn answers_in_any_order_find_their_callers() {
    let measured = plan(start(usize::MAX), None).run_native(16).unwrap();
    assert!(measured.summary.ok > 0);
    assert_eq!(measured.summary.error_count(), 0, "{:?}", measured.summary.errors);
    assert_eq!(measured.summary.connections, 2);
}

#[test]
fn an_open_loop_sends_what_is_due() {
    let measured = plan(start(usize::MAX), Some(1_000)).run_native(16).unwrap();
    assert_eq!((measured.summary.ok, measured.summary.error_count()), (100, 0));
}

#[test]
fn what_a_connection_takes_with_it_is_counted_and_it_is_replaced() {
    let measured = plan(start(50), None).run_native(4).unwrap();
    assert!(measured.summary.ok > 50);
    assert_eq!(measured.summary.errors.keys().collect::<Vec<_>>(), ["broken"]);
}
