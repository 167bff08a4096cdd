//! Who holds an idempotency key, and how the request that claimed it is answered again. What
//! becomes of the one that asks is not decided here.

use super::{Extent, Reader, result};
use crate::archive::Archived;
use crate::error::StoreError;
use overtime_protocol::{
    Answer, Finding, Fingerprint, Holder, Idempotency, KeyHash, Payload, TaskId, TaskState,
    UnixMillis,
};

impl Reader {
    /// Who holds a key, beside what stands for the payload that came with the question.
    pub(super) fn key(
        &self,
        key: KeyHash,
        payload: &Payload,
        content_type: Option<&str>,
    ) -> Result<Finding, StoreError> {
        let Some(segments) = self.opener.open(payload) else {
            return Ok(Finding::Failed("the payload is not in memory".to_owned()));
        };
        let fingerprint = Fingerprint::of(content_type, segments);
        let holder = self.holder(key, self.clock.now().unix)?;
        Ok(Finding::Key { fingerprint, holder: holder.map(Box::new) })
    }

    fn holder(&self, key: KeyHash, now: UnixMillis) -> Result<Option<Holder>, StoreError> {
        let Some((task, fingerprint)) = self.claimant(key)? else {
            return Ok(None);
        };
        // Gone between the two looks: then its time was over long ago.
        let Some(found) = self.find(task, Extent::Result)? else {
            return Ok(None);
        };
        let ended = found.document.finished_at.filter(|_| found.document.state.is_final());
        let expires = ended.map(|ended| ended + self.key_keep);
        if expires.is_some_and(|expires| expires <= now) {
            return Ok(None);
        }
        Ok(Some(Holder { task, fingerprint, replay: replay(found, expires) }))
    }

    fn claimant(&self, key: KeyHash) -> Result<Option<(TaskId, Fingerprint)>, StoreError> {
        match self.shared.recent.claim(key, self.shared.applied()) {
            Some(entry) => Ok(Some((entry.task, entry.fingerprint))),
            None => self.archive.take().holder(key, self.shared.applied()),
        }
    }
}

/// The answer that the first request got or would get by now.
fn replay(found: Archived, expires: Option<UnixMillis>) -> Option<Answer> {
    let state = found.document.state;
    let stands = state.is_final() || state == TaskState::Parked;
    stands.then(|| result(found, Idempotency { expires, replayed: true }))
}
