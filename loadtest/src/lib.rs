//! The pressure: load, a drill, and floors to put beside. It speaks plain HTTP/1.1 to any
//! server with the same API, and native frames to ours, on loopback only, and knows nothing of how
//! that server is built.
//!
//! `overtime drill` is made of the [`drill`] module alone; whatever only measures is behind the
//! feature `measuring`, which is on unless somebody turns it off.

#[cfg(feature = "measuring")]
pub mod accepted;
#[cfg(feature = "measuring")]
pub mod argument;
pub mod ask;
#[cfg(feature = "measuring")]
pub mod bar;
#[cfg(feature = "measuring")]
pub mod batch;
#[cfg(feature = "measuring")]
pub mod bulk;
#[cfg(feature = "measuring")]
pub mod caller;
#[cfg(feature = "measuring")]
pub mod command;
#[cfg(feature = "measuring")]
pub mod connection;
pub mod contacts;
#[cfg(feature = "measuring")]
pub mod data;
pub mod document;
pub mod drill;
pub mod event_stream;
#[cfg(feature = "measuring")]
pub mod figures;
#[cfg(feature = "measuring")]
pub mod floor;
#[cfg(feature = "measuring")]
pub mod generator;
pub mod head;
#[cfg(feature = "measuring")]
pub mod home;
#[cfg(feature = "measuring")]
pub mod latency;
#[cfg(feature = "measuring")]
pub mod load;
#[cfg(feature = "measuring")]
pub mod measurement;
#[cfg(feature = "measuring")]
pub mod metrics;
#[cfg(feature = "measuring")]
pub mod native_connection;
#[cfg(feature = "measuring")]
pub mod native_generator;
#[cfg(feature = "measuring")]
pub mod native_request;
#[cfg(feature = "measuring")]
pub mod open_files;
pub mod output;
pub mod random;
#[cfg(feature = "measuring")]
pub mod report;
pub mod request;
pub mod response;
#[cfg(feature = "measuring")]
pub mod scenario;
#[cfg(feature = "measuring")]
pub mod schedule;
pub mod server_process;
#[cfg(feature = "measuring")]
pub mod settle;
#[cfg(feature = "measuring")]
pub mod timeline;
#[cfg(feature = "measuring")]
pub mod timer;
#[cfg(feature = "measuring")]
pub mod usage;
pub mod verdict;
#[cfg(feature = "measuring")]
pub mod workload;
