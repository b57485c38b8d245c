//! `longshore batch`

pub(crate) mod command;
pub(crate) mod expand;
pub(crate) mod paths;
pub(crate) mod pattern;
pub(crate) mod words;
