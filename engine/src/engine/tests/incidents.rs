//! Incidents from their first sign to their end, and what whoever has a webhook is told of them.

use super::harness::{Stage, kinds, setup};
use crate::engine::kept::KEPT_TICKET;
use crate::engine::{Engine, Setup};
use crate::event::{Effect, Event};
use crate::limits::Limits;
use overtime_protocol::{
    Append, Aside, Fate, Incident, Kind, Lane, Opener, Subject, TaskId, Verdict,
    open_incidents_key, read_open_incidents,
};
use std::sync::OnceLock;
use std::time::Duration;

/// A server whose incidents are followed.
struct Watch {
    stage: Stage,
    /// As each was kept, in that order.
    kept: Vec<Incident>,
    /// Which are open, as was kept last.
    open: Vec<TaskId>,
    /// What was accepted of the server's own tasks: the kind, and what it is given.
    told: Vec<(String, String)>,
}

impl Watch {
    fn new(setup: Setup) -> Self {
        Self {
            stage: Stage::new(Engine::new(setup)),
            kept: Vec::new(),
            open: Vec::new(),
            told: Vec::new(),
        }
    }

    /// Plays a line; whatever is to be kept is on disk behind it.
    fn play(&mut self, line: &str) {
        self.stage.play(line);
        self.note();
        for _ in 0..10 {
            let mut text = String::new();
            self.stage.describe(&mut text);
            self.stage.play("durable");
            if self.stage.out.is_empty() {
                return;
            }
            self.note();
        }
    }

    fn note(&mut self) {
        for effect in &self.stage.out {
            let Effect::Append(Append { ticket, record, .. }) = effect else { continue };
            if let Some(accepted) = record.acceptance.as_ref()
                && &*accepted.tenant == "(server)"
            {
                let bytes = opener().open(&accepted.payload).unwrap().concat();
                let text = String::from_utf8(bytes).unwrap();
                self.told.push((accepted.kind.to_string(), text));
            }
            for put in record.puts.iter().filter(|_| *ticket == KEPT_TICKET) {
                let value = put.value.as_ref().unwrap();
                self.kept.extend(Incident::read(&put.key, value));
                if put.key == open_incidents_key() {
                    let open = read_open_incidents(value).unwrap();
                    self.open = open.into_iter().map(|id| id.0).collect();
                }
            }
        }
    }

    fn latest(&self) -> &Incident {
        self.kept.last().expect("an incident was kept")
    }

    /// What happened in the course of the latest, from its beginning.
    fn story(&self) -> Vec<&str> {
        self.latest().timeline.iter().map(|moment| &*moment.text).collect()
    }

    /// The types of what was told.
    fn types(&self) -> Vec<&str> {
        self.told.iter().filter_map(|(_, text)| text.split('"').nth(3)).collect()
    }
}

/// The process's one token that opens payloads: to see what whoever has a webhook is told.
#[expect(clippy::disallowed_methods, reason = "it opens what the engine itself has written")]
fn opener() -> &'static Opener {
    static OPENER: OnceLock<Opener> = OnceLock::new();
    OPENER.get_or_init(|| Opener::mint().expect("nothing else in this process mints it"))
}

fn webhook(name: &str) -> Kind {
    let kind = Kind::durable(&format!("overtime.webhook.{name}")).acting_outside();
    Kind { lane: Lane::Background, ..kind }
}

fn plain() -> Setup {
    setup(8, Limits::default(), 7)
}

fn with_webhooks(names: &[&str]) -> Setup {
    let kinds = kinds().into_iter().chain(names.iter().map(|name| webhook(name))).collect();
    Setup { kinds, ..plain() }
}

#[test]
fn an_upstream_that_is_held_is_an_incident_until_all_its_tasks_go_out_again() {
    let mut watch = Watch::new(plain());
    for line in ["submit x pay", "submit y pay", "submit z pay tenant=late"] {
        watch.play(line);
    }
    watch.play("hold op bank");
    assert_eq!((watch.latest().held, watch.latest().tenants), (1, 1), "it waits for a place");
    watch.play("cancel x z");
    watch.play("done x");
    watch.play("done y");
    assert_eq!(watch.latest().about.to_string(), "upstream:bank");
    assert_eq!(watch.latest().title, "The upstream bank is held");
    assert_eq!(watch.open, [watch.latest().id.0]);
    watch.play("submit a pay wait=0s tenant=acme");
    watch.play("submit b pay wait=0s tenant=acme");
    watch.play("submit c pay wait=0s tenant=other");
    watch.play("+10s");
    let Incident { held, held_most, tenants, closed_at, .. } = *watch.latest();
    assert_eq!((held, held_most, tenants, closed_at), (3, 3, 3, None));
    let count = watch.kept.len();
    watch.play("+10s");
    assert_eq!(watch.kept.len(), count, "nothing has changed");
    watch.play("cancel x c");
    watch.play("release op bank");
    assert!(watch.latest().closed_at.is_none(), "they go out step by step");
    for _ in 0..20 {
        watch.play("+1s");
    }
    let Incident { held, held_most, tenants, closed_at, .. } = *watch.latest();
    assert_eq!((held, held_most, tenants), (0, 3, 3));
    assert_eq!(closed_at, Some(watch.latest().updated_at));
    assert!(watch.open.is_empty());
    let story = watch.story();
    assert_eq!(story.len(), 3, "{story:?}");
    assert_eq!(
        (watch.stage.engine.stats().incidents_open, watch.kept[0].id),
        (0, watch.latest().id)
    );
    assert_eq!(watch.stage.engine.stats().incidents_opened, 1);
}

