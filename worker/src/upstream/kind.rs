//! A kind that a service serves: each attempt is a call. What the service tells of its way is saved,
//! so that the next call goes on from there.

use super::parcel::Parcel;
use super::route::{Delivered, Route};
use super::told::Told;
use crate::failure::Failure;
use crate::handler::Handler;
use crate::input::Input;
use bytes::Bytes;
use overtime_protocol::{Kind, Product, Progress};
use std::time::{Duration, Instant};

/// How long a service that asks to be called again is, before others have their turn. It is called
/// again after that, and no attempt is counted.
const TURN: Duration = Duration::from_secs(1);

/// A kind and its way.
#[derive(Debug)]
pub struct HttpKind {
    kind: Kind,
    route: Route,
}

impl HttpKind {
    /// The kind that takes this way. The kind must say which upstream it calls.
    pub fn new(kind: Kind, route: Route) -> Self {
        Self { kind, route }
    }

    fn deliver(&self, input: &Input<'_>, cursor: Option<&Bytes>) -> Result<Delivered, Failure> {
        if input.is_cancelled() {
            return Err(Failure::cancelled());
        }
        let delivered = self.route.deliver(&Parcel {
            task: input.task(),
            item: input.item(),
            attempt: input.attempt(),
            payload: input.segments,
            content_type: input.content_type().map(|text| &**text),
            cursor: cursor.map(|cursor| &**cursor).filter(|cursor| !cursor.is_empty()),
            traceparent: input.traceparent(),
            now: input.now(),
        });
        input.note_call(delivered.end);
        Ok(delivered)
    }

    /// An item of a bulk body is saved with its chunk: it has no cursor of its own.
    fn run_item(&self, input: &Input<'_>) -> Result<Product, Failure> {
        let Delivered { result, told, .. } = self.deliver(input, None)?;
        if told.continues {
            let detail = "an item of a bulk body is delivered at once, it cannot be continued";
            return Err(Failure::defect("continue-in-bulk", detail));
        }
        result
    }
}

impl Handler for HttpKind {
    fn kind(&self) -> Kind {
        self.kind.clone()
    }

    fn run(&self, input: &mut Input<'_>) -> Result<Product, Failure> {
        if input.item().is_some() {
            return self.run_item(input);
        }
        let started = Instant::now();
        let mut cursor = input.cursor().cloned();
        let mut progress = Progress::default();
        loop {
            let Delivered { result, told, .. } = self.deliver(input, cursor.as_ref())?;
            let continues = told.continues && result.is_ok();
            if !told.is_empty() {
                let Told { cursor: next, progress: come, .. } = told;
                cursor = next.or(cursor);
                progress = come.unwrap_or(progress);
                input.set_cursor(cursor.clone().unwrap_or_default(), progress)?;
            }
            if !continues {
                return result;
            }
            input.save(cursor.clone().unwrap_or_default(), progress)?;
            if started.elapsed() >= TURN {
                return Err(input.give_way());
            }
        }
    }
}
