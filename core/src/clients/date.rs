//! The `Date` field's text, written once a second.

use overtime_protocol::UnixMillis;

/// The text and the second it is right for.
#[derive(Debug, Default)]
pub(super) struct DateField {
    second: u64,
    text: String,
}

impl DateField {
    pub(super) fn set(&mut self, now: UnixMillis) {
        let second = now.0 / 1000;
        if second != self.second || self.text.is_empty() {
            self.second = second;
            self.text.clear();
            now.write_http_date(&mut self.text).expect("a String takes every text");
        }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }
}
