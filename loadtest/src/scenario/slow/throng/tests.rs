//! A throng against servers that are nothing but a listener: what they do to it is what it tells.

use super::*;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

const FAR: Duration = Duration::from_secs(600);

fn plan(target: SocketAddr, clients: usize) -> Plan {
    Plan {
        target,
        clients,
        period: Duration::from_millis(1),
        limits: Limits { head: FAR, body: FAR, silent: FAR, unread: FAR },
        long: ("/long".into(), u64::MAX),
        seed: 1,
    }
}

/// A server that does this with each connection, in turn.
fn serve(with: impl Fn(TcpStream) + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = listener.local_addr().unwrap();
    std::thread::spawn(move || listener.incoming().map_while(Result::ok).for_each(with));
    target
}

fn await_true(what: impl Fn() -> bool) {
    let begun = Instant::now();
    while !what() {
        assert!(begun.elapsed() < Duration::from_secs(60), "it does not come");
        std::thread::yield_now();
    }
}

#[test]
fn whoever_is_told_408_and_closed_is_counted_and_comes_again() {
    let target = serve(|mut stream| {
        // Two bytes of the head are awaited, or the answer could come before the client has begun.
        stream.read_exact(&mut [0; 2]).unwrap();
        stream.write_all(b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n").unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        while stream.read(&mut [0; 1024]).is_ok_and(|bytes| bytes > 0) {}
    });
    let throng = Throng::start(plan(target, 1)).unwrap();
    let seen = AtomicUsize::new(0);
    await_true(|| {
        let open = throng.open();
        let last = seen.swap(open, Ordering::Relaxed);
        // It has left.
        last == 1 && open == 0
    });
    let tolls = throng.stop().unwrap().tolls;
    let toll = &tolls[&Habit::Head];
    assert_eq!(toll.answered.keys().collect::<Vec<_>>(), [&408]);
    assert_eq!((toll.hung_up, toll.overdue), (0, 0));
}

#[test]
fn a_server_that_bears_everything_keeps_everybody() {
    let target = serve(std::mem::forget);
    let mut plan = plan(target, 100);
    plan.limits.silent = Duration::ZERO;
    let throng = Throng::start(plan).unwrap();
    assert_eq!(throng.await_open(100, Duration::from_secs(60)), 100);
    let tolls = throng.stop().unwrap().tolls;
    let opened: Vec<u64> = tolls.values().map(|toll| toll.opened).collect();
    assert_eq!(opened, [45, 30, 24, 1]);
    assert!(tolls.values().all(|toll| toll.closed() == 0));
}

#[test]
fn an_answer_that_is_there_to_its_end_was_not_given_up() {
    let target = serve(|mut stream| {
        stream.write_all(&[b'x'; 1_000]).unwrap();
        std::mem::forget(stream);
    });
    let mut plan = plan(target, 100);
    plan.limits.unread = Duration::ZERO;
    plan.long.1 = 1_000;
    let throng = Throng::start(plan).unwrap();
    throng.await_open(100, Duration::from_secs(60));
    // Its look is due two seconds after it came; until then it is open like the others.
    await_true(|| throng.open() < 100);
    let tolls = throng.stop().unwrap().tolls;
    assert_eq!((tolls[&Habit::Unread].overdue, tolls[&Habit::Unread].closed()), (1, 0));
}
