//! Waiting until a server is as far as it should be, as its own gauges tell: until it has nothing
//! left to do, above all.

use crate::metrics::Metrics;
use anyhow::bail;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

const LIVE_TASKS: &str = "overtime_tasks_live";
const RECOVERING: &str = "overtime_recovering";
/// To ask is work for the server, beside what it is measured at.
const PAUSE: Duration = Duration::from_millis(25);

/// Waits until no task is live, nor about to be taken in after a restart, and says how long that
/// took. `admin` is the server's admin port.
pub fn settle(admin: SocketAddr, patience: Duration) -> anyhow::Result<Duration> {
    let recovered = await_metric(admin, RECOVERING, |recovering| recovering == 0.0, patience)?;
    Ok(recovered + await_metric(admin, LIVE_TASKS, |live| live == 0.0, patience)?)
}

/// Waits until the metric `name`, summed over its labels, is as it should be, and says how long
/// that took.
pub fn await_metric(
    admin: SocketAddr,
    name: &str,
    is_right: impl Fn(f64) -> bool,
    patience: Duration,
) -> anyhow::Result<Duration> {
    let begun = Instant::now();
    loop {
        let value = Metrics::read(admin)?.sum(name)?;
        if is_right(value) {
            return Ok(begun.elapsed());
        }
        if begun.elapsed() > patience {
            bail!("{name} is still {value} after {patience:?}");
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
        let admin = serve(&[
            "overtime_recovering 1\novertime_tasks_live 0",
            "overtime_recovering 0\novertime_tasks_live 2",
            "overtime_recovering 0\novertime_tasks_live 2",
            "overtime_recovering 0\novertime_tasks_live 0.0",
        ]);
        assert!(settle(admin, Duration::from_secs(60)).unwrap() >= 2 * PAUSE);
    }

    #[test]
    fn tasks_that_never_end_are_told() {
        let error =
            settle(serve(&["overtime_recovering 0\novertime_tasks_live 3"]), Duration::ZERO)
                .unwrap_err();
        assert!(error.to_string().contains("tasks_live is still 3"), "{error}");
    }

    #[test]
    fn a_server_that_does_not_tell_is_not_taken_for_idle() {
        assert!(settle(serve(&["overtime_tasks_lively 0"]), Duration::ZERO).is_err());
    }
}
