//! How many files this process may have open: a connection is one.

use anyhow::{Context, bail};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors for everything but the connections.
const OTHER_FILES: u64 = 64;

/// Makes room for so many connections.
///
/// # Errors
/// If the system allows fewer.
pub fn make_room(connections: u64) -> anyhow::Result<()> {
    let files = connections + OTHER_FILES;
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if let Some(limit) = maximum.filter(|maximum| *maximum < files) {
        bail!("{files} open files are needed, and {limit} is the limit");
    }
    if current.is_none_or(|current| current >= files) {
        return Ok(());
    }
    setrlimit(Resource::Nofile, Rlimit { current: Some(files), maximum })
        .context("cannot raise the limit of open files")
}

/// Makes room for `wanted` connections, or for as many as the system allows, and says how many.
pub fn make_room_up_to(wanted: u64) -> anyhow::Result<u64> {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let most = maximum.map_or(wanted, |maximum| maximum.saturating_sub(OTHER_FILES));
    let connections = wanted.min(most);
    make_room(connections)?;
    Ok(connections)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_room_for_a_few_connections_and_never_for_more_than_allowed() {
        assert_eq!(make_room_up_to(10).unwrap(), 10);
        if let Some(most) = getrlimit(Resource::Nofile).maximum {
            assert!(make_room(most).is_err());
            assert!(make_room_up_to(most).unwrap() < most);
        }
    }
}
