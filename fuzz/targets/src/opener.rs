//! The process's one opener of payloads.

use overtime_protocol::{Opener, Payload};
use std::sync::OnceLock;

/// The opener.
pub(crate) fn opener() -> &'static Opener {
    static OPENER: OnceLock<Opener> = OnceLock::new();
    OPENER.get_or_init(|| Opener::mint().expect("nobody else mints one in this process"))
}

/// The bytes of a payload in memory.
pub(crate) fn opened(payload: &Payload) -> Vec<u8> {
    opener().open(payload).expect("its bytes are in memory").concat()
}
