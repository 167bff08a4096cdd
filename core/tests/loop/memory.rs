//! The memory for payloads: who gets it, who waits for it, and who is refused.

use crate::support::{
    Server, echo, engine_limits, limits, read_all, read_until, start, start_with, statuses, submit,
};
use overtime_core::Limits;
use std::io::Write;
use std::net::TcpStream;
use std::sync::atomic::Ordering;
use std::time::Duration;

pub(crate) const KIB: usize = 1024;

/// A core with so much memory for large payloads, of which one may take half, and beside it what is
/// kept for small ones: a quarter of all but one body.
pub(crate) fn start_small(memory_kib: usize, limits: Limits) -> Server {
    let large = (memory_kib * KIB) as u64;
    let body = large / 2;
    let memory = (4 * large - body) / 3;
    let http = overtime_protocol::http::Limits { body_max_bytes: body, ..limits.http };
    let engine = overtime_engine::Limits { payload_memory_max_bytes: memory, ..engine_limits() };
    start_with(Limits { http, ..limits }, engine)
}

/// Sends the head of a submission of so many bytes.
fn begin(server: &Server, kind: &str, bytes: usize) -> TcpStream {
    let mut stream = server.connect();
    let head = submit(kind, &format!("Content-Length: {bytes}\r\n"));
    stream.write_all(head.as_bytes()).unwrap();
    stream
}

/// Has two tasks hold so much memory until [`Server::let_go`] has been called for each.
pub(crate) fn hold(server: &Server, bytes: [usize; 2]) -> [TcpStream; 2] {
    let streams = bytes.map(|bytes| {
        let mut stream = begin(server, "held", bytes);
        stream.write_all(&vec![b'h'; bytes]).unwrap();
        stream
    });
    let sum = bytes.iter().sum::<usize>() as u64;
    server.wait_until(|snapshot| snapshot.engine.payload_bytes == sum);
    streams
}

pub(crate) fn wait_for_waiting(server: &Server, count: u64) {
    server.wait_until(|snapshot| snapshot.core.bodies_waiting == count);
}

#[test]
fn a_body_waits_unread_until_the_engine_lets_go() {
    let server = start_small(256, limits());
    let held = hold(&server, [128 * KIB; 2]);
    let mut late = begin(&server, "sink", 100 * KIB);
    late.write_all(&vec![b'l'; 100 * KIB]).unwrap();
    wait_for_waiting(&server, 1);
    assert!(server.inspect().core.bytes_read < (256 + 70) * KIB as u64, "it is not read");
    server.let_go();
    assert!(read_until(&mut late, "taken").starts_with("HTTP/1.1 200"));
    let core = server.inspect().core;
    assert_eq!((core.bodies_paused, core.bodies_waiting, core.bytes_reserved), (1, 0, 0));
    drop(held);
}

