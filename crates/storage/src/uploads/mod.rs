//! Staged uploads: from `begin` over writes to `publish`, and the register that says who has which names in work.

mod at_once;
mod begin;
mod beside;
mod bounds;
mod content;
mod flush;
mod handle;
mod held;
mod journal;
mod live;
pub(crate) mod oversight;
mod park;
mod publish;
mod queue;
mod ranges;
mod registry;
mod repair;
mod staged;
mod staging;
mod tell;

pub(crate) use begin::{begin, begin_at_once, join, resume};
pub(crate) use beside::{adopt, parked_for};
pub(crate) use handle::JoinedEdit;
pub(crate) use journal::Journal;
pub(crate) use live::LiveUploads;
pub(crate) use ranges::Ranges;
pub(crate) use repair::Repair;
pub(crate) use staged::Staged;
pub(crate) use tell::announce_move;
