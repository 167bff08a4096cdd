//! Webhooks: what is told of incidents are tasks of the server's own, one for each address. They are
//! accepted like any task, so they are on disk, tried again, and delivered once; nobody waits for them,
//! and they run behind all others. What is sent is not decided here.

use super::Engine;
use crate::event::{Effect, Submission};
use crate::task::Task;
use overtime_protocol::{
    Form, Incident, IncidentNews, KindId, Now, Payload, ReplyTo, SERVER_TENANT, WEBHOOK_KINDS,
};
use std::sync::Arc;
use std::time::Duration;

/// What nobody waits for is answered to nobody.
const NOBODY: ReplyTo = ReplyTo(u64::MAX);

impl Engine {
    /// Tells everybody who has a webhook.
    pub(super) fn send_webhooks(
        &mut self,
        news: IncidentNews,
        incident: &Incident,
        now: Now,
        out: &mut Vec<Effect>,
    ) {
        let mut notice = Vec::new();
        incident.write_notice(news, now.unix, &mut notice);
        let payload = Payload::seal(vec![notice.into()]);
        let kinds = self.kinds.iter().zip(0..);
        let is_webhook = |name: &str| name.starts_with(WEBHOOK_KINDS);
        let kinds: Vec<KindId> = kinds
            .filter(|(kind, _)| is_webhook(kind.name.as_str()))
            .map(|(_, place)| KindId(place))
            .collect();
        for kind in kinds {
            self.accept_own(kind, payload.clone(), now, out);
        }
    }

    /// Accepts a task of the server's own, which no bound of callers refuses: they are few.
    fn accept_own(&mut self, kind: KindId, payload: Payload, now: Now, out: &mut Vec<Effect>) {
        let submission = Submission {
            reply_to: NOBODY,
            tenant: self.tenants.id(SERVER_TENANT),
            kind,
            form: Form::Single,
            wait: Duration::ZERO,
            urgency: 3,
            delay: Duration::ZERO,
            key: None,
            strict: false,
            payload,
            content_type: Some(Arc::from("application/json")),
            traceparent: None,
        };
        self.stats.submitted += 1;
        let slot = self.take_in(submission, None, now);
        self.append_acceptance(slot, now.unix, out);
    }

    /// Whether a task is the server's own: nobody could be told that it is not accepted.
    pub(super) fn is_own(&self, task: &Task) -> bool {
        self.kind(task).name.as_str().starts_with(WEBHOOK_KINDS)
    }
}
