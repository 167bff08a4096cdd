//! Who holds an idempotency key, and how the request that claimed it is answered again. What
//! becomes of the one that asks is not decided here.

use super::{Extent, Reader, result};
use crate::archive::{Archived, HolderRow};
use crate::error::StoreError;
use overtime_protocol::{
    Account, Answer, Durability, Finding, Fingerprint, Holder, Idempotency, KeyHash, Payload,
    TaskState, UnixMillis,
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
        let applied = self.shared.applied();
        let (task, fingerprint) = match self.shared.recent.claim(key, applied) {
            Some(entry) => (entry.task, entry.fingerprint),
            None => {
                // Later than the look into the log: what has left it meanwhile is there.
                let applied = self.shared.applied();
                let Some(row) = self.archive.take().holder(key, applied)? else {
                    return Ok(None);
                };
                // The usual case needs nothing more.
                let stands = row.state == TaskState::Succeeded;
                if stands && self.shared.recent.task(row.task, applied).is_none() {
                    return Ok(self.succeeded(row, now));
                }
                (row.task, row.fingerprint)
            }
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

    fn succeeded(&self, row: HolderRow, now: UnixMillis) -> Option<Holder> {
        let HolderRow { task, fingerprint, timing, finished_at, product, .. } = row;
        let expires = finished_at.map(|ended| ended + self.key_keep);
        if expires.is_some_and(|expires| expires <= now) {
            return None;
        }
        let idempotency = Idempotency { expires, replayed: true };
        let account = Account { idempotency, ..Account::new(Durability::Disk, timing) };
        let product = product.unwrap_or_default();
        Some(Holder { task, fingerprint, replay: Some(Answer::Result { task, product, account }) })
    }
}

/// The answer that the first request got or would get by now.
fn replay(found: Archived, expires: Option<UnixMillis>) -> Option<Answer> {
    let state = found.document.state;
    let stands = state.is_final() || state == TaskState::Parked;
    stands.then(|| result(found, Idempotency { expires, replayed: true }))
}
