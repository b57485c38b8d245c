//! Staged uploads: from `begin` over writes to `publish`, and the register that says who has which names in work.

mod begin;
mod content;
mod flush;
mod handle;
mod live;
mod publish;
mod queue;
mod ranges;
mod registry;
mod staged;
mod staging;

pub(crate) use begin::{begin, join};
pub(crate) use handle::JoinedEdit;
pub(crate) use live::LiveUploads;
pub(crate) use ranges::Ranges;
pub(crate) use staged::Staged;
pub(crate) use staging::sweep;
