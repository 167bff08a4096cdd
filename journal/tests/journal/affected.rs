//! Who was hurt: entries of the state that are summed up by tenant.

use crate::support::*;
use overtime_protocol::record::{Put, ReadMark, Record};
use overtime_protocol::{
    AffectedFilter, Answer, Epoch, Hurt, HurtEntry, Query, UnixMillis, hurt_key, hurt_value,
};

fn noted(number: u64, tenant: &str, (since, until): (u64, u64), hurt: Hurt) -> Record {
    let entry = HurtEntry { since: UnixMillis(since), until: UnixMillis(until), hurt };
    let put = Put {
        key: hurt_key(tenant, entry.until, Epoch(1)),
        value: Some(hurt_value(&entry)),
        read: ReadMark::At { lsn: 0, watermark: 0 },
    };
    Record { puts: vec![put], ..plain(number) }
}

fn hurt(delayed: u64, refused: u64, failed: u64) -> Hurt {
    Hurt { delayed, refused, failed }
}

fn ask(running: &Running, filter: AffectedFilter) -> String {
    match running.ask(Query::Affected(Box::new(filter))) {
        Answer::Value { content_type: "application/json", body } => {
            String::from_utf8(body.to_vec()).unwrap()
        }
        other => panic!("{other:?}"),
    }
}

fn span(from: u64, to: u64) -> AffectedFilter {
    let (from, to) = (Some(UnixMillis(from)), Some(UnixMillis(to)));
    AffectedFilter { from, to, limit: 100, after: None }
}

fn tenants(text: &str) -> Vec<&str> {
    text.split("{\"tenant\":\"")
        .skip(1)
        .map(|rest| rest.split(",\"first").next().unwrap())
        .collect()
}

fn entries() -> [Record; 4] {
    [
        noted(1, "b", (1_000, 2_000), hurt(1, 2, 3)),
        noted(2, "b", (2_000, 3_000), hurt(10, 20, 30)),
        noted(3, "a", (2_500, 3_500), hurt(0, 7, 0)),
        noted(4, "c", (9_000, 9_500), hurt(0, 0, 1)),
    ]
}

#[test]
fn what_happened_in_a_span_is_summed_up_by_tenant() {
    let root = tempfile::tempdir().unwrap();
    let running = Running::open(&small(root.path()));
    running.append_all(entries());
    for (asked, expected) in [
        (span(0, 5_000), vec!["a 0 7 0", "b 11 22 33"]),
        (span(2_000, 5_000), vec!["a 0 7 0", "b 10 20 30"]),
        (span(1_999, 2_000), vec!["b 1 2 3"]),
        (span(3_000, 3_001), vec!["a 0 7 0"]),
        (span(9_500, 20_000), vec![]),
        (span(0, 20_000), vec!["a 0 7 0", "b 11 22 33", "c 0 0 1"]),
    ] {
        let text = ask(&running, asked.clone());
        let expected: Vec<String> = expected.iter().map(|line| told(line)).collect();
        assert_eq!(tenants(&text), expected, "{asked:?}: {text}");
        assert!(text.ends_with("\"next\":null}"), "{text}");
    }
    running.close();
}

/// A line as the document has it.
fn told(line: &str) -> String {
    let [tenant, delayed, refused, failed] = *line.split(' ').collect::<Vec<_>>() else { panic!() };
    format!("{tenant}\",\"delayed\":{delayed},\"refused\":{refused},\"failed\":{failed},\"x")
        .replace(",\"x", "")
}

#[test]
fn a_page_ends_at_a_tenant_and_the_next_one_goes_on_behind() {
    let root = tempfile::tempdir().unwrap();
    let running = Running::open(&small(root.path()));
    running.append_all(entries());
    let (mut after, mut seen) = (None, Vec::new());
    loop {
        let text = ask(&running, AffectedFilter { limit: 1, after, ..span(0, 20_000) });
        seen.extend(tenants(&text).iter().map(|line| line[..1].to_owned()));
        let (_, next) = text.rsplit_once("\"next\":").unwrap();
        if next == "null}" {
            break;
        }
        after = Some(next.trim_matches(['"', '}']).to_owned());
    }
    assert_eq!(seen, ["a", "b", "c"]);
    running.close();
}

#[test]
fn entries_outlive_their_process_and_go_when_their_time_is_over() {
    let root = tempfile::tempdir().unwrap();
    let running = Running::open(&small(root.path()));
    running.append_all(entries());
    running.close();
    let running = Running::open(&small(root.path()));
    assert_eq!(tenants(&ask(&running, span(0, 20_000))).len(), 3);
    running.close();
    let mut options = small(root.path());
    options.retention.affected = std::time::Duration::from_secs(60);
    let running = Running::open(&options);
    // Readers look again when the archive has something new.
    for number in 5.. {
        let at = (1 << 50) + number;
        running.append_all([noted(number, "d", (at, at), hurt(1, 1, 1))]);
        if tenants(&ask(&running, span(0, u64::MAX >> 1))).len() == 1 {
            break;
        }
    }
    running.close();
}
