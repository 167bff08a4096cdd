//! What an upstream tells of itself at `GET /_told`: numbers, as JSON.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct Told {
    /// Connections that are open.
    pub connections: usize,
    /// The most that were open at a time.
    pub connections_max: usize,
    /// Calls that have not ended.
    pub under_way: usize,
    /// The most at a time.
    pub under_way_max: usize,
    /// Calls that have come.
    pub deliveries: usize,
    /// Different keys that they had.
    pub keys: usize,
    /// Keys whose work took effect; of each once.
    pub applied: usize,
    /// Calls whose work had taken effect before, and did not again.
    pub repeated: u64,
    /// How often one of them came at most.
    pub deliveries_of_a_key_max: u32,
    /// Bodies that came under more than one key: they took effect more than once.
    pub bodies_under_several_keys: usize,
    /// Calls that came with a key and another body than before.
    pub keys_with_several_bodies: u64,
    /// Calls without a key.
    pub without_key: u64,
    /// How many were answered with which status.
    pub answers: BTreeMap<u16, u64>,
    /// Calls whose connection the upstream closed.
    pub cut: u64,
    /// Calls whose caller did not wait for an answer.
    pub left: u64,
}
