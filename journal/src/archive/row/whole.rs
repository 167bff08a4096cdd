//! A task's row as a whole, with everything in it checked that can be.

use super::{Cells, KeptPayload, document, payload, product};
use crate::archive::still::{Kept, TaskRow};
use crate::error::StoreError;

/// Reads the columns of a document, a product and a payload, the highest LSN and the claim.
pub(crate) fn whole(cells: &mut Cells<'_>) -> Result<TaskRow, StoreError> {
    let document = document(cells)?;
    let product = product(cells)?.map_or(0, |product| product.body.len() as u64);
    let payload = payload(cells)?.map(|payload| match payload {
        KeptPayload::Here(bytes) => Kept::Here(bytes.len() as u64),
        KeptPayload::Spooled(len) => Kept::Spooled(len),
    });
    let lsn = cells.unsigned()?;
    cells.claim()?;
    let (task, state) = (document.id, document.state);
    Ok(TaskRow { task, kind: document.kind.to_string(), state, payload, product, lsn })
}
