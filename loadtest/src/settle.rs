//! Waiting until a server has nothing left to do.

use crate::ask::ask;
use crate::document::{TaskPage, read};
use crate::request::get;
use anyhow::{Context, bail};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

const UNFINISHED: [&str; 4] = ["queued", "running", "retrying", "held"];
const PAUSE: Duration = Duration::from_millis(5);

/// Waits until no task is unfinished, and says how long that took.
pub fn settle(target: SocketAddr, patience: Duration) -> anyhow::Result<Duration> {
    let start = Instant::now();
    let mut quiet_looks = 0;
    // A task can slip from one list to another between two looks, hence two in a row.
    while quiet_looks < 2 {
        match unfinished(target)? {
            None => quiet_looks += 1,
            Some(state) if start.elapsed() > patience => {
                bail!("tasks are still {state} after {patience:?}")
            }
            Some(_) => quiet_looks = 0,
        }
        std::thread::sleep(PAUSE);
    }
    Ok(start.elapsed())
}

/// A state that some unfinished task is in.
fn unfinished(target: SocketAddr) -> anyhow::Result<Option<&'static str>> {
    for state in UNFINISHED {
        let reply = ask(target, &get(target, &format!("/v1/tasks?state={state}&limit=1")))?;
        if reply.status != 200 {
            bail!("the list of tasks was answered with {}", reply.status);
        }
        let page: TaskPage = read(&reply.body).context("the list of tasks")?;
        if !page.tasks.is_empty() {
            return Ok(Some(state));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader, Write};
    use std::net::TcpListener;

    const EMPTY: &str = r#"{"tasks":[],"next":null}"#;
    const ONE: &str = r#"{"tasks":[{"id":"T","state":"running","attempts":1}],"next":null}"#;

    /// A server whose n-th answer is the n-th page, and the last page from then on. Returns the
    /// states it was asked for.
    fn serve(pages: &'static [&'static str]) -> (SocketAddr, std::sync::mpsc::Receiver<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (tell, told) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            for asked in 0.. {
                let (stream, _) = listener.accept().unwrap();
                let mut lines = BufReader::new(&stream).lines().map(Result::unwrap);
                tell.send(lines.next().unwrap()).unwrap();
                lines.find(String::is_empty);
                let page = pages[pages.len().min(asked + 1) - 1];
                let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", page.len());
                (&stream).write_all(head.as_bytes()).unwrap();
                (&stream).write_all(page.as_bytes()).unwrap();
            }
        });
        (address, told)
    }

    #[test]
    fn all_lists_must_be_empty_twice_in_a_row() {
        let (target, asked) = serve(&[EMPTY, EMPTY, EMPTY, EMPTY, EMPTY, ONE, EMPTY]);
        settle(target, Duration::from_secs(60)).unwrap();
        let asked: Vec<String> = asked.try_iter().collect();
        // One quiet look, one that ends at the second list, two quiet looks.
        assert_eq!(asked.len(), 4 + 2 + 4 + 4);
        assert!(asked[0].starts_with("GET /v1/tasks?state=queued&limit=1 "), "{}", asked[0]);
    }

    #[test]
    fn a_task_that_never_ends_is_told_with_its_state() {
        let (target, _asked) = serve(&[EMPTY, ONE]);
        let error = settle(target, Duration::ZERO).unwrap_err();
        assert!(error.to_string().contains("still running"), "{error}");
    }
}
