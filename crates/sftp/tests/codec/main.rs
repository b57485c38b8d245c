//! The codec from outside: literal bytes for every packet, round trips, cuts, limits, arbitrary input.

mod frames;
mod golden;
mod golden_replies;
mod golden_requests;
mod long_name;
mod malformed;
mod name_list;
mod payloads;
mod round_trip;
mod start;
mod strategies;
