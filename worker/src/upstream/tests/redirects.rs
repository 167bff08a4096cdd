//! Redirects: where they are followed, and that credentials never go astray.

use super::scripted::{Scripted, answer, fault, options, parcel, route};
use crate::Failure;
use crate::upstream::Delivered;
use bytes::Bytes;
use overtime_protocol::CallEnd;

fn redirecting(status: u16, location: &str) -> Scripted {
    let head = format!("{status} Elsewhere\r\nLocation: {location}");
    Scripted::new(move |asked| match asked.line.contains(" /there") {
        true => answer("200 OK", "arrived"),
        false => answer(&head, "look there"),
    })
}

fn deliver(service: &Scripted) -> Delivered {
    let mut options = options(&service.url());
    options.bearer = Some("token".to_owned());
    route(options, "/here").deliver(&parcel(&[Bytes::from_static(b"{}")]))
}

#[test]
fn within_a_host_they_are_followed_with_payload_and_credentials() {
    for status in [301, 302, 307, 308] {
        let service = redirecting(status, "/there?x=1#y");
        assert_eq!(deliver(&service).result.unwrap().body, "arrived");
        let asked = service.asked();
        let lines: Vec<_> = asked.iter().map(|asked| &*asked.line).collect();
        assert_eq!(lines, ["POST /here HTTP/1.1", "POST /there?x=1 HTTP/1.1"]);
        for asked in &asked {
            assert_eq!(asked.body, b"{}");
            assert_eq!(asked.field("authorization"), Some("Bearer token"));
            assert!(asked.field("webhook-id").is_some());
        }
        assert_eq!(service.connections(), 1);
    }
}

#[test]
fn what_was_taken_is_asked_for_without_the_payload() {
    let service = redirecting(303, "/there");
    assert_eq!(deliver(&service).result.unwrap().body, "arrived");
    let asked = service.asked();
    assert_eq!(asked[1].line, "GET /there HTTP/1.1");
    assert_eq!((asked[1].body.len(), asked[1].field("content-length")), (0, None));
}

#[test]
fn there_are_not_too_many_of_them() {
    let service = Scripted::new(|_| answer("307 Elsewhere\r\nLocation: /here", ""));
    let delivered = deliver(&service);
    let failure = delivered.result.unwrap_err();
    assert!(matches!(failure, Failure::Defect(_)), "{failure:?}");
    assert_eq!(fault(&failure).code, "upstream-redirect");
    assert_eq!(delivered.end, CallEnd::Answered);
    assert_eq!(service.asked().len(), 6);
}

#[test]
fn nobody_else_is_led_to() {
    let other = Scripted::always("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    let port = other.address.port();
    for location in [
        format!("http://127.0.0.1:{port}/there"),
        format!("//127.0.0.1:{port}/there"),
        format!("http://localhost:{port}/there"),
        format!("http://127.1:{port}/there"),
        format!("http://0x7f.1:{port}/there"),
        format!("http://2130706433:{port}/there"),
        format!("http://[::ffff:127.0.0.1]:{port}/there"),
        format!("http://token@127.0.0.1:{port}/there"),
        format!("https://127.0.0.1:{port}/there"),
        "http://169.254.169.254/latest/meta-data".to_owned(),
        "ftp://127.0.0.1/there".to_owned(),
        "file:///etc/passwd".to_owned(),
        "there".to_owned(),
        "\\\\127.0.0.1\\there".to_owned(),
    ] {
        let service = redirecting(307, &location);
        let delivered = deliver(&service);
        let failure = delivered.result.unwrap_err();
        assert!(matches!(failure, Failure::Defect(_)), "{location}: {failure:?}");
        assert_eq!(fault(&failure).code, "upstream-redirect", "{location}");
        assert_eq!(service.asked().len(), 1, "{location}");
    }
    // The one whose own address spells the same host in another way is another host, too.
    let service = Scripted::new(|_| answer("307 Elsewhere\r\nLocation: http://localhost/", ""));
    assert_eq!(fault(&deliver(&service).result.unwrap_err()).code, "upstream-redirect");
    assert_eq!(other.connections(), 0);
}

#[test]
fn one_that_leads_nowhere_is_an_answer() {
    let service = Scripted::new(|_| answer("302 Elsewhere", ""));
    assert_eq!(fault(&deliver(&service).result.unwrap_err()).code, "upstream-302");
}
