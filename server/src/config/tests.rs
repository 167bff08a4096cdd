//! Files and environments, good and bad, and what is said about them.

use super::*;

fn from_environment(environment: &[(&str, &str)]) -> Result<Config, String> {
    let mut config = Config::default();
    let lookup = |name: &str| {
        environment.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into())
    };
    config.apply_environment(lookup).map_err(|error| error.to_string())?;
    Ok(config)
}

/// Writes `text` to a file and says what is wrong with it.
fn complaint(text: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bad.toml");
    fs::write(&path, text).unwrap();
    let loaded = Config::load(&File::Named(path), |_| None);
    match loaded.and_then(|config| config.check()) {
        Ok(()) => panic!("nothing is wrong with {text}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn the_defaults_are_sound_and_written_as_they_are_read() {
    let config = Config::default();
    config.check().unwrap();
    assert_eq!(Config::from_toml("").unwrap(), config);
    assert_eq!(Config::from_toml(&config.to_toml()).unwrap(), config);
    let text = config.to_toml();
    for line in [
        "listen = \"127.0.0.1:7070\"",
        "data = \"./overtime-data\"",
        "insecure = false",
        "[workers]\nmin = 200\nmax = 1000",
        "[wait]\ndefault = \"10s\"\nmax = \"1m\"",
        "spin = \"0s\"",
        "short_slice = true",
        "body = \"64MiB\"",
        "segment = \"32MiB\"",
    ] {
        assert!(text.contains(line), "{line} is not in:\n{text}");
    }
}

#[test]
fn a_file_changes_what_it_names_and_nothing_else() {
    let text = "demo = true\n[wait]\nmax = \"2m\"\n[limits]\nbody = \"1MiB\"\n";
    let mut expected = Config { demo: true, ..Config::default() };
    expected.wait.max = Span::seconds(120);
    expected.limits.body = Size::mib(1);
    assert_eq!(Config::from_toml(text).unwrap(), expected);
}

#[test]
fn a_bad_file_is_refused_by_file_line_and_known_keys() {
    for (text, said) in [
        ("demo = true\nlisen = \"x\"", &["bad.toml", "line 2", "`lisen`", "`listen`"][..]),
        ("[wait]\ndefualt = \"1s\"", &["line 2", "`defualt`", "`default`", "`max`"]),
        ("[waits]\n", &["line 1", "`waits`", "`wait`", "`limits`"]),
        ("[wait]\nmax = \"60\"", &["line 2", "`60` is not a span of time", "250ms"]),
        ("[wait]\nmax = 60", &["line 2", "integer"]),
        ("[limits]\nbody = \"1MB\"", &["line 2", "`1MB` is not a size", "MiB"]),
        ("[kinds.a]\nretries = 1", &["line 2", "`retries`", "`attempts`", "`retry_first`"]),
        ("[workers]\nmin = -1", &["line 2"]),
        ("[workers]\nmin = \"8\"", &["line 2"]),
        ("listen = \"localhost\"", &["line 1", "listen", "address"]),
        ("demo = \"yes\"", &["line 1", "boolean"]),
        ("demo = true\ndemo = true", &["line 2", "duplicate"]),
        ("demo", &["line 1"]),
    ] {
        let complaint = complaint(text);
        for part in said {
            assert!(complaint.contains(part), "`{part}` is not said of {text}:\n{complaint}");
        }
    }
}

#[test]
fn settings_that_contradict_each_other_are_refused_by_name() {
    for (text, said) in [
        ("[wait]\ndefault = \"2m\"", "wait.default is 2m; it must not be above wait.max, 1m"),
        ("[wait]\nmax = \"48h\"", "wait.max is 2d; it must be from 0s to 1d"),
        ("[core]\nspin = \"2ms\"", "core.spin is 2ms; it must not be above core.turn_budget, 1ms"),
        ("[core]\nturn_budget = \"0s\"", "core.turn_budget is 0s"),
        ("[workers]\nmin = 0", "workers.min is 0; it must be from 1 to 10000"),
        ("[workers]\nmin = 2000", "workers.min is 2000; it must not be above workers.max, 1000"),
        ("[workers]\nmax = 20000", "workers.max is 20000; it must be from 1 to 10000"),
        ("[admission]\ndelay = \"0s\"", "admission.delay is 0s; it must be from 1ms to 1d"),
        ("[limits]\nbody = \"2GiB\"", "limits.body is 2GiB; it must be from 0B to 1GiB"),
        ("[limits]\npayload_memory = \"4MiB\"", "must not be above limits.payload_memory, 4MiB"),
        ("[limits]\nhead = \"4KiB\"", "limits.target is 8KiB; it must not be above limits.head"),
        ("[limits]\nhead = \"64KiB\"", "limits.head is 64KiB"),
        ("[limits]\nfields = 129", "limits.fields is 129"),
        ("[timeouts]\nidle = \"0s\"", "timeouts.idle is 0s"),
        ("[journal]\nsegment = \"16MiB\"", "journal.segment is 16MiB; it must be from 21MiB"),
        ("[journal]\nlog_max = \"64MiB\"", "three times journal.segment is 96MiB"),
        ("[journal]\nreaders = 0", "journal.readers is 0"),
        ("[kinds.a]\nattempts = 0", "kinds.a.attempts is 0; it must be from 1 to 10000"),
        ("[kinds.a]\nretention = \"1h\"", "retention.keys is 1d; it must not be above kinds.a.ret"),
        ("[kinds.a]\nretry_first = \"0s\"", "kinds.a.retry_first is 0s; it must be from 1ms"),
        ("data = \"\"", "data must name a folder, in UTF-8"),
        ("admin = \"127.0.0.1:7070\"", "listen and admin are both 127.0.0.1:7070"),
        ("admin = \"192.0.2.1:7071\"", "admin is 192.0.2.1:7071, where other machines"),
        ("listen = \"[::]:7070\"", "listen is [::]:7070, where other machines"),
    ] {
        let complaint = complaint(text);
        assert!(complaint.contains(said), "`{said}` is not said of {text}:\n{complaint}");
    }
}

#[test]
fn all_contradictions_are_told_at_once() {
    let complaint = complaint("[workers]\nmin = 0\n[journal]\nreaders = 0");
    assert_eq!(complaint.lines().count(), 2, "{complaint}");
}

#[test]
fn loopback_is_loopback_in_every_spelling_and_the_rest_takes_a_word() {
    for address in ["127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "[::ffff:127.0.0.1]:1"] {
        let config = Config { listen: address.parse().unwrap(), ..Config::default() };
        assert!(config.check().is_ok(), "{address}");
    }
    for address in ["0.0.0.0:1", "192.0.2.1:1", "[::]:1", "[::ffff:192.0.2.1]:1"] {
        let config = Config { listen: address.parse().unwrap(), ..Config::default() };
        assert!(config.check().is_err(), "{address}");
        assert!(Config { insecure: true, ..config }.check().is_ok(), "{address}");
    }
    let exposed = Config { listen: "0.0.0.0:1".parse().unwrap(), ..Config::default() };
    assert!(exposed.check_exposure(true).is_ok() && exposed.check_exposure(false).is_err());
    let exposed = Config { admin: "0.0.0.0:1".parse().unwrap(), ..Config::default() };
    assert!(exposed.check_exposure(true).is_err());
    let any = "127.0.0.1:0".parse().unwrap();
    assert!(Config { listen: any, admin: any, ..Config::default() }.check().is_ok());
}

#[test]
fn the_environment_is_read_by_type() {
    let config = from_environment(&[
        ("OVERTIME_LISTEN", "[::1]:80"),
        ("OVERTIME_DATA", "/data"),
        ("OVERTIME_DEMO", "1"),
        ("OVERTIME_WAIT_MAX", "5m"),
        ("OVERTIME_TIMEOUTS_BODY_PROGRESS", "3s"),
        ("OVERTIME_LIMITS_PAYLOAD_MEMORY", "1GiB"),
        ("OVERTIME_JOURNAL_READERS", "4"),
        ("OVERTIME_PORT", "tcp://10.0.0.1:7070"),
    ])
    .unwrap();
    let mut expected = Config { demo: true, data: "/data".into(), ..Config::default() };
    expected.listen = "[::1]:80".parse().unwrap();
    expected.wait.max = Span::seconds(300);
    expected.timeouts.body_progress = Span::seconds(3);
    expected.limits.payload_memory = Size::mib(1024);
    expected.journal.readers = 4;
    assert_eq!(config, expected);
}

#[test]
fn a_bad_value_in_the_environment_is_refused_by_name() {
    for (name, value, said) in [
        ("OVERTIME_LISTEN", "7070", "address and port"),
        ("OVERTIME_DEMO", "yes", "neither true nor false"),
        ("OVERTIME_WORKERS", "many", "not a number of workers"),
        ("OVERTIME_WAIT_MAX", "60", "not a span of time"),
        ("OVERTIME_LIMITS_BODY", "", "not a size"),
    ] {
        let complaint = from_environment(&[(name, value)]).unwrap_err();
        assert!(complaint.starts_with(&format!("{name}: ")), "{complaint}");
        assert!(complaint.contains(said), "{complaint}");
    }
}

#[test]
fn workers_are_told_exactly_or_as_a_range() {
    let workers = |text: &str| Config::from_toml(text).unwrap().workers;
    assert_eq!(workers("[workers]\ncount = 8"), Workers { min: 8, max: 8 });
    assert_eq!(workers("[workers]\nmin = 8"), Workers { min: 8, max: 1_000 });
    assert_eq!(workers("[workers]\nmax = 300"), Workers { min: 200, max: 300 });
    for (text, said) in [
        ("[workers]\ncount = 8\nmax = 9", "say it alone"),
        ("[workers]\ncuont = 8", "`cuont`"),
        ("[workers]\ncount = 0", "workers.min is 0"),
    ] {
        let complaint = complaint(text);
        assert!(complaint.contains(said), "{complaint}");
    }
}

#[test]
fn the_short_name_of_the_workers_gives_way_to_the_long_ones() {
    let workers = |environment| from_environment(environment).unwrap().workers;
    assert_eq!(workers(&[("OVERTIME_WORKERS", "3")]), Workers { min: 3, max: 3 });
    assert_eq!(workers(&[("OVERTIME_WORKERS", "3..5")]), Workers { min: 3, max: 5 });
    let both = [("OVERTIME_WORKERS", "3"), ("OVERTIME_WORKERS_COUNT", "4")];
    assert_eq!(workers(&both), Workers { min: 4, max: 4 });
    let both = [("OVERTIME_WORKERS", "3"), ("OVERTIME_WORKERS_MAX", "4")];
    assert_eq!(workers(&both), Workers { min: 3, max: 4 });
}

#[test]
fn a_named_file_must_be_there() {
    let error = Config::load(&File::Named("/no/such/file.toml".into()), |_| None).unwrap_err();
    assert!(error.to_string().starts_with("/no/such/file.toml cannot be read"), "{error}");
}

/// What is printed of a configuration may stand in a log before anybody has checked it.
#[test]
fn no_address_is_printed_whole() {
    let text = "[upstreams.a]\nurl = \"https://me:sesame@a.example:8443/opensesame?key=sesame\"\n\
                [webhooks.b]\nurl = \"https://hooks.example/T0/sesame\"\n\
                [kinds.c]\nupstream = \"a\"\npath = \"/pay?key=sesame\"\n";
    let config = Config::from_toml(text).unwrap();
    let printed = format!("{config:?}");
    assert!(!printed.contains("sesame"), "{printed}");
    for shown in ["https://…@a.example:8443/…", "https://hooks.example/…", "/pay?…"] {
        assert!(printed.contains(shown), "{shown} is not in {printed}");
    }
    let complaint = config.routes(|_| None, &[]).map(drop).unwrap_err();
    assert!(!format!("{complaint:?}").contains("sesame"), "{complaint}");
}
