//! How often a task has failed, as its events tell it.

use crate::event_stream::EventStream;
use anyhow::bail;
use overtime_protocol::TaskId;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(30);
const INPUT_BYTES: usize = 4 * 1024;

/// The failed attempts of a task that has ended.
pub(super) fn retries(address: SocketAddr, task: TaskId) -> anyhow::Result<u64> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(stream, "GET /v1/tasks/{task}/events HTTP/1.1\r\nHost: {address}\r\n\r\n")?;
    let (mut events, mut retries, mut input) = (EventStream::default(), 0, [0; INPUT_BYTES]);
    while !events.is_over() {
        let read = stream.read(&mut input)?;
        if read == 0 {
            bail!("the events of {task} broke off");
        }
        events.take(&input[..read], |event| {
            retries += u64::from(event.data.contains("\"state\":\"retrying\""));
            true
        })?;
    }
    Ok(retries)
}