/// Lines are in the order of turns: the one that was accepted first may stand anywhere in them.
#[test]
fn the_oldest_of_those_that_wait_is_told_by_its_acceptance() {
    let mut watch = Watch::new(plain());
    for line in ["submit x pay", "submit y pay", "+5s"] {
        watch.play(line);
    }
    let first = watch.stage.now.unix;
    watch.play("submit a pay delay=3s wait=0s");
    watch.play("+1s");
    let second = watch.stage.now.unix;
    watch.play("submit b pay wait=0s tenant=acme");
    watch.play("hold op bank");
    assert_eq!((watch.latest().held, watch.latest().oldest), (1, Some(second)));
    watch.play("+10s");
    assert_eq!((watch.latest().held, watch.latest().oldest), (2, Some(first)), "it was delayed");
    watch.play("cancel op a");
    watch.play("+10s");
    assert_eq!((watch.latest().held, watch.latest().oldest), (1, Some(second)));
    watch.play("cancel op b");
    watch.play("+10s");
    assert_eq!((watch.latest().held, watch.latest().oldest), (0, None));
}

#[test]
fn who_insists_on_an_answer_is_told_of_which_incident_that_is_a_part() {
    let mut watch = Watch::new(plain());
    watch.stage.play("hold op bank");
    assert_eq!(watch.stage.engine.incident_about(overtime_protocol::UpstreamId(0)), None);
    watch.play("durable");
    let known = watch.stage.engine.incident_about(overtime_protocol::UpstreamId(0));
    assert_eq!(known, Some(watch.latest().id), "as soon as it is on disk");
    watch.stage.play("submit s pay wait=10s strict");
    let replied = watch.stage.out.iter().find_map(|effect| match effect {
        Effect::Reply { answer: overtime_protocol::Answer::Problem(problem), .. } => {
            problem.aside.as_deref().cloned()
        }
        _ => None,
    });
    assert_eq!(replied, Some(Aside::Incident(watch.latest().id)));
}

#[test]
fn the_disk_and_the_memory_have_one_incident_each_however_often_it_is_told() {
    let mut watch = Watch::new(plain());
    for line in ["space low", "space low echo", "pressure alarm", "pressure full", "pressure full"]
    {
        watch.play(line);
    }
    let opened: Vec<&Subject> = watch.kept.iter().map(|incident| &incident.about).collect();
    assert_eq!(opened, [&Subject::Disk, &Subject::Memory]);
    assert_eq!(watch.open.len(), 2);
    for line in ["pressure alarm", "pressure fine", "space"] {
        watch.play(line);
    }
    assert!(watch.open.is_empty());
    assert_eq!(watch.latest().about, Subject::Disk);
    watch.play("space low");
    assert_ne!(watch.latest().id, watch.kept[0].id, "it has begun again");
}

#[test]
fn turns_and_a_journal_that_take_too_long_are_told_once_that_lasts() {
    let mut watch = Watch::new(plain());
    let mut pass = |turns: u32, span| {
        for _ in 0..turns {
            (0..10).for_each(|_| watch.stage.engine.note_turn(span));
            watch.play("+100ms");
        }
        watch.kept.iter().map(|incident| incident.closed_at.is_some()).collect::<Vec<bool>>()
    };
    let (long, short) = (Duration::from_millis(11), Duration::from_millis(1));
    assert!(pass(19, long).is_empty());
    assert_eq!(pass(1, long), [false]);
    assert_eq!(pass(10, short), [false], "it may come back");
    assert_eq!(pass(20, short), [false, true]);
    assert_eq!(watch.latest().about, Subject::Core);
}

#[test]
fn a_kind_whose_attempts_fail_more_often_is_told_with_those_whose_they_are() {
    let mut watch = Watch::new(plain());
    let mut number = 0;
    let mut pass = |watch: &mut Watch, minutes: u32, end: &str| {
        for _ in 0..minutes * 30 {
            number += 1;
            let tenant = number % 3;
            watch.play(&format!("+2s submit t{number} call tenant=t{tenant} wait=1s"));
            watch.play(&format!("{end} t{number}"));
        }
    };
    pass(&mut watch, 20, "done");
    assert!(watch.kept.is_empty());
    pass(&mut watch, 5, "fail");
    let first = watch.kept[0].clone();
    assert_eq!(first.about.to_string(), "kind:call");
    assert!(first.timeline[0].text.contains("fail more often"), "{first:?}");
    assert_eq!(watch.latest().tenants, 3, "{:?}", watch.latest());
    pass(&mut watch, 10, "done");
    assert!(watch.kept.iter().any(|incident| incident.closed_at.is_some()));
}

