//! Where the log of `sftp-server` goes: standard error, or syslog.

use std::io::{self, Write};
use std::os::unix::net::UnixDatagram;
use std::sync::Arc;

use tracing::{Level as Tracing, Metadata};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;

use super::args::{Facility, Level, SftpServerArgs};
use crate::error::{CliError, Result};
use crate::exit_code::ExitCode;

/// Installs the log of this process.
pub(super) fn install(args: &SftpServerArgs) -> Result<()> {
    let filter = filter(args.level);
    if filter == LevelFilter::OFF {
        return Ok(());
    }
    let log = tracing_subscriber::fmt()
        .with_max_level(filter)
        .with_target(false)
        .with_ansi(false)
        .without_time();
    let installed = if args.stderr {
        log.with_writer(io::stderr).try_init()
    } else {
        log.with_level(false)
            .with_writer(Syslog::new(args.facility))
            .try_init()
    };
    installed.map_err(|error| CliError::new(ExitCode::Failure, "cannot start the log").because(error))
}

fn filter(level: Level) -> LevelFilter {
    match level {
        Level::Quiet => LevelFilter::OFF,
        Level::Fatal | Level::Error => LevelFilter::ERROR,
        Level::Info | Level::Verbose => LevelFilter::INFO,
        Level::Debug | Level::Debug1 => LevelFilter::DEBUG,
        Level::Debug2 | Level::Debug3 => LevelFilter::TRACE,
    }
}

/// Sends each record to the socket that syslog daemons listen on. Without one, records are dropped: there is nobody to
/// tell.
#[derive(Debug, Clone)]
struct Syslog {
    socket: Option<Arc<UnixDatagram>>,
    facility: u8,
}

impl Syslog {
    fn new(facility: Facility) -> Self {
        let socket = UnixDatagram::unbound().and_then(|socket| {
            socket.connect(SYSLOG_SOCKET)?;
            // A daemon that does not read must not hold up a transfer.
            socket.set_nonblocking(true)?;
            Ok(socket)
        });
        Self {
            socket: socket.ok().map(Arc::new),
            facility: number(facility),
        }
    }

    fn record(&self, severity: u8) -> Record {
        Record {
            socket: self.socket.clone(),
            header: format!(
                "<{}>longshore-sftp-server[{}]: ",
                self.facility * 8 + severity,
                std::process::id()
            ),
        }
    }
}

impl<'a> MakeWriter<'a> for Syslog {
    type Writer = Record;

    fn make_writer(&'a self) -> Record {
        self.record(severity(Tracing::INFO))
    }

    fn make_writer_for(&'a self, meta: &Metadata<'_>) -> Record {
        self.record(severity(*meta.level()))
    }
}

/// One record: the formatter writes it in one piece.
struct Record {
    socket: Option<Arc<UnixDatagram>>,
    header: String,
}

impl Write for Record {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        if let Some(socket) = &self.socket {
            let line = [self.header.as_bytes(), text.trim_ascii_end()].concat();
            // It is the log itself that fails here.
            let _ = socket.send(&line);
        }
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Severities of syslog(3).
fn severity(level: Tracing) -> u8 {
    match level {
        Tracing::ERROR => 3,
        Tracing::WARN => 4,
        Tracing::INFO => 6,
        _ => 7,
    }
}

/// Facilities of syslog(3).
fn number(facility: Facility) -> u8 {
    match facility {
        Facility::User => 1,
        Facility::Daemon => 3,
        Facility::Auth => 4,
        Facility::Local0 => 16,
        Facility::Local1 => 17,
        Facility::Local2 => 18,
        Facility::Local3 => 19,
        Facility::Local4 => 20,
        Facility::Local5 => 21,
        Facility::Local6 => 22,
        Facility::Local7 => 23,
    }
}

const SYSLOG_SOCKET: &str = "/dev/log";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_carries_facility_severity_and_one_line() {
        let (ours, theirs) = UnixDatagram::pair().unwrap();
        let syslog = Syslog {
            socket: Some(Arc::new(ours)),
            facility: number(Facility::Local3),
        };
        syslog
            .record(severity(Tracing::ERROR))
            .write_all(b"gone\n")
            .unwrap();
        let mut line = [0; 128];
        let len = theirs.recv(&mut line).unwrap();
        let expected = format!("<155>longshore-sftp-server[{}]: gone", std::process::id());
        assert_eq!(std::str::from_utf8(&line[..len]).unwrap(), expected);
    }
}
