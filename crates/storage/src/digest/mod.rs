//! SHA-256 of files: computed while an upload arrives, finished afterwards where it came out of order, and kept in an
//! extended attribute that a change of the content makes void.

mod follow;
mod late;
mod mark;

pub(crate) use follow::{Follow, Outcome, Rest};
pub(crate) use late::{Late, Task};
pub(crate) use mark::{forget, keep, known, retime};
