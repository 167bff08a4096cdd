//! Incidents: when one is opened, what happens in its course, and when it is over. What is in trouble is
//! decided elsewhere; here it is only followed, kept, and handed on to whoever has a webhook.

use super::{Engine, Mode};
use crate::event::Effect;
use crate::gate::{GateNews, Phase};
use crate::incidents::{Changes, Incidents, Waiting, bounded};
use crate::limits::{LOOK_AT_INCIDENTS_EVERY, LOOKS_IN_VAIN_MAX};
use crate::lines::{Line, Lines};
use crate::rates::{RateChange, Trend};
use crate::table::{Slot, Table};
use crate::timers::Due;
use overtime_protocol::{
    Incident, IncidentId, MemoryPressure, Moment, Now, SERVER_TENANT, Subject, TenantId, Upstream,
    UpstreamId, WEBHOOK_KINDS, keep_open_incidents,
};

/// What has become of what an incident is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// It is in trouble.
    Opens,
    /// Something that a person wants to know.
    Goes,
    /// It was about to be well, and is in trouble again.
    Relapses,
    /// It is well.
    Closes,
}

/// Those that a former process left open.
pub(super) fn restored(open: Vec<Incident>, upstreams: &[Upstream]) -> Incidents {
    let of = |incident: &Incident| {
        let Subject::Upstream(name) = &incident.about else { return None };
        let place = upstreams.iter().position(|upstream| upstream.name == *name)?;
        u16::try_from(place).ok().map(UpstreamId)
    };
    Incidents::restored(open.into_iter().map(|incident| {
        let upstream = of(&incident);
        (incident, upstream)
    }))
}

impl Engine {
    /// A gate has told something.
    pub(super) fn incident_of_gate(&mut self, news: &GateNews, now: Now) {
        let turn = match news {
            GateNews::Shed { .. } | GateNews::WouldShed { .. } | GateNews::Suspected { .. } => {
                Turn::Opens
            }
            GateNews::Probing { .. } | GateNews::Ramping { .. } => Turn::Goes,
            GateNews::Relapsed { .. } => Turn::Relapses,
            GateNews::Opened { .. } | GateNews::WouldOpen { .. } | GateNews::Unsuspected { .. } => {
                Turn::Closes
            }
        };
        let text = news.told(&self.upstreams);
        let about = news.upstream().map_or(Subject::Local, |upstream| self.subject(upstream));
        self.turn_incident((about, news.upstream()), turn, text, now);
    }

    fn subject(&self, upstream: UpstreamId) -> Subject {
        Subject::Upstream(self.upstreams[usize::from(upstream.0)].name.clone())
    }

    /// There is room on the disk again, or there is none.
    pub(super) fn incident_of_space(&mut self, is_low: bool, now: Now) {
        let (turn, text) = match is_low {
            true => (Turn::Opens, "new work is refused; what was accepted goes on"),
            false => (Turn::Closes, "there is room on the disk again"),
        };
        self.turn_incident((Subject::Disk, None), turn, text.to_owned(), now);
    }

    /// The process is closer to the end of its memory, or farther from it.
    pub(super) fn incident_of_memory(&mut self, pressure: MemoryPressure, now: Now) {
        let (turn, text) = match pressure {
            MemoryPressure::Full => (Turn::Opens, "new work is refused; what was accepted goes on"),
            MemoryPressure::Alarm => {
                (Turn::Goes, "new work is taken in again; there is little left")
            }
            MemoryPressure::Fine => (Turn::Closes, "there is enough memory again"),
        };
        self.turn_incident((Subject::Memory, None), turn, text.to_owned(), now);
    }

    /// The attempts of a kind fail more or less often than they used to. Of a webhook that is no
    /// incident: it would be told to the address that cannot be told, and fail again, and be told.
    pub(super) fn incident_of_rate(&mut self, change: &RateChange, now: Now) {
        if change.kind.as_str().starts_with(WEBHOOK_KINDS) {
            return;
        }
        let turn = match change.trend {
            Trend::Rose => Turn::Opens,
            Trend::Fell | Trend::Back => Turn::Closes,
        };
        let about = Subject::Kind(change.kind.clone());
        self.turn_incident((about, None), turn, change.to_string(), now);
    }

