//! What is sent, and what comes of what is answered.

use super::scripted::{Scripted, answer, fault, nobody, options, parcel, route};
use crate::Failure;
use crate::upstream::{Delivered, Parcel, Route, Service, Signer, Statuses, Verdict};
use bytes::Bytes;
use overtime_protocol::{CallEnd, CallFailure, Class, Product, Source};
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn deliver(route: &Route) -> Delivered {
    route.deliver(&parcel(&[Bytes::from_static(b"{}")]))
}

#[test]
fn a_payload_goes_out_with_all_that_belongs_to_it() {
    let service = Scripted::new(|_| answer("200 OK\r\nContent-Type: application/json", "[1]"));
    let mut options = options(&format!("{}/v1/", service.url()));
    options.bearer = Some("token".to_owned());
    options.signer = Some(Signer::new(SECRET).unwrap());
    let payload = [&br#"{"test""#[..], b": 2432232314}"].map(Bytes::from_static);
    let parcel = Parcel {
        attempt: 3,
        content_type: Some("application/json"),
        cursor: Some(b"page 7"),
        traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ..parcel(&payload)
    };
    let delivered = route(options, "/invoices?x=1").deliver(&parcel);
    let content_type = Some("application/json".into());
    assert_eq!(delivered.result, Ok(Product { content_type, body: "[1]".into() }));
    assert_eq!(delivered.end, CallEnd::Answered);

    let asked = service.asked().remove(0);
    assert_eq!(asked.line, "POST /v1/invoices?x=1 HTTP/1.1");
    assert_eq!(asked.body, br#"{"test": 2432232314}"#);
    let task = parcel.task.to_string();
    let signature = Signer::new(SECRET).unwrap().sign(&task, 1_614_265_330, &payload);
    for (name, value) in [
        ("host", service.address.to_string().as_str()),
        ("content-type", "application/json"),
        ("content-length", "20"),
        ("webhook-id", &task),
        ("webhook-timestamp", "1614265330"),
        ("webhook-signature", &signature),
        ("idempotency-key", &task),
        ("overtime-attempt", "3"),
        ("overtime-cursor", "page 7"),
        ("overtime-deadline", "2021-02-25T15:03:10.500Z"),
        ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ("authorization", "Bearer token"),
    ] {
        assert_eq!(asked.field(name), Some(value), "{name}");
    }
}

#[test]
fn what_was_not_said_is_not_sent() {
    let service = Scripted::always("HTTP/1.1 204 No Content\r\n\r\n");
    let delivered = service.route().deliver(&Parcel { item: Some(7), ..parcel(&[]) });
    assert_eq!(delivered.result, Ok(Product::default()));
    let asked = service.asked().remove(0);
    let id = format!("{}-7", parcel(&[]).task);
    assert_eq!(asked.field("webhook-id"), Some(&*id));
    assert_eq!(asked.field("idempotency-key"), Some(&*id));
    assert_eq!(asked.field("content-length"), Some("0"));
    assert_eq!(asked.field("content-type"), Some("application/octet-stream"));
    for name in [
        "webhook-signature",
        "authorization",
        "overtime-cursor",
        "traceparent",
        "transfer-encoding",
    ] {
        assert_eq!(asked.field(name), None, "{name}");
    }
}

#[test]
fn connections_are_used_again_and_never_shared() {
    let service = Scripted::new(|asked| answer("200 OK", asked.field("webhook-id").unwrap()));
    let route = service.route();
    for _ in 0..5 {
        assert!(deliver(&route).result.is_ok());
    }
    assert_eq!(service.connections(), 1);
    thread::scope(|scope| {
        for place in 0..4 {
            let route = &route;
            scope.spawn(move || {
                for item in (0..100).map(|item| item * 4 + place) {
                    let parcel = Parcel { item: Some(item), ..parcel(&[]) };
                    let result = route.deliver(&parcel).result.unwrap();
                    assert!(result.body.ends_with(format!("-{item}").as_bytes()), "{result:?}");
                }
            });
        }
    });
    assert!(service.connections() <= 5, "{}", service.connections());
    assert_eq!(service.asked().len(), 405);
}

#[test]
fn a_connection_that_the_service_has_closed_is_not_used_again() {
    let service = Scripted::new(|_| answer("200 OK\r\nConnection: close", "x"));
    let route = service.route();
    for calls in 1..=3 {
        assert!(deliver(&route).result.is_ok());
        assert_eq!(service.connections(), calls);
    }
}

#[test]
fn large_payloads_go_out_whole() {
    let service = Scripted::new(|asked| answer("200 OK", &asked.body.len().to_string()));
    let segment = Bytes::from(vec![b'x'; 100_000]);
    let payload: Vec<Bytes> = std::iter::repeat_n(segment, 50).collect();
    let result = service.route().deliver(&parcel(&payload)).result.unwrap();
    assert_eq!(result.body, "5000000");
}

#[test]
fn statuses_decide_what_becomes_of_the_task() {
    let status = CallFailure::Status;
    for (head, class, code, end) in [
        ("400 Bad Request", "input", "upstream-400", CallEnd::Answered),
        ("422 Unprocessable Content", "input", "upstream-422", CallEnd::Answered),
        ("401 Unauthorized", "defect", "upstream-401", CallEnd::Answered),
        ("404 Not Found", "defect", "upstream-404", CallEnd::Answered),
        ("304 Not Modified", "defect", "upstream-304", CallEnd::Answered),
        ("501 Not Implemented", "defect", "upstream-501", CallEnd::Failed(status(501))),
        ("408 Request Timeout", "ephemeral", "upstream-408", CallEnd::Failed(status(408))),
        ("425 Too Early", "ephemeral", "upstream-425", CallEnd::Answered),
        ("429 Slow Down", "ephemeral", "upstream-429", CallEnd::Busy { retry_after: None }),
        ("503 Away", "ephemeral", "upstream-503", CallEnd::Failed(status(503))),
    ] {
        let service = Scripted::new(move |_| answer(head, "why\r\nnot"));
        let delivered = deliver(&service.route());
        let failure = delivered.result.unwrap_err();
        let told = fault(&failure);
        assert_eq!((&*told.code, told.source), (code, Source::Upstream));
        let is = match (&failure, told.class) {
            (Failure::Input(_), Class::Persistent) => "input",
            (Failure::Defect(_), Class::Persistent) => "defect",
            (Failure::Ephemeral(_), Class::Ephemeral) => "ephemeral",
            other => panic!("{head}: {other:?}"),
        };
        assert_eq!((is, delivered.end), (class, end), "{head}");
        let number = &head[..3];
        assert!(told.detail.starts_with(&format!("billing has answered {number}")), "{told:?}");
        assert_eq!(told.detail.ends_with(": why not"), number != "304", "{told:?}");
    }
}

#[test]
fn an_operator_may_say_what_a_status_means() {
    let service = Scripted::new(|_| answer("404 Not Found", "gone"));
    let shared = Arc::new(Service::new(options(&service.url())).unwrap());
    for (verdict, is_right) in [
        (Verdict::Done, Result::is_ok as fn(&Result<Product, Failure>) -> bool),
        (Verdict::Retry, |result| matches!(result, Err(Failure::Ephemeral(_)))),
        (Verdict::Fail, |result| matches!(result, Err(Failure::Input(_)))),
        (Verdict::Park, |result| matches!(result, Err(Failure::Defect(_)))),
    ] {
        let statuses = Statuses::new([(404, verdict)]);
        let route = Route::new(Arc::clone(&shared), "", None, statuses).unwrap();
        let result = deliver(&route).result;
        assert!(is_right(&result), "{verdict:?}: {result:?}");
    }
}

#[test]
fn a_service_is_left_alone_for_as_long_as_it_asks() {
    let service = Scripted::new(|_| answer("429 Slow Down\r\nRetry-After: 7", ""));
    let delivered = deliver(&service.route());
    let seven = Some(Duration::from_secs(7));
    assert_eq!(delivered.end, CallEnd::Busy { retry_after: seven });
    assert_eq!(fault(&delivered.result.unwrap_err()).retry_after, seven);
    let service = Scripted::new(|_| answer("404 Not Found\r\nRetry-After: 7", ""));
    assert_eq!(fault(&deliver(&service.route()).result.unwrap_err()).retry_after, None);
}

#[test]
fn what_did_not_come_to_an_answer_is_tried_again() {
    let gone = nobody();
    let mute = TcpListener::bind("127.0.0.1:0").unwrap();
    let closing = Scripted::always("");
    let cut =
        Scripted::always("HTTP/1.1 200 OK\r\nContent-Length: 9\r\nConnection: close\r\n\r\nhalf");
    let babble = Scripted::always("SSH-2.0-OpenSSH_9.6\r\n\r\n");
    for (url, code, end) in [
        (
            format!("http://{}", gone.local_addr().unwrap()),
            "upstream-connect",
            CallFailure::Connect,
        ),
        (
            format!("http://{}", mute.local_addr().unwrap()),
            "upstream-timeout",
            CallFailure::Timeout,
        ),
        (closing.url(), "upstream-broken", CallFailure::Broken),
        (cut.url(), "upstream-broken", CallFailure::Broken),
        (babble.url(), "upstream-broken", CallFailure::Broken),
        (
            format!("https://{}", mute.local_addr().unwrap()),
            "upstream-connect",
            CallFailure::Connect,
        ),
    ] {
        let mut options = options(&url);
        if code == "upstream-timeout" {
            // Time enough to connect, however busy the machine is.
            options.timeout = Duration::from_secs(1);
        } else if url.starts_with("https") {
            options.connect_timeout = Duration::from_millis(50);
        }
        let delivered = deliver(&route(options, ""));
        let failure = delivered.result.unwrap_err();
        assert!(matches!(failure, Failure::Ephemeral(_)), "{failure:?}");
        let told = fault(&failure);
        assert_eq!((&*told.code, told.source), (code, Source::Upstream), "{told:?}");
        assert_eq!(delivered.end, CallEnd::Failed(end), "{told:?}");
    }
}

#[test]
fn a_kind_may_have_less_time_than_its_service() {
    let mute = TcpListener::bind("127.0.0.1:0").unwrap();
    let service = Service::new(options(&format!("http://{}", mute.local_addr().unwrap())));
    let timeout = Some(Duration::from_millis(50));
    let route = Route::new(Arc::new(service.unwrap()), "", timeout, Statuses::default()).unwrap();
    let failure = deliver(&route).result.unwrap_err();
    assert_eq!(fault(&failure).code, "upstream-timeout");
    assert!(fault(&failure).detail.contains("50ms"), "{failure:?}");
}

#[test]
fn a_probe_has_less_time_than_its_kind_and_is_told_so() {
    let limit = Some(Duration::from_millis(50));
    let limited = |route: &Route| route.deliver(&Parcel { limit, ..parcel(&[]) });
    let half = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf";
    let mute = TcpListener::bind("127.0.0.1:0").unwrap();
    // One says nothing, and one never comes to its end.
    for url in [format!("http://{}", mute.local_addr().unwrap()), Scripted::always(half).url()] {
        let delivered = limited(&route(options(&url), ""));
        assert_eq!(delivered.end, CallEnd::Failed(CallFailure::Timeout));
        let failure = delivered.result.unwrap_err();
        assert_eq!(fault(&failure).code, "upstream-timeout");
        let told = "billing is not well, and has not answered this probe within 50ms";
        assert_eq!(fault(&failure).detail, told);
    }
    let service = Scripted::always("HTTP/1.1 204 No Content\r\n\r\n");
    assert!(limited(&service.route()).result.is_ok());
    let deadline = "2021-02-25T15:02:10.550Z";
    assert_eq!(service.asked()[0].field("overtime-deadline"), Some(deadline));
}

#[test]
fn a_probe_has_no_more_time_than_its_kind() {
    let mute = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut options = options(&format!("http://{}", mute.local_addr().unwrap()));
    options.timeout = Duration::from_millis(50);
    let limit = Some(Duration::from_secs(60));
    let delivered = route(options, "").deliver(&Parcel { limit, ..parcel(&[]) });
    let detail = fault(&delivered.result.unwrap_err()).detail.clone();
    assert_eq!(detail, "billing has not answered within 50ms");
}

#[test]
fn an_address_is_not_printed() {
    let route = route(options("http://127.0.0.1:9/T0/sesame"), "/pay?key=sesame");
    let printed = format!("{route:?}");
    assert!(printed.contains("billing") && !printed.contains("sesame"), "{printed}");
}

#[test]
fn an_answer_may_be_so_long_and_no_longer() {
    let long = |len: usize| move |_: &_| answer("200 OK", &"x".repeat(len));
    let chunked = |len: usize| {
        move |_: &_| {
            let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
            format!("{head}{len:x}\r\n{}\r\n0\r\n\r\n", "x".repeat(len)).into_bytes()
        }
    };
    for service in [Scripted::new(long(1_000)), Scripted::new(chunked(1_000))] {
        assert_eq!(deliver(&service.route()).result.unwrap().body.len(), 1_000);
    }
    for service in [Scripted::new(long(1_001)), Scripted::new(chunked(1_001))] {
        let delivered = deliver(&service.route());
        let failure = delivered.result.unwrap_err();
        assert!(matches!(failure, Failure::Defect(_)), "{failure:?}");
        assert_eq!(fault(&failure).code, "upstream-answer-too-large");
        assert_eq!(delivered.end, CallEnd::Answered);
    }
}

#[test]
fn a_refusal_is_shown_without_our_own_secret() {
    let service = Scripted::new(|asked| {
        answer("401 Unauthorized", &format!("no: {}", asked.field("authorization").unwrap()))
    });
    let mut options = options(&service.url());
    options.bearer = Some("s3same".to_owned());
    let failure = deliver(&route(options, "")).result.unwrap_err();
    let detail = &fault(&failure).detail;
    assert!(detail.ends_with("401 Unauthorized: no: Bearer …"), "{detail}");
}

#[test]
fn a_long_refusal_costs_the_connection_and_no_more() {
    let service = Scripted::new(|_| answer("503 Away", &"x".repeat(1_000_000)));
    let failure = deliver(&service.route()).result.unwrap_err();
    assert_eq!(fault(&failure).code, "upstream-503");
}
