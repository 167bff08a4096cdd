//! Gates against upstreams of all kinds: each rule, each turn, each trap that gates fall into; and
//! whole days of weather, in time that only a number tells.

mod faults;
mod hours;
mod memory;
mod operator;
mod probes;
mod rules;
mod stage;
mod suspicion;
mod traps;
mod weather;