    /// Looks whether the core's turns, or the journal, take too long for a while.
    pub(super) fn watch_strain(&mut self, now: Now) {
        let strains = [
            (
                Subject::Core,
                self.admission.turns_last(),
                "of its turns one in a hundred is too long",
            ),
            (Subject::Journal, self.admission.slow_journal_lasts(), "callers wait for the disk"),
        ];
        for (about, lasts, why) in strains {
            match (lasts, self.incidents.about(&about).is_some()) {
                (true, false) => self.turn_incident((about, None), Turn::Opens, why.into(), now),
                (false, true) if !self.is_unconfirmed(&about) => {
                    let text = "that has been in order for a while".to_owned();
                    self.turn_incident((about, None), Turn::Closes, text, now);
                }
                _ => {}
            }
        }
    }

    fn is_unconfirmed(&mut self, about: &Subject) -> bool {
        let mut open = self.incidents.iter_mut();
        open.any(|open| open.incident.about == *about && open.looks_in_vain.is_some())
    }

    /// Has an incident take a turn. Nothing is opened by what merely goes on.
    pub(super) fn turn_incident(
        &mut self,
        (about, upstream): (Subject, Option<UpstreamId>),
        turn: Turn,
        text: String,
        now: Now,
    ) {
        if let Some(upstream) = upstream {
            let waiting = waiting(&self.lines, &self.table, upstream);
            self.incidents.measure(&about, waiting, now.unix);
        }
        match turn {
            Turn::Opens | Turn::Relapses => {
                if self.incidents.happened(&about, text.clone(), now.unix) {
                    if turn == Turn::Relapses {
                        self.incidents.tell(&about);
                    }
                    return;
                }
                self.open_incident((about, upstream), text, now);
            }
            Turn::Goes => drop(self.incidents.happened(&about, text, now.unix)),
            Turn::Closes => self.incidents.end(&about, text, now.unix),
        }
    }

    fn title(&self, about: &Subject, upstream: Option<UpstreamId>, now: Now) -> String {
        let phase = upstream.map(|upstream| self.gates.view(upstream, now).phase);
        match about {
            Subject::Upstream(name) if phase == Some(Phase::Held) => {
                format!("The upstream {name} is held")
            }
            Subject::Upstream(name) => format!("The upstream {name} is not well"),
            Subject::Core => "The core's loop takes too long".to_owned(),
            Subject::Disk => "The disk is nearly full".to_owned(),
            Subject::Memory => "The memory is used up".to_owned(),
            Subject::Journal => "Records take too long to the disk".to_owned(),
            Subject::Kind(name) => format!("Attempts of {name} fail more often than they used to"),
            Subject::Local => {
                "Most upstreams turned bad together; the cause may be here".to_owned()
            }
        }
    }

    fn open_incident(
        &mut self,
        (about, upstream): (Subject, Option<UpstreamId>),
        text: String,
        now: Now,
    ) {
        let title = self.title(&about, upstream, now);
        let line = upstream.map(|upstream| self.lines.get(upstream));
        let waiting = upstream.map(|upstream| waiting(&self.lines, &self.table, upstream));
        let Waiting { count, oldest } = waiting.unwrap_or_default();
        let incident = Incident {
            id: IncidentId(self.mint.mint(now.unix)),
            title,
            about,
            opened_at: now.unix,
            updated_at: now.unix,
            closed_at: None,
            timeline: vec![Moment::new(now.unix, bounded(text))],
            left_out: 0,
            held: count,
            oldest,
            held_most: count,
            tenants: 0,
        };
        let tenants = line.into_iter().flat_map(Line::tenants).collect();
        self.incidents.open(incident, upstream, tenants);
    }

    /// A task of a tenant waits for an upstream that is shed.
    pub(super) fn touch_by_upstream(&mut self, upstream: UpstreamId, tenant: TenantId) {
        if !self.incidents.is_empty() {
            let about = self.subject(upstream);
            self.incidents.touch(&about, tenant);
        }
    }

