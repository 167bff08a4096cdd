//! Incidents: entries of the state that are read page by page, and stay while they are open.

use crate::support::*;
use overtime_journal::Retention;
use overtime_protocol::record::Record;
use overtime_protocol::{
    Answer, Code, Epoch, Incident, IncidentFilter, IncidentId, Moment, Query, Subject, TaskIdMint,
    UnixMillis,
};

fn id(number: u64) -> IncidentId {
    IncidentId(TaskIdMint::new(Epoch(1), None).mint(UnixMillis((1 << 41) + number)))
}

fn incident(number: u64, closed_at: Option<u64>) -> Incident {
    Incident {
        id: id(number),
        about: Subject::Disk,
        title: format!("incident {number}"),
        opened_at: UnixMillis((1 << 41) + number),
        updated_at: UnixMillis((1 << 41) + number),
        closed_at: closed_at.map(UnixMillis),
        timeline: vec![Moment::new(UnixMillis(1), "it began")],
        left_out: 0,
        held: 0,
        oldest: None,
        held_most: 0,
        tenants: 0,
    }
}

fn kept(record: u64, incident: &Incident) -> Record {
    Record { puts: vec![incident.put()], ..plain(record) }
}

fn text(running: &Running, query: Query) -> String {
    match running.ask(query) {
        Answer::Value { content_type: "application/json", body } => {
            String::from_utf8(body.to_vec()).unwrap()
        }
        other => panic!("{other:?}"),
    }
}

fn page(
    running: &Running,
    limit: u32,
    after: Option<IncidentId>,
) -> (Vec<String>, Option<IncidentId>) {
    let text = text(running, Query::Incidents(IncidentFilter { limit, after }));
    let titles = text.split("\"title\":\"incident ").skip(1);
    let titles = titles.map(|rest| rest.split('"').next().unwrap().to_owned()).collect();
    let (_, next) = text.rsplit_once("\"next\":").unwrap();
    (titles, next.trim_matches(['"', '}']).parse().ok())
}

#[test]
fn pages_go_from_the_newest_to_the_oldest() {
    let root = tempfile::tempdir().unwrap();
    let running = Running::open(&small(root.path()));
    assert_eq!(page(&running, 10, None), (vec![], None));
    for number in [2, 0, 4, 1, 3] {
        running.append_all([kept(number + 1, &incident(number, None))]);
    }
    let (first, next) = page(&running, 2, None);
    assert_eq!((first, next), (vec!["4".to_owned(), "3".to_owned()], Some(id(3))));
    let (second, next) = page(&running, 3, next);
    assert_eq!((second, next), (vec!["2".to_owned(), "1".to_owned(), "0".to_owned()], None));
    running.close();
}

#[test]
fn one_is_shown_as_it_was_written_last_whether_or_not_the_archive_has_it() {
    let root = tempfile::tempdir().unwrap();
    let running = Running::open(&small(root.path()));
    let query = || Query::Incident(id(7));
    match running.ask(query()) {
        Answer::Problem(problem) => assert_eq!(problem.code, Code::UnknownIncident),
        other => panic!("{other:?}"),
    }
    running.append_all([kept(1, &incident(7, None))]);
    assert!(text(&running, query()).contains("\"state\":\"open\""));
    running.append_all([kept(2, &incident(7, Some(9)))]);
    let told = text(&running, query());
    assert!(told.contains("\"state\":\"closed\"") && told.contains("it began"), "{told}");
    running.close();
    let running = Running::open(&small(root.path()));
    assert_eq!(text(&running, query()), told);
    running.close();
}

#[test]
fn those_that_were_over_long_ago_go_and_open_ones_stay() {
    let root = tempfile::tempdir().unwrap();
    let mut options = small(root.path());
    let running = Running::open(&options);
    let old = |number, closed_at| {
        let opened_at = UnixMillis(1_000);
        Incident { opened_at, ..incident(number, closed_at) }
    };
    let all =
        [old(0, Some(2_000)), old(1, None), old(2, Some(1 << 42)), incident(3, Some(1 << 42))];
    for (record, incident) in (1..).zip(&all) {
        running.append_all([kept(record, incident)]);
    }
    assert_eq!(page(&running, 10, None).0, ["3", "2", "1", "0"]);
    running.close();
    options.retention.incidents = Retention::default().incidents;
    // A journal that has just started looks at once.
    let running = Running::open(&options);
    for record in 5.. {
        running.append_all([kept(record, &all[3])]);
        if page(&running, 10, None).0 == ["3", "2", "1"] {
            break;
        }
    }
    running.close();
}
