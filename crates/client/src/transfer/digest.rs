//! SHA-256 over bytes as they pass.

use aws_lc_rs::digest::{Context, SHA256};

/// A hash that is being computed; without one it costs nothing.
#[derive(Clone)]
pub(crate) struct Hasher {
    context: Option<Context>,
}

impl Hasher {
    pub(crate) fn new(wanted: bool) -> Self {
        Self {
            context: wanted.then(|| Context::new(&SHA256)),
        }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        if let Some(context) = &mut self.context {
            context.update(bytes);
        }
    }

    /// The hash; `None` if nobody wanted one.
    pub(crate) fn finish(self) -> Option<[u8; 32]> {
        self.context
            .and_then(|context| context.finish().as_ref().try_into().ok())
    }
}

impl std::fmt::Debug for Hasher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hasher")
            .field("wanted", &self.context.is_some())
            .finish()
    }
}

/// SHA-256 of bytes that are there.
pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hasher = Hasher::new(true);
    hasher.update(bytes);
    hasher.finish().unwrap_or_default()
}
