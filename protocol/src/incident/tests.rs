//! Incidents as bytes, as documents, and in their order.

use super::*;
use crate::id::{Epoch, TaskIdMint};
use crate::record::Put;

fn id(at: u64) -> IncidentId {
    IncidentId(TaskIdMint::new(Epoch(3), None).mint(UnixMillis(at)))
}

fn incident() -> Incident {
    Incident {
        id: id(1_800_000_000_000),
        about: Subject::Upstream(UpstreamName::new("billing").unwrap()),
        title: "billing is not called".into(),
        opened_at: UnixMillis(1_800_000_000_000),
        updated_at: UnixMillis(1_800_000_010_000),
        closed_at: None,
        timeline: vec![Moment::new(UnixMillis(1_800_000_000_000), "all \"calls\" are slow")],
        left_out: 2,
        held: 3,
        oldest: Some(UnixMillis(1_799_999_910_000)),
        held_most: 9,
        tenants: 4,
    }
}

#[test]
fn an_incident_is_read_as_it_was_written() {
    let open = incident();
    let closed = Incident {
        closed_at: Some(UnixMillis(7)),
        about: Subject::Disk,
        oldest: None,
        ..incident()
    };
    for incident in [open, closed] {
        let Put { key, value: Some(value), .. } = incident.put() else { panic!() };
        assert_eq!(key, incident_key(incident.id));
        assert_eq!(Incident::read(&key, &value), Some(incident));
        for end in 0..value.len() {
            assert_eq!(Incident::read(&key, &value[..end]), None);
        }
        assert_eq!(Incident::read(b"contacts/a", &value), None);
        assert_eq!(Incident::read(&key, &[&value[..], b"x"].concat()), None);
    }
}

#[test]
fn subjects_are_read_as_they_are_written() {
    let (upstream, kind) = (UpstreamName::new("a.b").unwrap(), KindName::new("call").unwrap());
    let all = [
        Subject::Upstream(upstream),
        Subject::Core,
        Subject::Disk,
        Subject::Memory,
        Subject::Journal,
        Subject::Kind(kind),
        Subject::Local,
    ];
    for subject in all {
        assert_eq!(Subject::read(&subject.to_string()), Some(subject));
    }
    for text in ["", "disc", "upstream:", "kind:A", "core:x", "upstream"] {
        assert_eq!(Subject::read(text), None, "{text}");
    }
}

#[test]
fn keys_stand_in_the_order_of_time() {
    let (early, late) = (id(1_800_000_000_000), id(1_800_000_000_001));
    assert!(incident_key(early) < incident_key(late));
    let before = incidents_before(Some(late));
    assert!(before.contains(&incident_key(early)) && !before.contains(&incident_key(late)));
    let all = incidents_before(None);
    assert!(all.contains(&incident_key(early)) && all.contains(&incident_key(late)));
    assert!(!all.contains(&open_incidents_key()));
}

#[test]
fn the_list_of_open_ones_is_read_as_it_was_written() {
    for open in
        [vec![], vec![id(1_800_000_000_000)], vec![id(1_800_000_000_000), id(2_000_000_000_000)]]
    {
        let put = keep_open_incidents(&open);
        assert_eq!(put.key, open_incidents_key());
        assert_eq!(read_open_incidents(&put.value.unwrap()), Some(open));
    }
    assert_eq!(read_open_incidents(b""), None);
    assert_eq!(read_open_incidents(b"\x05"), None);
}

#[test]
fn documents_tell_the_state_and_a_list_tells_no_story() {
    let mut out = Vec::new();
    incident().write_json(UnixMillis(1_800_000_005_999), &mut out);
    let text = String::from_utf8(out).unwrap();
    let head = format!(
        r#"{{"id":"{}","about":"upstream:billing","title":"billing is not called","state":"open","#,
        incident().id
    );
    assert!(text.starts_with(&head), "{text}");
    let rest = concat!(
        r#""opened_at":"2027-01-15T08:00:00.000Z","updated_at":"2027-01-15T08:00:10.000Z","#,
        r#""closed_at":null,"held":{"now":3,"most":9,"#,
        r#""oldest_accepted_at":"2027-01-15T07:58:30.000Z","oldest_seconds":95},"#,
        r#""tenants_affected":4,"#,
        r#""timeline":[{"at":"2027-01-15T08:00:00.000Z","text":"all \"calls\" are slow"}],"#,
        r#""entries_left_out":2}"#,
    );
    assert_eq!(&text[head.len()..], rest);
    let mut line = Vec::new();
    let closed = Incident { closed_at: Some(UnixMillis(0)), oldest: None, ..incident() };
    closed.write_line(UnixMillis(1_800_000_005_999), &mut line);
    let line = String::from_utf8(line).unwrap();
    assert!(line.contains(r#""oldest_accepted_at":null,"oldest_seconds":null}"#), "{line}");
    assert!(line.contains(r#""state":"closed""#) && !line.contains("timeline"), "{line}");
}

#[test]
fn a_notice_is_an_event_of_standard_webhooks() {
    let mut out = Vec::new();
    incident().write_notice(IncidentNews::Closed, UnixMillis(1_800_000_000_000), &mut out);
    let text = String::from_utf8(out).unwrap();
    let head = r#"{"type":"incident.closed","timestamp":"2027-01-15T08:00:00.000Z","data":{"id":"#;
    assert!(text.starts_with(head) && text.contains(r#""oldest_seconds":90}"#), "{text}");
    assert!(text.ends_with(r#","text":"all \"calls\" are slow"}}"#), "{text}");
}
