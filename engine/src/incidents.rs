//! Incidents that are open: what each has become, and what of it has to be kept or told. It neither
//! looks for them nor tells anybody.

use crate::limits::{INCIDENT_TEXT_MAX_BYTES, INCIDENTS_MAX, MOMENTS_MAX};
use overtime_protocol::{
    Incident, IncidentId, IncidentNews, Moment, Subject, TenantId, UnixMillis, UpstreamId,
};
use std::collections::{BTreeMap, HashSet};

/// An incident that is not over.
#[derive(Debug)]
pub(crate) struct Open {
    pub(crate) incident: Incident,
    /// The upstream that it is about.
    pub(crate) upstream: Option<UpstreamId>,
    /// Those that it has touched, as far as this process knows, and how many it had before.
    tenants: HashSet<TenantId>,
    tenants_before: u64,
    /// A former process opened it, and this one has looked so often without a sign of it.
    pub(crate) looks_in_vain: Option<u32>,
    is_changed: bool,
}

/// The tasks that wait because of one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Waiting {
    pub(crate) count: u64,
    /// When the oldest of them was accepted.
    pub(crate) oldest: Option<UnixMillis>,
}

/// All that are open.
#[derive(Debug, Default)]
pub(crate) struct Incidents {
    open: BTreeMap<Subject, Open>,
    /// What has to be told of which.
    news: Vec<(IncidentNews, Incident)>,
    /// Those that are over and not kept like that yet.
    ended: Vec<Incident>,
    /// Whether it is to be kept which are open.
    is_list_changed: bool,
    is_changed: bool,
    /// Whether somebody will look again.
    pub(crate) is_watched: bool,
    opened: u64,
}

/// What has to be kept.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    pub(crate) incidents: Vec<Incident>,
    pub(crate) open: Option<Vec<IncidentId>>,
}

impl Open {
    fn new(incident: Incident, upstream: Option<UpstreamId>) -> Self {
        Self {
            tenants_before: incident.tenants,
            incident,
            upstream,
            tenants: HashSet::new(),
            looks_in_vain: None,
            is_changed: true,
        }
    }

    /// Something has happened in the course of it.
    fn happened(&mut self, text: String, at: UnixMillis) {
        let incident = &mut self.incident;
        if incident.timeline.len() >= MOMENTS_MAX {
            // How it began stays.
            incident.timeline.remove(1);
            incident.left_out += 1;
        }
        incident.timeline.push(Moment::new(at, bounded(text)));
        incident.updated_at = at;
        self.is_changed = true;
        self.looks_in_vain = None;
    }

    /// Those tasks wait because of it now.
    pub(crate) fn measure(&mut self, waiting: Waiting, at: UnixMillis) {
        let Waiting { count, oldest } = waiting;
        let incident = &mut self.incident;
        let tenants = self.tenants_before.max(self.tenants.len() as u64);
        if (incident.held, incident.oldest, incident.tenants) == (count, oldest, tenants) {
            return;
        }
        incident.held = count;
        incident.oldest = oldest;
        incident.held_most = incident.held_most.max(count);
        incident.tenants = tenants;
        incident.updated_at = at;
        self.is_changed = true;
    }
}

impl Incidents {
    /// Those that a former process left open.
    pub(crate) fn restored(
        incidents: impl IntoIterator<Item = (Incident, Option<UpstreamId>)>,
    ) -> Self {
        let mut this = Self::default();
        for (incident, upstream) in incidents {
            let (about, open) = (incident.about.clone(), Open::new(incident, upstream));
            let open = Open { looks_in_vain: Some(0), is_changed: false, ..open };
            this.open.insert(about, open);
        }
        this
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.open.len()
    }

    /// How many were opened in all.
    pub(crate) fn opened(&self) -> u64 {
        self.opened
    }

    /// The open one about that.
    pub(crate) fn about(&self, about: &Subject) -> Option<&Incident> {
        self.open.get(about).map(|open| &open.incident)
    }