#[test]
fn whoever_expects_to_be_asked_is_asked_when_there_is_memory() {
    let server = start_small(256, limits());
    let _held = hold(&server, [128 * KIB; 2]);
    let mut late = server.connect();
    let fields = "Content-Length: 102400\r\nExpect: 100-continue\r\n";
    late.write_all(submit("sink", fields).as_bytes()).unwrap();
    wait_for_waiting(&server, 1);
    server.let_go();
    assert_eq!(read_until(&mut late, "\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
    late.write_all(&vec![b'l'; 100 * KIB]).unwrap();
    assert!(read_until(&mut late, "taken").starts_with("HTTP/1.1 200"));
}

#[test]
fn a_body_that_is_given_up_leaves_its_memory_to_the_next() {
    let server = start_small(256, limits());
    let first = [begin(&server, "sink", 128 * KIB), begin(&server, "sink", 128 * KIB)];
    server.wait_until(|snapshot| snapshot.core.bytes_reserved == 256 * KIB as u64);
    let mut second = begin(&server, "sink", 100 * KIB);
    second.write_all(&vec![b's'; 100 * KIB]).unwrap();
    wait_for_waiting(&server, 1);
    drop(first);
    read_until(&mut second, "taken");
}

/// The first has its maximum set aside, so the second, once it wants more than is left, waits in
/// the middle until the first is whole.
#[test]
fn bodies_of_unknown_length_take_turns() {
    const MIB: usize = 1024 * KIB;
    let server = start_small(8 * KIB, limits());
    let chunk = |bytes: usize| format!("{bytes:x}\r\n{}\r\n", "c".repeat(bytes));
    let chunked = submit("sink", "Transfer-Encoding: chunked\r\n");
    let mut first = server.connect();
    first.write_all(format!("{chunked}{}", chunk(10)).as_bytes()).unwrap();
    server.wait_until(|snapshot| snapshot.core.bytes_reserved == MIB as u64);
    let blocker = begin(&server, "sink", 3 * MIB);
    server.wait_until(|snapshot| snapshot.core.bytes_reserved == 4 * MIB as u64);
    let mut second = server.connect();
    second.write_all(format!("{chunked}{}", chunk(MIB)).as_bytes()).unwrap();
    wait_for_waiting(&server, 1);
    first.write_all(format!("{}0\r\n\r\n", chunk(3 * MIB)).as_bytes()).unwrap();
    read_until(&mut first, "taken");
    second.write_all(format!("{}0\r\n\r\n", chunk(MIB)).as_bytes()).unwrap();
    read_until(&mut second, "taken");
    drop(blocker);
    server.wait_until(|snapshot| snapshot.core.bytes_reserved == 0);
}

/// The time that a body waits for us is not its sender's; that of a slow one, meanwhile, is.
#[test]
fn a_body_that_waits_does_not_time_out_as_if_it_were_slow() {
    let limits = Limits { body_progress_timeout: Duration::from_millis(200), ..limits() };
    let server = start_small(256, limits);
    let _held = hold(&server, [128 * KIB, 120 * KIB]);
    let mut late = begin(&server, "sink", 100 * KIB);
    late.write_all(&vec![b'l'; 100 * KIB]).unwrap();
    wait_for_waiting(&server, 1);
    let mut slow = begin(&server, "sink", 2);
    assert_eq!(statuses(&read_all(&mut slow)), ["408"]);
    server.let_go();
    assert!(read_until(&mut late, "taken").starts_with("HTTP/1.1 200"));
}

#[test]
fn small_bodies_pass_by_large_ones_that_wait() {
    let server = start_small(256, limits());
    let _first = begin(&server, "sink", 128 * KIB);
    let _second = begin(&server, "sink", 100 * KIB);
    server.wait_until(|snapshot| snapshot.core.bytes_reserved == 228 * KIB as u64);
    let _large = begin(&server, "sink", 100 * KIB);
    wait_for_waiting(&server, 1);
    let mut small = server.connect();
    small.write_all(echo("small").as_bytes()).unwrap();
    assert!(read_until(&mut small, "small").starts_with("HTTP/1.1 200"));
}

#[test]
fn too_many_that_wait_are_refused_by_name() {
    let server = start_small(256, Limits { connections_max: 1_000, ..limits() });
    let _held = hold(&server, [128 * KIB; 2]);
    let mut waiting = Vec::new();
    for count in 1..=256 {
        waiting.push(begin(&server, "sink", 100 * KIB));
        wait_for_waiting(&server, count);
    }
    let text = read_all(&mut begin(&server, "sink", 100 * KIB));
    assert_eq!(statuses(&text), ["503"]);
    assert!(
        text.contains("\"code\":\"payload-memory\"") && text.contains("Retry-After: "),
        "{text}"
    );
    drop(waiting);
}

#[test]
fn a_body_that_could_never_fit_is_too_large() {
    let server = start_small(256, limits());
    assert_eq!(statuses(&read_all(&mut begin(&server, "sink", 129 * KIB))), ["413"]);
}

/// A submission whose payload has a file of its own.
fn spooled(kind: &str, wait: &str) -> Vec<u8> {
    let body = "x".repeat(64 * 1024);
    let head = submit(&format!("{kind}?wait={wait}"), "Content-Length: 65536\r\n");
    [head, body].concat().into()
}

/// A caller whose payload waits for the spool, which had more files to remove than there is room for
/// orders, and has just gone on.
fn behind_a_full_spool(server: &Server) -> TcpStream {
    const TASKS: usize = 70;
    for _ in 0..TASKS {
        assert_eq!(statuses(&server.talk(&spooled("held", "0s"))), ["202"]);
    }
    server.spool_rests.store(true, Ordering::SeqCst);
    (0..TASKS).for_each(|_| server.let_go());
    server.wait_until(|snapshot| snapshot.engine.tasks == 0);
    let mut stream = server.connect();
    stream.write_all(&spooled("sink", "60s")).unwrap();
    server.wait_until(|snapshot| snapshot.engine.spooling == 1);
    server.spool_rests.store(false, Ordering::SeqCst);
    stream
}

#[test]
fn a_payload_is_kept_as_soon_as_the_spool_has_removed_what_was_before_it() {
    let server = start(limits());
    let mut stream = behind_a_full_spool(&server);
    assert!(read_until(&mut stream, "taken").starts_with("HTTP/1.1 200 "));
}

#[test]
fn a_payload_is_kept_however_many_are_refused_meanwhile() {
    let server = start(limits());
    let mut stream = behind_a_full_spool(&server);
    server.refuse_others_until_heard(&stream);
    assert!(read_until(&mut stream, "taken").starts_with("HTTP/1.1 200 "));
}

#[test]
fn what_is_refused_takes_no_memory_and_waits_for_none() {
    let server = start_small(256, limits());
    let mut refused: Vec<TcpStream> = (0..30).map(|_| begin(&server, "nobody", 30 * KIB)).collect();
    server.wait_until(|snapshot| snapshot.core.requests == 30);
    let core = server.inspect().core;
    assert_eq!((core.bodies_waiting, core.bytes_reserved), (0, 0));
    assert!(server.talk(echo("well").as_bytes()).contains("well"));
    // Their bodies are thrown away as they come, and nothing of them is kept or copied.
    let copied = server.inspect().core.bytes_copied;
    for stream in &mut refused {
        stream.write_all(&vec![b'x'; 30 * KIB]).unwrap();
        assert!(read_until(stream, "unknown-kind").starts_with("HTTP/1.1 404"));
        stream.write_all(echo("still here").as_bytes()).unwrap();
        read_until(stream, "still here");
    }
    let words = 30 * "still here".len() as u64;
    assert_eq!(server.inspect().core.bytes_copied - copied, words);
}
