//! SIGTERM, SIGINT and SIGHUP: the first asks to drain, the second ends at once. SIGHUP is what a server gets whose
//! terminal is closed: partners are not to lose their transfers by it.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that end a server. Made early, so that one that comes during the start is not lost.
#[derive(Debug)]
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    /// `None` when the server was started to ignore it, as by nohup(1).
    hang_up: Option<Signal>,
}

impl Signals {
    /// Takes over SIGTERM, SIGINT and SIGHUP. Must run inside a runtime.
    ///
    /// # Errors
    /// Those of sigaction(2).
    pub(crate) fn install() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: if ignores_hang_up() {
                None
            } else {
                Some(signal(SignalKind::hangup())?)
            },
        })
    }

    /// Waits for the next one; its name, and the exit status that shells expect of a process it ended.
    pub(crate) async fn next(&mut self) -> (&'static str, u8) {
        tokio::select! {
            _ = self.terminate.recv() => ("SIGTERM", 128 + 15),
            _ = self.interrupt.recv() => ("SIGINT", 128 + 2),
            () = hung_up(&mut self.hang_up) => ("SIGHUP", 128 + 1),
        }
    }
}

async fn hung_up(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => {
            signal.recv().await;
        }
        None => std::future::pending().await,
    }
}

/// Whether whoever started us wants SIGHUP ignored (proc_pid_status(5): `SigIgn`, bit 0 is signal 1).
fn ignores_hang_up() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & 1 == 1)
}
