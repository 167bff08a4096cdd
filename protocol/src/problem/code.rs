//! The codes of problems: all that the server itself can state, in one table. It never says what
//! happened in one case.

/// The name of the class of a problem of the server's own.
macro_rules! class {
    (true) => {
        "ephemeral"
    };
    (false) => {
        "persistent"
    };
}

macro_rules! codes {
    ($($variant:ident $slug:literal $status:literal $title:literal $retryable:tt;)*) => {
        /// Every problem the server itself can state.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code {
            $(#[doc = concat!("`", $slug, "`, ", stringify!($status), ": ", $title, ".")] $variant,)*
        }

        impl Code {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The stable slug.
            pub fn slug(self) -> &'static str {
                match self { $(Self::$variant => $slug,)* }
            }

            /// The HTTP status (RFC 9110 and RFC 6585).
            pub fn status(self) -> u16 {
                match self { $(Self::$variant => $status,)* }
            }

            /// The title: the same for every problem of this code.
            pub fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)* }
            }

            /// Whether the same request may succeed later.
            pub fn is_retryable(self) -> bool {
                match self { $(Self::$variant => $retryable,)* }
            }

            /// What a document of the server's own says before its detail and behind it. Whoever is
            /// refused by the ten thousand must not cost that many times the making of a text that is
            /// always the same.
            pub(super) fn stock(self) -> Stock {
                match self {
                    $(Self::$variant => Stock {
                        before: concat!(
                            r#"{"type":"urn:overtime:problem:"#, $slug,
                            r#"","title":""#, $title,
                            r#"","status":"#, $status,
                            r#","detail":"#
                        ),
                        behind: concat!(
                            r#","code":""#, $slug,
                            r#"","source":"server","class":""#, class!($retryable),
                            r#"","retryable":"#, $retryable
                        ),
                    },)*
                }
            }
        }
    };
}

codes! {
    // Framing (RFC 9112): the connection is closed behind each of these.
    MalformedRequest "malformed-request" 400 "The request is not well-formed HTTP/1.1" false;
    AmbiguousFraming "ambiguous-framing" 400 "The request's length is ambiguous" false;
    MalformedHost "malformed-host" 400 "The Host field is absent, doubled or malformed" false;
    MalformedChunk "malformed-chunk" 400 "The chunked body is malformed" false;
    RequestTimeout "request-timeout" 408 "The request did not arrive in time" true;
    LengthRequired "length-required" 411 "The request needs a length" false;
    PayloadTooLarge "payload-too-large" 413 "The payload is too large" false;
    UnsupportedMediaType "unsupported-media-type" 415 "The content type is not supported" false;
    TargetTooLong "target-too-long" 414 "The request target is too long" false;
    HeadTooLarge "head-too-large" 431 "The request head is too large" false;
    TransferCodingUnknown "transfer-coding-unknown" 501 "The transfer coding is not implemented" false;
    VersionUnsupported "version-unsupported" 505 "The version of the protocol is not supported" false;
    ExpectationFailed "expectation-failed" 417 "The expectation cannot be met" false;
    // The native protocol.
    MalformedFrame "malformed-frame" 400 "The frame is malformed" false;
    RequestIdInUse "request-id-in-use" 409 "A request with this id is in flight" false;
    TooManyInFlight "too-many-in-flight" 429 "Too many requests of this connection are in flight" true;
    // Routing and parameters.
    MalformedParameter "malformed-parameter" 400 "A parameter is malformed" false;
    NotFound "not-found" 404 "There is nothing at this address" false;
    UnknownKind "unknown-kind" 404 "No handler has this kind" false;
    NotInBulk "not-in-bulk" 400 "This kind does not take many inputs at once" false;
    UnknownTask "unknown-task" 404 "No task has this id" false;
    Gone "gone" 410 "The task was removed: its time was over" false;
    UnknownUpstream "unknown-upstream" 404 "No upstream has this name" false;
    UnknownIncident "unknown-incident" 404 "No incident has this id" false;
    UnknownContact "unknown-contact" 404 "No contact has this email" false;
    MethodNotAllowed "method-not-allowed" 405 "The method is not allowed here" false;
    // Who may call.
    Unauthorized "unauthorized" 401 "The request needs a key that counts" false;
    ForbiddenLane "forbidden-lane" 403 "The key may not use this lane" false;
    RateLimited "rate-limited" 429 "The tenant is over its rate" true;
    Concurrency "concurrency" 429 "The tenant has too much under way" true;
    CrossOrigin "cross-origin" 403 "The request comes from another page" false;
    ForbiddenHost "forbidden-host" 403 "The request is for another host" false;
    NotImplemented "not-implemented" 501 "The server does not offer this yet" false;
    // The task.
    InvalidInput "invalid-input" 422 "The input is wrong" false;
    Parked "parked" 500 "The task rests until a person decides" false;
    IdempotencyKeyReused "idempotency-key-reused" 422 "The idempotency key came with another request" false;
    InProgress "in-progress" 409 "The task with this key has not ended yet" true;
    NotParked "not-parked" 409 "The task is not parked" false;
    RepairRunning "repair-running" 409 "A repair of these errors is under way" false;
    AlreadyFinished "already-finished" 409 "The task has ended already" false;
    UnhandledKind "unhandled-kind" 409 "No handler has the task's kind any more" false;
    PayloadLost "payload-lost" 409 "The task's payload is not there any more" false;
    Cancelled "cancelled" 409 "The task was cancelled" false;
    // The server.
    UpstreamShed "upstream-shed" 503 "The service that the kind calls is not well" true;
    Overloaded "overloaded" 503 "The server has more to do than it can in time" true;
    Memory "memory" 503 "The server's memory is used up" true;
    Backlog "backlog" 503 "Too many tasks wait" true;
    PayloadMemory "payload-memory" 503 "Too many payload bytes are in memory" true;
    Waiters "waiters" 503 "Too many callers wait for this task" true;
    Reads "reads" 503 "Too many reads wait" true;
    JournalLag "journal" 503 "The journal is behind" true;
    Spool "spool" 503 "The payload could not be kept" true;
    Disk "disk" 503 "The disk is full" true;
    JournalFailed "journal-failed" 503 "The journal cannot write" true;
    Undecided "undecided" 503 "The task's fate is not on disk yet" true;
    Draining "draining" 503 "The server is shutting down" true;
    Internal "internal" 500 "The server failed" true;
}

/// What all documents of a code have in common, unless a task's fault is told.
pub(super) struct Stock {
    pub(super) before: &'static str,
    pub(super) behind: &'static str,
}