    /// All that are open.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Open> {
        self.open.values_mut()
    }

    /// Opens one that touches these, unless one is open about that or there are too many. Whether it
    /// was opened.
    pub(crate) fn open(
        &mut self,
        mut incident: Incident,
        upstream: Option<UpstreamId>,
        tenants: HashSet<TenantId>,
    ) -> bool {
        if self.open.len() >= INCIDENTS_MAX || self.open.contains_key(&incident.about) {
            return false;
        }
        self.opened += 1;
        (self.is_changed, self.is_list_changed) = (true, true);
        incident.tenants = tenants.len() as u64;
        self.news.push((IncidentNews::Opened, incident.clone()));
        let open = Open { tenants, tenants_before: 0, ..Open::new(incident.clone(), upstream) };
        self.open.insert(incident.about, open);
        true
    }

    /// Those tasks wait because of the one about that.
    pub(crate) fn measure(&mut self, about: &Subject, waiting: Waiting, at: UnixMillis) {
        if let Some(open) = self.open.get_mut(about) {
            open.measure(waiting, at);
            self.is_changed |= open.is_changed;
        }
    }

    /// Something has happened in the course of the one about that; whether there is one.
    pub(crate) fn happened(&mut self, about: &Subject, text: String, at: UnixMillis) -> bool {
        let Some(open) = self.open.get_mut(about) else { return false };
        open.happened(text, at);
        self.is_changed = true;
        true
    }

    /// The one about that has become worse again: whoever was told that it began is told.
    pub(crate) fn tell(&mut self, about: &Subject) {
        let told = self.open.get(about).map(|open| (IncidentNews::Updated, open.incident.clone()));
        self.news.extend(told);
    }

    /// The one about that is over.
    pub(crate) fn end(&mut self, about: &Subject, text: String, at: UnixMillis) {
        let Some(mut open) = self.open.remove(about) else { return };
        open.happened(text, at);
        open.measure(Waiting::default(), at);
        open.incident.closed_at = Some(at);
        (self.is_changed, self.is_list_changed) = (true, true);
        self.news.push((IncidentNews::Closed, open.incident.clone()));
        self.ended.push(open.incident);
    }

    /// A tenant is touched by the one about that.
    pub(crate) fn touch(&mut self, about: &Subject, tenant: TenantId) {
        if let Some(open) = self.open.get_mut(about) {
            open.tenants.insert(tenant);
        }
    }

    /// Numbers may have changed.
    pub(crate) fn measured(&mut self) {
        self.is_changed |= self.open.values().any(|open| open.is_changed);
    }

    /// Whether something has to be kept or told.
    pub(crate) fn has_changes(&self) -> bool {
        self.is_changed
    }

    /// What has to be kept.
    pub(crate) fn take_changes(&mut self) -> Changes {
        self.is_changed = false;
        let mut incidents = std::mem::take(&mut self.ended);
        for open in self.open.values_mut().filter(|open| open.is_changed) {
            open.is_changed = false;
            incidents.push(open.incident.clone());
        }
        let is_list_changed = std::mem::take(&mut self.is_list_changed);
        let ids = || self.open.values().map(|open| open.incident.id).collect();
        Changes { incidents, open: is_list_changed.then(ids) }
    }

    /// What has to be told.
    pub(crate) fn take_news(&mut self) -> Vec<(IncidentNews, Incident)> {
        std::mem::take(&mut self.news)
    }
}

