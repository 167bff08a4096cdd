//! Bulk bodies: three formats, errors by item, and what becomes of a body that breaks off.

use crate::support::{Answer, Server, folder, raw};
use serde_json::{Value, json};

const NDJSON: &str = "application/x-ndjson";

fn post(server: &Server, content_type: &str, body: &str) -> Answer {
    let field = format!("Content-Type: {content_type}");
    server.request("POST", "/v1/bulk/contacts.upsert", &[&field], body)
}

fn version(server: &Server, email: &str) -> Value {
    server.get(&format!("/v1/contacts/{email}")).json()["version"].clone()
}

fn counters(document: &Value) -> [Value; 3] {
    ["items", "succeeded", "failed"].map(|name| document[name].clone())
}

#[test]
fn the_three_formats_do_the_same() {
    let (folder, array, lines, csv) = (
        folder(),
        r#"[{"email":"a@b.example","first_name":"Ada"}, {"email":"c@d.example"}]"#,
        "{\"email\":\"a@b.example\",\"first_name\":\"Ada\"}\n{\"email\":\"c@d.example\"}\n",
        "email,first_name\r\na@b.example,Ada\r\nc@d.example,\r\n",
    );
    let server = Server::start(folder.path());
    let bodies = [("application/json", array), (NDJSON, lines), ("text/csv", csv)];
    for (round, (content_type, body)) in bodies.into_iter().enumerate() {
        let answer = post(&server, content_type, body);
        assert_eq!(answer.status, 200, "{answer:?}");
        let document = answer.json();
        assert_eq!(document["state"], "succeeded");
        assert_eq!(document["id"], answer.task());
        assert_eq!(counters(&document), [json!(2), json!(2), json!(0)]);
        assert_eq!(document["errors"], json!([]));
        assert_eq!(answer.field("Overtime-Durability"), Some("disk"));
        assert_eq!(version(&server, "c@d.example"), json!(round + 1));
    }
    let contact = server.get("/v1/contacts/a@b.example").json();
    assert_eq!((&contact["first_name"], &contact["version"]), (&json!("Ada"), &json!(3)));
}

#[test]
fn one_bad_item_fails_alone_and_is_told_by_its_index() {
    let folder = folder();
    let server = Server::start(folder.path());
    let body =
        "{\"email\":\"a@b.example\"}\n{\"email\":7}\nnot json\n{\"email\":\"c@d.example\"}\n";
    let answer = post(&server, NDJSON, body);
    assert_eq!(answer.status, 200, "{answer:?}");
    let document = answer.json();
    assert_eq!(document["state"], "succeeded");
    assert_eq!(counters(&document), [json!(4), json!(2), json!(2)]);
    assert_eq!(document["errors"][0]["index"], 1);
    assert_eq!(document["errors"][0]["code"], "invalid-email");
    assert_eq!(document["errors"][1]["index"], 2);
    assert_eq!(version(&server, "c@d.example"), 1);

    let errors = server.get(&format!("/v1/tasks/{}/errors", answer.task()));
    assert_eq!(errors.status, 200);
    assert_eq!(errors.field("Content-Type"), Some(NDJSON));
    let lines: Vec<Value> =
        errors.body.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines, *document["errors"].as_array().unwrap());
    let stored = server.get(&format!("/v1/tasks/{}/result", answer.task()));
    assert_eq!(stored.json(), document);
}

#[test]
fn a_hundred_errors_are_in_the_document_and_all_of_them_at_their_address() {
    let folder = folder();
    let server = Server::start(folder.path());
    let answer = post(&server, NDJSON, &"{}\n".repeat(1_500));
    let document = answer.json();
    assert_eq!(counters(&document), [json!(1_500), json!(0), json!(1_500)]);
    assert_eq!(document["errors"].as_array().unwrap().len(), 100);
    let errors = server.get(&format!("/v1/tasks/{}/errors", answer.task()));
    assert_eq!(errors.body.lines().count(), 1_500);
    let last: Value = serde_json::from_str(errors.body.lines().last().unwrap()).unwrap();
    assert_eq!(last["index"], 1_499);
}

#[test]
fn a_body_without_errors_has_an_empty_list_and_an_unknown_task_none() {
    let folder = folder();
    let server = Server::start(folder.path());
    for (content_type, body) in [("application/json", "[]"), ("text/csv", "email\n")] {
        let answer = post(&server, content_type, body);
        assert_eq!(
            (answer.status, counters(&answer.json())),
            (200, [json!(0), json!(0), json!(0)])
        );
        let errors = server.get(&format!("/v1/tasks/{}/errors", answer.task()));
        assert_eq!((errors.status, &*errors.body), (200, ""));
    }
    let unknown = server.get("/v1/tasks/01DXF6EC400000000000000001/errors");
    assert_eq!((unknown.status, unknown.code().as_str()), (404, "unknown-task"));
}

#[test]
fn a_body_that_is_malformed_from_some_point_on_keeps_what_came_before() {
    let folder = folder();
    let server = Server::start(folder.path());
    let good = r#"[{"email":"a@b.example"},{"email":"c@d.example"},"#;
    for (place, rest) in ["", "]", "{\"email\":", "nonsense]", "1 2]"].into_iter().enumerate() {
        let answer = post(&server, "application/json", &format!("{good}{rest}"));
        assert_eq!(answer.status, 422, "{rest}: {answer:?}");
        let problem = answer.json();
        assert_eq!(problem["submitted"], "yes");
        assert!(problem["offset"].as_u64().unwrap() >= good.len() as u64 - 1, "{rest}: {problem}");
        assert_eq!(problem["succeeded"], 2, "{rest}: {problem}");
        assert_eq!(version(&server, "c@d.example"), json!(place + 1));
        let document = server.get(&format!("/v1/tasks/{}", answer.task())).json();
        assert_eq!(document["state"], "failed");
        let result = server.get(&format!("/v1/tasks/{}/result", answer.task()));
        assert_eq!(
            (result.status, result.json()["offset"].clone()),
            (422, problem["offset"].clone())
        );
    }
}

