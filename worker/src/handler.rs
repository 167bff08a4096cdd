//! The handler: what does the work of one kind.

use crate::calls::ItemCalls;
use crate::failure::Failure;
use crate::input::Input;
use overtime_protocol::{Kind, Product};
use std::sync::Arc;

/// Does the work of one kind. One handler serves all workers at once, so whatever it shares
/// between attempts it must guard itself.
///
/// An attempt may run more than once: after a conflict over a key, after an ephemeral failure, and
/// after a crash. State is safe from that, because it is written only with the attempt that
/// succeeds, or with what it saves. A handler that acts outside (sends a letter, calls a service)
/// must say so with [`Kind::acting_outside`] and pass [`Input::task`] on as an idempotency key.
///
/// A handler that takes long holds its worker, and nothing else: its caller gets an address
/// instead of an answer, and the attempt goes on. If it works in steps it [saves](Input::save) now
/// and then, with a cursor of its own: a later attempt, also after a crash, goes on from there.
/// ```
/// # use overtime_protocol::{Product, Progress};
/// # use overtime_worker::{Failure, Input, json_product};
/// # fn take(_: u32) -> Result<String, Failure> { Ok(String::new()) }
/// fn run(input: &mut Input<'_>) -> Result<Product, Failure> {
///     let done = input.cursor().map_or(0, |cursor| cursor[0].into());
///     for step in done + 1..=100_u32 {
///         let made = take(step)?; // whatever becomes of it, the steps before it are kept
///         input.put(format!("made/{}/{step}", input.task()), made)?;
///         input.save([step as u8].to_vec(), Progress { done: step.into(), total: Some(100) })?;
///     }
///     Ok(json_product("{}"))
/// }
/// ```
///
/// # Example
/// A kind that counts visits by page. Two visits to one page at the same time conflict, one of
/// them runs again, and none is lost.
/// ```
/// use overtime_protocol::{Kind, Product};
/// use overtime_worker::{Failure, Handler, Input, json_product};
///
/// #[derive(serde::Deserialize)]
/// #[serde(deny_unknown_fields)]
/// struct Visit {
///     page: String,
/// }
///
/// struct CountVisits;
///
/// impl Handler for CountVisits {
///     fn kind(&self) -> Kind {
///         Kind::durable("visits.count")
///     }
///
///     fn run(&self, input: &mut Input<'_>) -> Result<Product, Failure> {
///         let visit: Visit = input.json()?; // the caller's mistake: 422, with line and column
///         if !visit.page.starts_with('/') {
///             return Err(Failure::input("invalid-page", "`page` must start with `/`"));
///         }
///         let key = format!("visits{}", visit.page);
///         let visits = match input.read(&key)? {
///             None => 1,
///             Some(value) => serde_json::from_slice::<u64>(&value)
///                 .map_err(|error| Failure::defect("visits-unreadable", error.to_string()))?
///                 .saturating_add(1),
///         };
///         input.put(&key, visits.to_string())?;
///         Ok(json_product(format!("{{\"visits\":{visits}}}")))
///     }
/// }
/// # use overtime_protocol::{Chain, ChainNumber, Clock, Job, KindId, Lane, Opener, Outcome, Payload, TaskId};
/// # use overtime_protocol::{UnixMillis, record::ReadMark};
/// # use overtime_worker::{Delivery, Equipment, PoolOptions, Source, SourceError, State, start};
/// # use std::sync::Arc;
/// # struct Empty;
/// # impl Source for Empty {
/// #     fn state(&self, _: &[u8]) -> Result<State, SourceError> {
/// #         Ok(State { value: None, read: ReadMark::At { lsn: 0, watermark: 0 } })
/// #     }
/// #     fn payload(&self, _: TaskId) -> Result<Vec<bytes::Bytes>, SourceError> {
/// #         Err(SourceError::new("nothing is stored"))
/// #     }
/// # }
/// # let equipment = Equipment {
/// #     handlers: vec![Arc::new(CountVisits)],
/// #     opener: Opener::mint().expect("minted once a process"),
/// #     source: Arc::new(Empty),
/// #     clock: Clock::start(),
/// # };
/// # let (sender, deliveries) = std::sync::mpsc::channel();
/// # let deliver = Arc::new(move |delivery| sender.send(delivery).expect("the test listens"));
/// # let options = PoolOptions { foreground: 1, bulk: 0, background: 0, ..Default::default() };
/// # let pool = start(options, equipment, deliver).expect("one thread");
/// # let job = Job {
/// #     task: TaskId::from_key(1).unwrap(),
/// #     attempt: 1, run: 1,
/// #     kind: KindId(0),
/// #     form: overtime_protocol::Form::Single, cursor: None,
/// #     created_at: UnixMillis(0),
/// #     payload: Payload::seal(vec![r#"{"page":"/start"}"#.into()]),
/// #     content_type: None,
/// #     traceparent: None, call_limit: None,
/// # };
/// # pool.foreground[0].chains.send(Chain::new(ChainNumber(1), Lane::Interactive, vec![job])).unwrap();
/// # let Delivery::Completion { completion, .. } = deliveries.recv().unwrap() else { panic!() };
/// # let Outcome::Done(product) = completion.outcome else { panic!("{completion:?}") };
/// # assert_eq!(product.body, r#"{"visits":1}"#);
/// # assert_eq!(completion.puts[0].key, "visits/start");
/// ```
pub trait Handler: Send + Sync + 'static {
    /// The kind: its name, and what the server must know to run and answer it.
    fn kind(&self) -> Kind;

    /// How the items of a bulk body are delivered, if each is a call to the upstream of the kind:
    /// several at a time then, instead of one after the other by [`run`](Handler::run).
    fn item_calls(&self) -> Option<Arc<dyn ItemCalls>> {
        None
    }

    /// Runs one attempt. What it returns is the caller's answer.
    ///
    /// # Errors
    /// [`Failure`] says what becomes of the task. A panic counts as [`Failure::Ephemeral`].
    fn run(&self, input: &mut Input<'_>) -> Result<Product, Failure>;
}
