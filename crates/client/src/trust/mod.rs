//! Which host keys to trust: pinned fingerprints, authorities, known-hosts files, new ones by choice or by asking.
//!
//! [`TrustPolicy`] decides; [`known_hosts`] reads and changes the files, for `longshore trust` as well; [`mod@line`] is one line of them.

pub mod known_hosts;
pub mod line;
mod policy;
mod refusal;
mod revoked;
mod rsa;

pub use policy::{AskAboutHostKey, TrustPolicy, UnknownHostKey};
