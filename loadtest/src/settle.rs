//! Waiting until a server has nothing left to do, as its own gauge of live tasks tells.

use crate::metrics::Metrics;
use anyhow::bail;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

const LIVE_TASKS: &str = "overtime_tasks_live";
const PAUSE: Duration = Duration::from_millis(5);

/// Waits until no task is live, and says how long that took. `admin` is the server's admin port.
pub fn settle(admin: SocketAddr, patience: Duration) -> anyhow::Result<Duration> {
    let begun = Instant::now();
    loop {
        let live = Metrics::read(admin)?.sum(LIVE_TASKS)?;
        if live == 0.0 {
            return Ok(begun.elapsed());
        }
        if begun.elapsed() > patience {
            bail!("{live} tasks are still live after {patience:?}");
        }
        std::thread::sleep(PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader, Write};
    use std::net::TcpListener;

    /// An admin port whose n-th answer tells the n-th gauge, and the last one from then on.
    fn serve(gauges: &'static [&'static str]) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for asked in 0.. {
                let (stream, _) = listener.accept().unwrap();
                BufReader::new(&stream).lines().map_while(Result::ok).find(String::is_empty);
                let body = format!("# EOF\n{}\n", gauges[gauges.len().min(asked + 1) - 1]);
                let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
                (&stream).write_all((head + &body).as_bytes()).unwrap();
            }
        });
        address
    }

    #[test]
    fn it_waits_until_nothing_is_live() {
        let admin = serve(&["overtime_tasks_live 2.0", "overtime_tasks_live 0.0"]);
        assert!(settle(admin, Duration::from_secs(60)).unwrap() >= PAUSE);
    }

    #[test]
    fn tasks_that_never_end_are_told() {
        let error = settle(serve(&["overtime_tasks_live 3"]), Duration::ZERO).unwrap_err();
        assert!(error.to_string().contains("3 tasks are still live"), "{error}");
    }

    #[test]
    fn a_server_that_does_not_tell_is_not_taken_for_idle() {
        assert!(settle(serve(&["overtime_tasks_lively 0"]), Duration::ZERO).is_err());
    }
}
