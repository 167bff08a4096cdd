//! Calls against a server that refuses as it is told, by the first letter of a key.

use super::*;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};

/// Refuses whoever has a key that begins with `r`, politely if `p` follows.
fn serve() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || converse(stream));
        }
    });
    target
}

fn converse(mut stream: TcpStream) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    loop {
        let mut head = String::new();
        while reader.read_line(&mut head).unwrap_or(0) > 2 {}
        if head.is_empty() {
            return;
        }
        reader.read_exact(&mut [0; 2]).unwrap();
        let answer = if head.contains("Bearer rp") {
            "429 Too Many Requests\r\nRetry-After: 1\r\nRateLimit: x\r\nRateLimit-Policy: y\r\n"
        } else if head.contains("Bearer r") {
            "429 Too Many Requests\r\n"
        } else {
            "200 OK\r\n"
        };
        write!(stream, "HTTP/1.1 {answer}Content-Length: 0\r\n\r\n").unwrap();
    }
}

#[test]
fn answers_are_counted_for_whoever_called() {
    let tenants = Tenants { keys: ["fine", "rude", "rp"].map(str::to_owned).into() };
    let calls = Calls {
        target: serve(),
        path: "/x",
        body: "{}",
        tenants: &tenants,
        who: 0..3,
        rate: NonZeroU32::new(1_000).unwrap(),
        connections: 3,
        warmup: Duration::ZERO,
        measured: Duration::from_millis(300),
    };
    let outcome = calls.run().unwrap();
    let due: Vec<u64> = outcome.tenants.iter().map(|tally| tally.due).collect();
    assert_eq!(due, [100, 100, 100]);
    let [fine, rude, polite] = [0, 1, 2].map(|tenant| &outcome.tenants[tenant]);
    assert_eq!(fine.answered(200), 100);
    // However slow the machine is, none of the others was done.
    assert_eq!(fine.done_percent(), fine.served as f64);
    assert_eq!(
        (rude.answered(429), rude.without_retry_after, rude.without_fields),
        (100, 100, 100)
    );
    assert_eq!((polite.answered(429), polite.without_retry_after), (100, 0));
    assert_eq!((outcome.worst_percent(), outcome.sum().answered(429)), (0.0, 200));
    assert_eq!((outcome.latency.count(), outcome.refusals.count()), (100, 200));
}
