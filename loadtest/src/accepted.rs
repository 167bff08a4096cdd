//! Many tasks at once, each accepted with 202, and what became of them: how scenarios make a
//! backlog and check it afterwards.

use crate::batch::{ask_all, ask_all_over};
use crate::document::{Task, read};
use crate::request::{get, post_json};
use anyhow::bail;
use std::net::SocketAddr;

/// Submits `count` tasks to `path` over so many connections, each with the body of its number, and
/// returns their ids. Any answer but 202 is an error.
pub fn submit(
    connections: usize,
    (target, path): (SocketAddr, &str),
    count: usize,
    body: impl Fn(usize) -> String,
) -> anyhow::Result<Vec<String>> {
    let (mut ids, mut refused) = (vec![String::new(); count], None);
    ask_all_over(
        connections,
        target,
        count,
        |number, request| *request = post_json(target, path, &body(number)),
        |number, response| match read::<Task>(response.body) {
            Ok(task) if response.status == 202 => ids[number] = task.id,
            _ => refused = Some(response.status),
        },
    )?;
    match refused {
        None => Ok(ids),
        Some(status) => bail!("a task was answered with {status} instead of 202"),
    }
}

/// How many of the tasks did not succeed in that attempt.
pub fn count_not_in(target: SocketAddr, ids: &[String], attempt: u32) -> anyhow::Result<u64> {
    let mut count = 0;
    ask_all(
        target,
        ids.len(),
        |number, request| *request = get(target, &format!("/v1/tasks/{}", ids[number])),
        |_, response| {
            let is_right = read::<Task>(response.body)
                .is_ok_and(|task| task.is_succeeded() && task.attempts == attempt);
            count += u64::from(!is_right);
        },
    )?;
    Ok(count)
}
