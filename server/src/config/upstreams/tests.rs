//! Upstreams and the kinds that they serve: what is read, and what is said of each mistake.

use super::super::Config;
use overtime_protocol::{GateMode, Lane, Upstream, UpstreamId, UpstreamName};
use std::ffi::OsString;
use std::fs;
use std::time::Duration;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn environment(name: &str) -> Option<OsString> {
    match name {
        "TOKEN" => Some("sesame".into()),
        "SECRET" => Some(SECRET.into()),
        "EMPTY" => Some(" \n".into()),
        "SPACED" => Some("ses ame".into()),
        "LINES" => Some("ses\r\name".into()),
        _ => None,
    }
}

const FULL: &str = r#"
[upstreams.billing]
url = "https://api.example.com/v1"
bearer_env = "TOKEN"
secret_env = "SECRET"
timeout = "20s"
connect_timeout = "2s"
concurrency = 50
slow = "1s"
answer_max = "1MiB"
mode = "observe"
[upstreams.away]
url = "http://localhost:9000"
private = true
mode = "off"
[kinds."invoice.send"]
attempts = 3
upstream = "billing"
path = "/invoices?x=1"
timeout = "10s"
parallel = 4
lane = "background"
[kinds."invoice.send".statuses]
404 = "retry"
409 = "done"
410 = "fail"
500 = "park"
[kinds.ping]
upstream = "away"
"#;

#[test]
fn what_is_said_is_what_is_served() {
    let config = Config::from_toml(FULL).unwrap();
    config.check().unwrap();
    let upstream = |name, mode, calls_max, slow| Upstream {
        name: UpstreamName::new(name).unwrap(),
        mode,
        calls_max,
        slow: Duration::from_secs(slow),
    };
    assert_eq!(
        config.upstreams(),
        [upstream("away", GateMode::Off, 0, 3), upstream("billing", GateMode::Observe, 50, 1)]
    );
    let kinds: Vec<_> =
        config.routes(environment, &[]).unwrap().iter().map(|handler| handler.kind()).collect();
    let told: Vec<_> =
        kinds.iter().map(|kind| (kind.name.as_str(), kind.lane, kind.upstream)).collect();
    assert_eq!(
        told,
        [
            ("invoice.send", Lane::Background, Some(UpstreamId(1))),
            ("ping", Lane::Interactive, Some(UpstreamId(0))),
        ]
    );
    let written = config.to_toml();
    assert_eq!(Config::from_toml(&written).unwrap(), config, "{written}");
    assert!(!written.contains("sesame") && !written.contains(SECRET));
}

