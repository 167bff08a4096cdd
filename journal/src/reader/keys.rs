//! Who holds an idempotency key, and how the request that claimed it is answered again. What
//! becomes of the one that asks is not decided here.

use super::{Extent, Reader, result};
use crate::archive::Archived;
use crate::error::StoreError;
use overtime_protocol::{
    Answer, Finding, Fingerprint, Holder, Idempotency, KeyHash, Payload, TaskState, UnixMillis,
};

impl Reader {
    /// Who holds a key, beside what stands for the payload that came with the question.
    pub(super) fn key(
        &self,
        key: KeyHash,
        payload: &Payload,
        content_type: Option<&str>,
    ) -> Result<Finding, StoreError> {
        let Some(fingerprint) = self.fingerprint(payload, content_type) else {
            return Ok(Finding::Failed("the payload is not in memory".to_owned()));
        };
        let holder = self.holder(key, self.clock.now().unix)?;
        Ok(Finding::Key { fingerprint, holder: holder.map(Box::new) })
    }

    /// What stands for a payload; `None` if its bytes are not in memory.
    pub(super) fn fingerprint(
        &self,
        payload: &Payload,
        content_type: Option<&str>,
    ) -> Option<Fingerprint> {
        let segments = self.opener.open(payload)?;
        Some(Fingerprint::of(content_type, segments))
    }

    fn holder(&self, key: KeyHash, now: UnixMillis) -> Result<Option<Holder>, StoreError> {
        let Some((fingerprint, found)) = self.claimant(key)? else {
            return Ok(None);
        };
        let task = found.document.id;
        let ended = found.document.finished_at.filter(|_| found.document.state.is_final());
        let expires = ended.map(|ended| ended + self.key_keep);
        if expires.is_some_and(|expires| expires <= now) {
            return Ok(None);
        }
        Ok(Some(Holder { task, fingerprint, replay: replay(found, expires) }))
    }

    /// The task that holds the key, as it stands. `None` also if it has gone between two looks:
    /// then its time was over long ago.
    fn claimant(&self, key: KeyHash) -> Result<Option<(Fingerprint, Archived)>, StoreError> {
        let applied = self.shared.applied();
        let (task, fingerprint) = match self.shared.recent.claim(key, applied) {
            Some(entry) => (entry.task, entry.fingerprint),
            None => {
                let Some((fingerprint, found)) = self.archive.take().holder(key, applied)? else {
                    return Ok(None);
                };
                let task = found.document.id;
                if self.shared.recent.task(task, applied).is_none() {
                    return Ok(Some((fingerprint, found)));
                }
                (task, fingerprint)
            }
        };
        Ok(self.find(task, Extent::Result)?.map(|found| (fingerprint, found)))
    }
}

/// The answer that the first request got or would get by now.
fn replay(found: Archived, expires: Option<UnixMillis>) -> Option<Answer> {
    let state = found.document.state;
    let stands = state.is_final() || state == TaskState::Parked;
    stands.then(|| result(found, Idempotency { expires, replayed: true }))
}
