//! A kind that a service serves: each attempt is a call. What the service tells of its way is saved,
//! so that the next call goes on from there.

use super::parcel::Parcel;
use super::route::{Delivered, Route};
use super::told::Told;
use crate::calls::{CallItem, ItemCalls};
use crate::failure::Failure;
use crate::handler::Handler;
use crate::input::Input;
use bytes::Bytes;
use overtime_protocol::{CallEnd, Job, Kind, Product, Progress, UpstreamId};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a service that asks to be called again is, before others have their turn. It is called
/// again after that, and no attempt is counted.
const TURN: Duration = Duration::from_secs(1);

/// A kind and its way.
#[derive(Debug)]
pub struct HttpKind {
    kind: Kind,
    route: Arc<Route>,
    parallel: usize,
}

impl HttpKind {
    /// The kind that takes this way, with so many items of a bulk body at a time. The kind must say
    /// which upstream it calls.
    pub fn new(kind: Kind, route: Route, parallel: usize) -> Self {
        Self { kind, route: Arc::new(route), parallel }
    }

    fn deliver(
        &self,
        input: &Input<'_>,
        cursor: Option<&Bytes>,
        limit: Option<Duration>,
    ) -> Result<Delivered, Failure> {
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
            limit,
        });
        input.note_call(delivered.end);
        Ok(delivered)
    }
}

impl Handler for HttpKind {
    fn kind(&self) -> Kind {
        self.kind.clone()
    }

    fn item_calls(&self) -> Option<Arc<dyn ItemCalls>> {
        let (route, parallel) = (Arc::clone(&self.route), self.parallel);
        let upstream = self.kind.upstream?;
        Some(Arc::new(HttpItems { route, upstream, parallel }))
    }

    fn run(&self, input: &mut Input<'_>) -> Result<Product, Failure> {
        let started = Instant::now();
        let mut cursor = input.cursor().cloned();
        let mut progress = Progress::default();
        let mut limit = input.call_limit();
        loop {
            let Delivered { result, told, .. } = self.deliver(input, cursor.as_ref(), limit)?;
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
            // To the gate all deliveries of an attempt are one call.
            limit = input.call_limit().map(|limit| limit.saturating_sub(started.elapsed()));
        }
    }
}

/// The items of the bulk bodies of a kind: each is delivered by itself, with a key of its own.
#[derive(Debug)]
struct HttpItems {
    route: Arc<Route>,
    upstream: UpstreamId,
    parallel: usize,
}

impl ItemCalls for HttpItems {
    fn upstream(&self) -> UpstreamId {
        self.upstream
    }

    fn parallel(&self) -> usize {
        self.parallel
    }

    fn call(&self, job: &Job, item: &CallItem<'_>) -> (Result<(), Failure>, CallEnd) {
        let Delivered { result, end, told } = self.route.deliver(&Parcel {
            task: job.task,
            item: Some(item.index),
            attempt: job.attempt,
            payload: std::slice::from_ref(item.text),
            content_type: job.content_type.as_deref(),
            cursor: None,
            traceparent: job.traceparent.as_deref(),
            now: item.now,
            limit: item.limit,
        });
        if told.continues && result.is_ok() {
            let detail = "an item of a bulk body is delivered at once, it cannot be continued";
            return (Err(Failure::defect("continue-in-bulk", detail)), end);
        }
        (result.map(drop), end)
    }
}
