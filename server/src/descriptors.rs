//! Descriptors: how many this process may have, and how many of them connections may take. It opens
//! nothing.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The most that is kept for files and the admin port: with the defaults they take some fifty.
const KEPT_MAX: u64 = 256;

/// Raises the soft limit to the hard one, and returns how many connections there may be of those
/// that are wanted.
pub(crate) fn connections_of(wanted: usize) -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let may_have = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(_) => limit.current,
    };
    may_have.map_or(wanted, |descriptors| wanted.min(room_for_connections(descriptors)))
}

/// What connections may take of so many descriptors.
fn room_for_connections(descriptors: u64) -> usize {
    let room = descriptors - (descriptors / 4).min(KEPT_MAX);
    usize::try_from(room).unwrap_or(usize::MAX).max(1)
}

/// What the operator should know of it.
pub(crate) fn note(wanted: usize, connections: usize) -> Option<String> {
    (connections < wanted).then(|| {
        format!(
            "the process may have descriptors for {connections} connections, so no more than that \
             are kept open although limits.connections is {wanted} (ulimit -n, LimitNOFILE)"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_keep_a_quarter_of_few_descriptors_and_256_of_many() {
        let rooms = [0, 1, 96, 1024, 20_000, u64::MAX].map(room_for_connections);
        assert_eq!(rooms[..5], [1, 1, 72, 768, 19_744]);
        assert!(rooms[5] > 1 << 60);
    }

    #[test]
    fn only_fewer_than_were_wanted_are_worth_a_word() {
        assert_eq!(note(100, 100), None);
        assert!(note(101, 100).is_some_and(|note| note.contains("100 connections")));
    }
}