/// The text, cut at the end of a character.
pub(crate) fn bounded(mut text: String) -> String {
    let fits = |&at: &usize| text.is_char_boundary(at);
    let end = (0..=INCIDENT_TEXT_MAX_BYTES.min(text.len())).rev().find(fits).unwrap_or(0);
    text.truncate(end);
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use overtime_protocol::{Epoch, KindName, TaskIdMint};

    const AT: UnixMillis = UnixMillis(1_800_000_000_000);

    fn incident(number: u64, about: Subject) -> Incident {
        Incident {
            id: IncidentId(TaskIdMint::new(Epoch(1), None).mint(UnixMillis(AT.0 + number))),
            about,
            title: String::new(),
            opened_at: AT,
            updated_at: AT,
            closed_at: None,
            timeline: vec![Moment::new(AT, "it began")],
            left_out: 0,
            held: 0,
            oldest: None,
            held_most: 0,
            tenants: 0,
        }
    }

    fn open(incidents: &mut Incidents, number: u64, about: Subject) -> bool {
        incidents.open(incident(number, about), None, HashSet::new())
    }

    #[test]
    fn there_is_one_about_each_and_what_changes_is_kept_once() {
        let mut incidents = Incidents::default();
        assert!(open(&mut incidents, 1, Subject::Disk));
        assert!(!open(&mut incidents, 2, Subject::Disk));
        assert!(open(&mut incidents, 3, Subject::Core));
        let changes = incidents.take_changes();
        assert_eq!((changes.incidents.len(), changes.open.map(|open| open.len())), (2, Some(2)));
        assert!(!incidents.has_changes() && incidents.take_changes().incidents.is_empty());
        incidents.end(&Subject::Disk, "it is over".into(), AT);
        let changes = incidents.take_changes();
        assert_eq!(changes.incidents[0].closed_at, Some(AT));
        assert_eq!(changes.open.map(|open| open.len()), Some(1));
        let news: Vec<_> = incidents.take_news().into_iter().map(|(news, _)| news).collect();
        assert_eq!(news, [IncidentNews::Opened, IncidentNews::Opened, IncidentNews::Closed]);
        assert!(open(&mut incidents, 4, Subject::Disk), "it may begin again");
    }

    #[test]
    fn a_long_story_keeps_its_beginning_and_its_end() {
        let mut incidents = Incidents::default();
        open(&mut incidents, 1, Subject::Disk);
        for number in 0..MOMENTS_MAX as u64 + 10 {
            let text = format!("{number} {}", "ä".repeat(INCIDENT_TEXT_MAX_BYTES));
            assert!(incidents.happened(&Subject::Disk, text, AT));
        }
        let told = incidents.about(&Subject::Disk).unwrap();
        assert_eq!((told.timeline.len(), told.left_out), (MOMENTS_MAX, 11));
        assert_eq!(told.timeline[0].text, "it began");
        assert!(told.timeline[1].text.starts_with("11 "));
        let bytes = told.timeline.iter().map(|moment| moment.text.len());
        assert!(bytes.max().unwrap() <= INCIDENT_TEXT_MAX_BYTES);
        assert!(!incidents.happened(&Subject::Core, String::new(), AT));
    }

    #[test]
    fn tenants_count_once_and_the_most_that_was_held_stays() {
        let mut incidents =
            Incidents::restored([(Incident { tenants: 2, ..incident(1, Subject::Disk) }, None)]);
        for tenant in [1, 2, 3, 3] {
            incidents.touch(&Subject::Disk, TenantId(tenant));
        }
        for count in [5, 9, 1] {
            let waiting = Waiting { count, oldest: Some(UnixMillis(count)) };
            incidents.iter_mut().for_each(|open| open.measure(waiting, AT));
        }
        let told = incidents.about(&Subject::Disk).unwrap();
        assert_eq!((told.tenants, told.held, told.held_most), (3, 1, 9));
        assert_eq!(told.oldest, Some(UnixMillis(1)));
    }

    #[test]
    fn there_are_so_many_at_most() {
        let mut incidents = Incidents::default();
        for number in 0..2 * INCIDENTS_MAX as u64 {
            let about = Subject::Kind(KindName::new(&format!("k{number}")).unwrap());
            let is_opened = open(&mut incidents, number, about);
            assert_eq!(is_opened, number < INCIDENTS_MAX as u64);
        }
        assert_eq!(incidents.len(), INCIDENTS_MAX);
    }
}