#[test]
fn a_long_story_of_a_full_disk_is_kept_when_there_is_room() {
    let mut watch = Watch::new(plain());
    watch.stage.play("space low");
    watch.stage.out.clear();
    watch.stage.event(Event::Judged(Verdict { ticket: KEPT_TICKET, fate: Fate::DiskFull }));
    watch.stage.play("space");
    assert!(watch.stage.out.is_empty(), "it is not tried again at once");
    watch.play("+1s");
    assert_eq!(watch.kept.len(), 1, "only as it is now");
    assert!(watch.latest().closed_at.is_some() && watch.open.is_empty());
}

#[test]
fn the_next_process_goes_on_with_what_is_open_and_ends_what_it_sees_no_sign_of() {
    let mut first = Watch::new(plain());
    for line in ["space low", "pressure full", "hold op bank"] {
        first.play(line);
    }
    let open: Vec<Incident> = first.kept.clone();
    assert_eq!(open.len(), 3);
    let mut next = Watch::new(Setup { incidents: open.clone(), ..plain() });
    next.play("space low");
    assert_eq!(next.latest().id, open[0].id, "it goes on");
    assert_eq!(next.story().len(), 2);
    for _ in 0..4 {
        next.play("+10s");
    }
    let ended: Vec<String> = next
        .kept
        .iter()
        .filter(|one| one.closed_at.is_some())
        .map(|one| one.about.to_string())
        .collect();
    assert_eq!(ended, ["memory", "upstream:bank"]);
    assert!(next.story()[1].contains("started anew"), "{:?}", next.story());
    assert_eq!(next.open, [open[0].id.0]);
    next.play("+60s");
    assert_eq!(next.open, [open[0].id.0], "the disk is still full");
    next.play("space");
    assert!(next.open.is_empty());
}

#[test]
fn each_webhook_has_a_task_of_its_own_for_the_beginning_and_the_end() {
    let mut watch = Watch::new(with_webhooks(&["ops", "standby"]));
    watch.play("space low");
    let kinds: Vec<&str> = watch.told.iter().map(|(kind, _)| &**kind).collect();
    assert_eq!(kinds, ["overtime.webhook.ops", "overtime.webhook.standby"]);
    watch.play("+10s");
    watch.play("space low echo");
    assert_eq!(watch.told.len(), 2, "numbers are no news");
    watch.play("space");
    assert_eq!(
        watch.types(),
        ["incident.opened", "incident.opened", "incident.closed", "incident.closed"]
    );
    let text = &watch.told[3].1;
    assert!(text.contains(r#""about":"disk""#) && text.contains(r#""state":"closed""#), "{text}");
    assert!(text.contains(r#""text":"there is room on the disk again""#), "{text}");
}

#[test]
fn what_is_told_survives_a_full_disk_and_goes_behind_all_others() {
    let mut watch = Watch::new(with_webhooks(&["ops"]));
    watch.stage.play("space low");
    let mut text = String::new();
    watch.stage.describe(&mut text);
    assert_eq!(text.trim(), "> append own0 accepted");
    watch.stage.play("full");
    watch.stage.play("+1s");
    let mut text = String::new();
    watch.stage.describe(&mut text);
    assert_eq!(text.trim(), "> append own0 accepted");
    watch.stage.play("durable");
    let mut text = String::new();
    watch.stage.describe(&mut text);
    assert_eq!(text.trim(), "> dispatch background own0#1");
    watch.stage.play("fail own0");
    let mut text = String::new();
    watch.stage.describe(&mut text);
    assert_eq!(text.trim(), "> append own0 retrying");
}

/// Or the incident would be told to the very address that cannot be told, for ever.
#[test]
fn a_webhook_that_fails_is_no_incident() {
    let mut watch = Watch::new(with_webhooks(&["ops"]));
    let kind = watch
        .stage
        .engine
        .kinds
        .iter()
        .position(|kind| kind.name.as_str() == "overtime.webhook.ops");
    let kind = overtime_protocol::KindId(u16::try_from(kind.unwrap()).unwrap());
    for (minutes, failed) in [(20, false), (5, true), (10, false)] {
        for _ in 0..minutes * 30 {
            watch.stage.advance(Duration::from_secs(2));
            let now = watch.stage.now;
            watch.stage.engine.note_rate(kind, failed, now, &mut watch.stage.out);
            watch.play("+0s");
        }
    }
    assert!(watch.kept.is_empty() && watch.told.is_empty(), "{:?}", watch.told);
}
