//! The pressure: load, crash tests, and floors to put beside. It speaks plain HTTP/1.1 to any
//! server with the same API, and native frames to ours, on loopback only, and knows nothing of how
//! that server is built.

pub mod accepted;
pub mod argument;
pub mod ask;
pub mod bar;
pub mod batch;
pub mod bulk;
pub mod caller;
pub mod command;
pub mod connection;
pub mod contacts;
pub mod data;
pub mod document;
pub mod event_stream;
pub mod figures;
pub mod floor;
pub mod generator;
pub mod head;
pub mod home;
pub mod latency;
pub mod load;
pub mod measurement;
pub mod metrics;
pub mod native_connection;
pub mod native_generator;
pub mod native_request;
pub mod open_files;
pub mod output;
pub mod random;
pub mod report;
pub mod request;
pub mod response;
pub mod scenario;
pub mod schedule;
pub mod server_process;
pub mod settle;
pub mod timeline;
pub mod timer;
pub mod usage;
pub mod verdict;
pub mod workload;
