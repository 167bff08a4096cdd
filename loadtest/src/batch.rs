//! Many questions, each asked once, over several connections at full speed: how scenarios check
//! afterwards what a server holds. A question that gets no answer fails the batch.

use crate::connection::Broken;
use crate::generator::Generator;
use crate::response::Response;
use crate::workload::{AfterBreak, Exchange, Loss, Next, Turn, Workload};
use anyhow::bail;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Connections that share the questions.
const CONNECTIONS: usize = 64;
/// How long a batch may stand still.
const PATIENCE: Duration = Duration::from_secs(90);
const GLANCE: Duration = Duration::from_secs(1);

/// Asks `count` questions. `question` writes the request of a number into an empty buffer, and
/// `answer` gets its answer; answers come in any order.
pub fn ask_all(
    target: SocketAddr,
    count: usize,
    question: impl FnMut(usize, &mut Vec<u8>),
    answer: impl FnMut(usize, &Response<'_>),
) -> anyhow::Result<()> {
    ask_all_over(CONNECTIONS, target, count, question, answer)
}

/// The same over so many connections.
pub fn ask_all_over(
    connections: usize,
    target: SocketAddr,
    count: usize,
    question: impl FnMut(usize, &mut Vec<u8>),
    answer: impl FnMut(usize, &Response<'_>),
) -> anyhow::Result<()> {
    let connections = count.min(connections);
    let mut batch = Batch {
        question,
        answer,
        count,
        asked: 0,
        answered: 0,
        numbers: vec![0; connections],
        request: Vec::new(),
        last_answer: Instant::now(),
        broken: None,
    };
    Generator::connect(target, connections)?.run(&mut batch)?;
    if let Some(why) = batch.broken {
        bail!("a connection broke while the server was questioned: {why}");
    }
    if batch.answered < count {
        bail!("only {} of {count} questions were answered", batch.answered);
    }
    Ok(())
}

struct Batch<Q, A> {
    question: Q,
    answer: A,
    count: usize,
    asked: usize,
    answered: usize,
    /// The number of the question in progress on each connection.
    numbers: Vec<usize>,
    request: Vec<u8>,
    last_answer: Instant,
    broken: Option<String>,
}

impl<Q, A> Workload for Batch<Q, A>
where
    Q: FnMut(usize, &mut Vec<u8>),
    A: FnMut(usize, &Response<'_>),
{
    fn next(&mut self, slot: usize, _free_since: Instant, _now: Instant) -> Next<'_> {
        if self.asked == self.count {
            return Next::Retire;
        }
        self.numbers[slot] = self.asked;
        self.asked += 1;
        self.request.clear();
        (self.question)(self.numbers[slot], &mut self.request);
        Next::Send(&self.request)
    }

    fn answered(&mut self, exchange: Exchange<'_>) {
        self.last_answer = exchange.answered_at;
        self.answered += 1;
        (self.answer)(self.numbers[exchange.slot], &exchange.response);
    }

    fn broken(&mut self, _slot: usize, loss: Loss, why: &Broken) -> AfterBreak {
        if loss == Loss::Answer {
            self.broken = Some(why.to_string());
        }
        AfterBreak::Reconnect
    }

    fn turn(&mut self, now: Instant) -> Turn {
        if self.broken.is_some() || now > self.last_answer + PATIENCE {
            return Turn::Stop;
        }
        Turn::Until(now + GLANCE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::floor::relay::Relay;
    use crate::request::post;
    use std::net::TcpListener;

    #[test]
    fn every_question_gets_its_own_answer_once() {
        let relay = Relay::start(TcpListener::bind("127.0.0.1:0").unwrap(), None).unwrap();
        let target = relay.address().unwrap();
        std::thread::spawn(move || relay.run());
        let mut seen = vec![0; 1_000];
        ask_all(
            target,
            seen.len(),
            |number, out| *out = post(target, "/", "text/plain", number.to_string().as_bytes()),
            |number, response| {
                assert_eq!(response.body, number.to_string().as_bytes());
                seen[number] += 1;
            },
        )
        .unwrap();
        assert!(seen.iter().all(|count| *count == 1));
    }

    #[test]
    fn a_server_that_hangs_up_fails_the_batch() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let target = listener.local_addr().unwrap();
        std::thread::spawn(move || listener.incoming().for_each(drop));
        let question = |_, out: &mut Vec<u8>| *out = crate::request::get(target, "/");
        assert!(ask_all(target, 1, question, |_, _| {}).is_err());
    }
}
