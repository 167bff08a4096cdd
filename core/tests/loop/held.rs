//! Workers that are held for long, and the spare that stands in for one of them.

use crate::support::{echo, limits, start, statuses, submit};
use overtime_core::Exit;

#[test]
fn a_worker_that_is_held_is_stood_in_for_by_mail() {
    let server = start(limits());
    let hold = submit("held", "Content-Length: 0\r\nPrefer: respond-async\r\n");
    for _ in 0..2 {
        assert_eq!(statuses(&server.talk(hold.as_bytes())), ["202"]);
    }
    let text = server.talk(echo("quick").as_bytes());
    assert!(text.starts_with("HTTP/1.1 200") && text.ends_with("quick"), "{text}");
    // There may be one spare, so for the other nobody stands in.
    server.wait_until(|snapshot| snapshot.engine.long == 1);
    let engine = server.inspect().engine;
    assert_eq!((engine.charged, engine.spares, engine.hired), (1, 1, 1));
    server.let_go();
    server.let_go();
    server.wait_until(|snapshot| !snapshot.engine.is_working());
    assert_eq!(server.stop().unwrap(), Exit::Drained);
}
