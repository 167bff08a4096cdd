//! Several messages on one connection.

use crate::drive::{Said, check_refused, feed_every_way};
use overtime_protocol::Code;
use overtime_protocol::http::{Deframer, Limits, Step};

fn paths(said: &[Said]) -> Vec<&str> {
    let heads = said.iter().filter_map(|said| match said {
        Said::Head(head) => Some(head.path()),
        Said::Body(_) | Said::Refused(_) => None,
    });
    heads.collect()
}

#[test]
fn messages_follow_one_another_in_order() {
    let bytes = b"POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nGET\
                  GET /2 HTTP/1.1\r\nHost: a\r\n\r\n\
                  \r\nPOST /3 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\
                  6\r\nGET /x\r\n0\r\nA: b\r\n\r\n\
                  HEAD /4 HTTP/1.0\r\n\r\n\r\n";
    let said = feed_every_way(bytes, &Limits::default());
    assert_eq!(paths(&said), ["/1", "/2", "/3", "/4"]);
    let bodies = said.iter().filter_map(|said| match said {
        Said::Body(body) => Some(&body[..]),
        Said::Head(_) | Said::Refused(_) => None,
    });
    assert_eq!(bodies.collect::<Vec<_>>(), [&b"GET"[..], b"", b"GET /x", b""]);
}

#[test]
fn the_call_that_ends_a_body_takes_nothing_behind_it() {
    let (mut deframer, limits) = (Deframer::new(), Limits::default());
    let head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n";
    let (used, step) = deframer.advance(head, &limits);
    assert!(used == head.len() && matches!(step, Ok(Step::Head(_))));
    let (used, step) = deframer.advance(b"hi\r\nGET / HTTP/1.1\r\n\r\n", &limits);
    assert!(used == 2 && matches!(step, Ok(Step::Body(_))));
}

#[test]
fn an_empty_body_comes_at_once_and_takes_nothing() {
    let (mut deframer, limits) = (Deframer::new(), Limits::default());
    let get = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    for behind in [&b""[..], get] {
        assert!(matches!(deframer.advance(get, &limits), (27, Ok(Step::Head(_)))));
        assert!(matches!(deframer.advance(behind, &limits), (0, Ok(Step::Body(_)))));
    }
}

#[test]
fn one_empty_line_before_each_request_is_passed_over_and_no_second() {
    let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    let said = feed_every_way(format!("\r\n{get}\r\n{get}").as_bytes(), &Limits::default());
    assert_eq!(paths(&said), ["/", "/"]);
    let limits = Limits::default();
    check_refused(format!("\r\n\r\n{get}").as_bytes(), Code::MalformedRequest, &limits);
    check_refused(format!("{get}\r\n\r\n{get}").as_bytes(), Code::MalformedRequest, &limits);
}