    /// An attempt of a task has failed.
    pub(super) fn touch_by_kind(&mut self, slot: Slot) {
        if self.incidents.is_empty() {
            return;
        }
        let Some(task) = self.table.get(slot) else { return };
        let (about, tenant) = (Subject::Kind(self.kind_name(task)), task.durable.tenant);
        self.incidents.touch(&about, tenant);
    }

    /// Something happened to requests of a tenant: whatever touches all is held to have touched it.
    pub(super) fn touch_by_all(&mut self, tenant: TenantId) {
        if self.incidents.is_empty() || &*self.tenants.name(tenant) == SERVER_TENANT {
            return;
        }
        for about in
            [Subject::Core, Subject::Disk, Subject::Memory, Subject::Journal, Subject::Local]
        {
            self.incidents.touch(&about, tenant);
        }
    }

    /// The incident of an upstream, once it can be read.
    pub(super) fn incident_about(&self, upstream: UpstreamId) -> Option<IncidentId> {
        let incident = self.incidents.about(&self.subject(upstream))?;
        let is_kept = !self.kept.holds(&kept_name(incident.id));
        is_kept.then_some(incident.id)
    }

    /// Looks how each is, and ends those that a former process left and of which there is no sign.
    pub(super) fn look_at_incidents(&mut self, now: Now) {
        self.incidents.is_watched = false;
        let mut gone = Vec::new();
        for open in self.incidents.iter_mut() {
            let of = |upstream| waiting(&self.lines, &self.table, upstream);
            open.measure(open.upstream.map(of).unwrap_or_default(), now.unix);
            let Some(looks) = open.looks_in_vain else { continue };
            let lasts = match (&open.incident.about, open.upstream) {
                (Subject::Upstream(_), Some(upstream)) => {
                    let view = self.gates.view(upstream, now);
                    view.phase != Phase::Open || view.rule.is_some()
                }
                (Subject::Disk, _) => self.space.is_low(),
                (Subject::Memory, _) => self.relief.pressure() == MemoryPressure::Full,
                (Subject::Core, _) => self.admission.turns_last(),
                (Subject::Journal, _) => self.admission.slow_journal_lasts(),
                (Subject::Upstream(_) | Subject::Kind(_) | Subject::Local, _) => false,
            };
            open.looks_in_vain = if lasts { None } else { Some(looks + 1) };
            gone.extend(
                (!lasts && looks + 1 >= LOOKS_IN_VAIN_MAX).then(|| open.incident.about.clone()),
            );
        }
        self.incidents.measured();
        for about in gone {
            let text = "the server was started anew, and nothing of it has been seen since";
            self.incidents.end(&about, text.to_owned(), now.unix);
        }
    }

    /// Has kept and told what is new.
    pub(super) fn keep_incidents(&mut self, now: Now, out: &mut Vec<Effect>) {
        if !self.incidents.is_empty() && !self.incidents.is_watched {
            self.incidents.is_watched = true;
            self.timers.set(now.monotonic + LOOK_AT_INCIDENTS_EVERY, Due::Incidents);
        }
        if !self.incidents.has_changes() || self.mode == Mode::Failed {
            return;
        }
        // Whoever is told of one that nothing is kept of can look for it in vain, but is told.
        for (news, incident) in self.incidents.take_news() {
            self.send_webhooks(news, &incident, now, out);
        }
        let Changes { incidents, open } = self.incidents.take_changes();
        for incident in incidents {
            self.kept.put(kept_name(incident.id), incident.put());
        }
        if let Some(open) = open {
            self.kept.put("incidents/open".to_owned(), keep_open_incidents(&open));
        }
    }
}

/// The tasks that wait for an upstream.
fn waiting(lines: &Lines, table: &Table, upstream: UpstreamId) -> Waiting {
    let line = lines.get(upstream);
    let oldest = line.oldest().and_then(|id| table.get(table.find(id)?));
    let oldest = oldest.map(|task| task.durable.created_at);
    Waiting { count: line.len() as u64, oldest }
}

/// What an incident is called among what is kept.
fn kept_name(id: IncidentId) -> String {
    format!("incident/{id}")
}
