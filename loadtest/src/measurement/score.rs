//! What is counted while a run goes on. Only answers of the 2xx kind count for rate and latency,
//! so that a fast refusal never flatters.

use crate::latency::Latency;
use crate::response::Response;
use crate::timeline::Timeline;
use std::collections::BTreeMap;
use std::time::Duration;

/// The counters of a run.
#[derive(Debug, Default)]
pub struct Score {
    /// Answers of the 2xx kind.
    pub ok: u64,
    /// All answers but 200, by status.
    pub by_status: BTreeMap<u16, u64>,
    /// 200 with a body that does not answer the request.
    pub wrong_bodies: u64,
    /// Connections that broke while a request was in progress.
    pub broken: u64,
    /// Bytes of all answers.
    pub bytes_received: u64,
    /// From when each request was due to its answer.
    pub latency: Latency,
    /// The same, by when they were due.
    pub timeline: Timeline,
    /// How much later than possible the generator itself sent a request.
    pub lateness: Latency,
}

/// When a request was due, from the start of the measured part, and how long its answer took.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    /// From the start until it was due.
    pub at: Duration,
    /// From then to its answer.
    pub latency: Duration,
}

impl Score {
    /// A request was sent, `late` after both it was due and a connection was free.
    pub fn sent(&mut self, late: Duration) {
        self.lateness.record(late);
    }

    /// A request was answered.
    pub fn answered(&mut self, response: &Response<'_>, span: Span) {
        self.bytes_received += response.whole_bytes() as u64;
        if response.status != 200 {
            *self.by_status.entry(response.status).or_default() += 1;
        }
        if (200..300).contains(&response.status) {
            self.ok += 1;
            self.latency.record(span.latency);
            self.timeline.record(span.at, span.latency);
        }
    }

    /// Requests that were answered with a refusal, wrongly or not at all.
    pub fn errors(&self) -> u64 {
        let refused = self.by_status.iter().filter(|(status, _)| **status >= 300);
        refused.map(|(_, count)| count).sum::<u64>() + self.wrong_bodies + self.broken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_an_error_and_no_latency() {
        let mut score = Score::default();
        for status in [200, 202, 503, 503] {
            let span = Span { at: Duration::ZERO, latency: Duration::from_millis(1) };
            score.answered(&Response { status, head: b"", body: b"" }, span);
        }
        assert_eq!((score.ok, score.errors(), score.latency.count()), (2, 2, 2));
        assert_eq!(score.by_status, BTreeMap::from([(202, 1), (503, 2)]));
    }
}
