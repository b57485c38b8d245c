//! SIGTERM and SIGINT: the first asks to drain, the second ends at once.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that end a server. Made early, so that one that comes during the start is not lost.
#[derive(Debug)]
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Takes over SIGTERM and SIGINT. Must run inside a runtime.
    ///
    /// # Errors
    /// Those of sigaction(2).
    pub(super) fn install() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Waits for the next one; its name, and the exit status that shells expect of a process it ended.
    pub(super) async fn next(&mut self) -> (&'static str, u8) {
        tokio::select! {
            _ = self.terminate.recv() => ("SIGTERM", 128 + 15),
            _ = self.interrupt.recv() => ("SIGINT", 128 + 2),
        }
    }
}