/// What is said of `text`, when it is read, checked or put to use.
fn complaint(text: &str) -> String {
    let config = match Config::from_toml(text) {
        Ok(config) => config,
        Err(error) => return error.to_string(),
    };
    let used = config.check().and_then(|()| config.routes(environment, &[]).map(drop));
    match used {
        Ok(()) => panic!("nothing is wrong with {text}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn every_mistake_is_told_by_name() {
    let a = "[upstreams.a]\nurl = \"http://a\"\n";
    for (text, said) in [
        ("[upstreams.a]\n", "missing field `url`"),
        ("[upstreams.a]\nurl = \"http://a\"\nulr = 1\n", "unknown field `ulr`"),
        ("[upstreams.\"A b\"]\nurl = \"http://a\"\n", "upstreams.A b: a name is of"),
        ("[upstreams.a]\nurl = \"a.example\"\n", "upstreams.a.url: it must begin with https"),
        ("[upstreams.a]\nurl = \"ftp://a\"\n", "upstreams.a.url: it must begin with https"),
        (
            "[upstreams.a]\nurl = \"http://me:sesame@a\"\n",
            "upstreams.a.url: it must not hold a user",
        ),
        (
            "[upstreams.a]\nurl = \"http://127.1\"\n",
            "upstreams.a.url: its host is an address in an",
        ),
        (&format!("{a}mode = \"on\"\n"), "`shed`"),
        (&format!("{a}timeout = \"0s\"\n"), "upstreams.a.timeout is 0s"),
        (&format!("{a}connect_timeout = \"2d\"\n"), "upstreams.a.connect_timeout is 2d"),
        (&format!("{a}slow = \"0s\"\n"), "upstreams.a.slow is 0s"),
        (&format!("{a}concurrency = 10001\n"), "upstreams.a.concurrency is 10001"),
        (&format!("{a}answer_max = \"17MiB\"\n"), "upstreams.a.answer_max is 17MiB"),
        (&format!("{a}bearer_env = \"NONE\"\n"), "upstreams.a.bearer_env: NONE is not in the env"),
        (&format!("{a}bearer_env = \"EMPTY\"\n"), "upstreams.a.bearer_env: it is empty"),
        (
            &format!("{a}bearer_env = \"SPACED\"\n"),
            "upstreams.a.bearer_env: what is there is no tok",
        ),
        (
            &format!("{a}bearer_env = \"LINES\"\n"),
            "upstreams.a.bearer_env: what is there is no tok",
        ),
        (&format!("{a}bearer_file = \"no/such\"\n"), "upstreams.a.bearer_file: no/such cannot be"),
        (
            &format!("{a}secret_env = \"TOKEN\"\n"),
            "upstreams.a.secret_env: what is there is no sec",
        ),
        (&format!("{a}secret_env = \"SECRET\"\nsecret_file = \"x\"\n"), "are both there: use one"),
        ("[kinds.x]\nupstream = \"b\"\n", "kinds.x.upstream: there is no upstream `b`, nor any"),
        (&format!("{a}[kinds.x]\nupstream = \"b\"\n"), "there is no upstream `b`; there are a"),
        (&format!("{a}[kinds.X]\nupstream = \"a\"\n"), "kinds.X.upstream: the kind's name is not"),
        (&format!("{a}[kinds.x]\nupstream = \"a\"\npath = \"x\"\n"), "kinds.x.path: it must begin"),
        (&format!("{a}[kinds.x]\nupstream = \"a\"\ntimeout = \"0s\"\n"), "kinds.x.timeout is 0s"),
        (&format!("{a}[kinds.x]\nupstream = \"a\"\nparallel = 0\n"), "kinds.x.parallel is 0"),
        (&format!("{a}[kinds.x]\nupstream = \"a\"\nlane = \"control\"\n"), "`interactive`"),
        (&format!("{a}[kinds.x]\nupstream = \"a\"\nstatuses = {{ 404 = \"no\" }}\n"), "`retry`"),
        (
            &format!("{a}[kinds.x]\nupstream = \"a\"\nstatuses = {{ 100 = \"done\" }}\n"),
            "statuses.100",
        ),
        (
            &format!("{a}[kinds.x]\nupstream = \"a\"\nstatuses = {{ 0404 = \"done\" }}\n"),
            "statuses.04",
        ),
        ("[kinds.x]\npath = \"/x\"\n", "kinds.x.path is only for kinds that an upstream serves"),
        ("[kinds.x]\nstatuses = { 404 = \"done\" }\n", "kinds.x.statuses is only for kinds"),
    ] {
        let complaint = complaint(text);
        assert!(complaint.contains(said), "`{said}` is not said of {text}:\n{complaint}");
        assert!(!complaint.contains("ame@") && !complaint.contains("sesame\n"), "{complaint}");
    }
}

#[test]
fn a_secret_may_stand_in_a_file_with_a_line_end() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    fs::write(&file, "sesame\r\n").unwrap();
    let text = format!(
        "[upstreams.a]\nurl = \"http://a\"\nbearer_file = {:?}\n[kinds.x]\nupstream = \"a\"\n",
        file.to_str().unwrap()
    );
    assert_eq!(Config::from_toml(&text).unwrap().routes(environment, &[]).unwrap().len(), 1);
    fs::write(&file, [0xff, 0xfe]).unwrap();
    assert!(complaint(&text).contains("upstreams.a.bearer_file: "));
}
