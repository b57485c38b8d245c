//! Helpers of `bench/run`, the script that prints the table of speed and size: [`relay`] puts a distance between a
//! client and a server on one machine, [`api_load`] fills the users API and times it.

pub mod api_load;
pub mod http;
pub mod relay;