#[test]
fn what_is_no_list_of_items_is_malformed_from_its_start() {
    let folder = folder();
    let server = Server::start(folder.path());
    let deep = "[".repeat(100_000);
    let bodies = [
        ("application/json", "{\"email\":\"a@b.example\"}"),
        ("application/json", "7"),
        ("application/json", "[] trailing"),
        ("application/json", deep.as_str()),
        ("text/csv", ""),
        ("text/csv", "email,email\na@b.example,c@d.example\n"),
    ];
    for (content_type, body) in bodies {
        let answer = post(&server, content_type, body);
        let start: String = body.chars().take(30).collect();
        assert_eq!(answer.status, 422, "{start}: {answer:?}");
        assert!(answer.json()["offset"].is_u64(), "{start}: {answer:?}");
        assert_eq!(answer.json()["items"], 0, "{start}");
    }
}

#[test]
fn items_of_the_wrong_shape_fail_one_by_one() {
    let folder = folder();
    let server = Server::start(folder.path());
    let nested = format!("{}1{}", "[".repeat(100), "]".repeat(100));
    let body = format!(
        "[1, null, \"x\", [], {{\"email\":\"a@b.example\",\"fields\":{{\"x\":{nested}}}}}]"
    );
    let answer = post(&server, "application/json", &body);
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.json()["items"], 5);
    assert!(answer.json()["failed"].as_u64().unwrap() >= 4);
    let csv = "email,company\na@b.example,x\nonly-one\nc@d.example,y,z\nd@e.example,w\n";
    let answer = post(&server, "text/csv", csv);
    assert_eq!(counters(&answer.json()), [json!(4), json!(2), json!(2)], "{answer:?}");
}

#[test]
fn invalid_utf_8_fails_its_item() {
    let folder = folder();
    let server = Server::start(folder.path());
    let body = b"{\"email\":\"a@b.example\"}\n{\"email\":\"\xff\xfe@b.example\"}\n{\"email\":\"c@d.example\"}\n";
    let mut request = format!(
        "POST /v1/bulk/contacts.upsert HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\
         Content-Type: {NDJSON}\r\nContent-Length: {}\r\n\r\n",
        server.data,
        body.len()
    )
    .into_bytes();
    request.extend_from_slice(body);
    let answer = raw(&server.data, &request);
    assert_eq!(counters(&answer.json()), [json!(3), json!(2), json!(1)], "{answer:?}");
}

#[test]
fn what_the_head_decides_is_refused_before_the_body() {
    let folder = folder();
    let server = Server::start(folder.path());
    let refused = |fields: &[&str], path: &str| server.request("POST", path, fields, "[]");
    let path = "/v1/bulk/contacts.upsert";
    let answer = refused(&[], path);
    assert_eq!((answer.status, answer.code().as_str()), (415, "unsupported-media-type"));
    let answer = refused(&["Content-Type: text/plain"], path);
    assert_eq!((answer.status, answer.code().as_str()), (415, "unsupported-media-type"));
    let answer = refused(&["Content-Type: application/json"], "/v1/bulk/nobody");
    assert_eq!((answer.status, answer.code().as_str()), (404, "unknown-kind"));
    let answer = server.get(path);
    assert_eq!((answer.status, answer.field("Allow")), (405, Some("POST")));
    let text = format!(
        "POST {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n\
         Content-Length: 1073741824\r\n\r\n",
        server.data
    );
    let answer = raw(&server.data, text.as_bytes());
    assert_eq!((answer.status, answer.code().as_str()), (413, "payload-too-large"));
}

#[test]
fn an_email_that_comes_twice_in_a_body_is_written_twice() {
    let folder = folder();
    let server = Server::start(folder.path());
    let answer = post(&server, NDJSON, &"{\"email\":\"a@b.example\"}\n".repeat(5_000));
    assert_eq!(counters(&answer.json()), [json!(5_000), json!(5_000), json!(0)], "{answer:?}");
    assert_eq!(version(&server, "a@b.example"), 5_000);
}

#[test]
fn two_bodies_over_the_same_emails_lose_nothing() {
    let folder = folder();
    let server = Server::start(folder.path());
    let emails = |offset: usize| -> String {
        (0..3_000)
            .map(|n| format!("{{\"email\":\"n{}@b.example\"}}\n", (n + offset) % 3_000))
            .collect()
    };
    std::thread::scope(|scope| {
        for offset in [0, 1_000, 2_000] {
            let (server, body) = (&server, emails(offset));
            scope.spawn(move || {
                let answer = post(server, NDJSON, &body);
                assert_eq!(answer.json()["succeeded"], 3_000, "{answer:?}");
            });
        }
        for n in 0..200 {
            let body = format!("{{\"email\":\"n{}@b.example\"}}", n * 7);
            assert_eq!(server.post("/v1/tasks/contacts.upsert", &body).status, 200);
        }
    });
    for n in [0, 1, 700, 701, 1_393, 2_999] {
        let singles = u32::from(n % 7 == 0 && n / 7 < 200);
        assert_eq!(version(&server, &format!("n{n}@b.example")), json!(3 + singles), "n{n}");
    }
}
