//! A TCP relay that delivers every byte some time after it came, as a long line does.
//!
//! Each direction of a connection has a reader, which takes what comes at once and notes when, and a writer, which
//! sends it on when it is due. Between them stands a queue of bounded size: at 100 ms and 64 MiB it carries 5 Gbit/s,
//! so it is the peers' windows that limit a transfer and not the relay.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// What a relay does.
#[derive(Debug, Clone, Copy)]
pub struct Relay {
    /// Where connections go.
    pub to: SocketAddr,
    /// Delay of each direction: half the round trip.
    pub delay: Duration,
    /// Bytes under way in each direction of a connection before the relay stops reading.
    pub buffer: usize,
}

impl Relay {
    /// Serves `listener` until it fails. A connection that cannot be made is closed.
    ///
    /// # Errors
    /// That of the listener.
    pub fn run(self, listener: &TcpListener) -> io::Result<()> {
        loop {
            let (client, _) = listener.accept()?;
            thread::spawn(move || self.connect(client));
        }
    }

    fn connect(self, client: TcpStream) -> io::Result<()> {
        let server = TcpStream::connect(self.to)?;
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        self.direction(client.try_clone()?, server.try_clone()?);
        self.direction(server, client);
        Ok(())
    }

    fn direction(self, from: TcpStream, to: TcpStream) {
        let line = Arc::new(Line::new(self.buffer));
        let incoming = Arc::clone(&line);
        thread::spawn(move || incoming.fill(from, self.delay));
        thread::spawn(move || line.drain(to));
    }
}

/// What is under way in one direction.
struct Line {
    state: Mutex<State>,
    changed: Condvar,
    capacity: usize,
}

#[derive(Default)]
struct State {
    /// When each piece is due; an empty piece is the end of the stream.
    pieces: VecDeque<(Instant, Vec<u8>)>,
    bytes: usize,
    /// The receiver is gone: nothing more need be read.
    broken: bool,
}

impl Line {
    fn new(capacity: usize) -> Self {
        Self {
            state: Mutex::default(),
            changed: Condvar::new(),
            capacity,
        }
    }

    /// Reads until the end or an error, both of which travel like data.
    fn fill(&self, mut from: TcpStream, delay: Duration) {
        let mut buffer = vec![0; PIECE_LEN];
        loop {
            // an error of the sender ends the stream for the receiver
            let len = from.read(&mut buffer).unwrap_or(0);
            let due = Instant::now() + delay;
            let state = self.lock();
            let mut state = self
                .changed
                .wait_while(state, |state| state.bytes >= self.capacity && !state.broken)
                .unwrap_or_else(PoisonError::into_inner);
            if state.broken {
                let _ = from.shutdown(Shutdown::Read);
                return;
            }
            state.bytes += len;
            state.pieces.push_back((due, buffer[..len].to_vec()));
            self.changed.notify_all();
            if len == 0 {
                return;
            }
        }
    }

    fn drain(&self, mut to: TcpStream) {
        loop {
            let (due, piece) = self.next();
            thread::sleep(due.saturating_duration_since(Instant::now()));
            if piece.is_empty() {
                let _ = to.shutdown(Shutdown::Write);
                return;
            }
            if to.write_all(&piece).is_err() {
                self.lock().broken = true;
                self.changed.notify_all();
                return;
            }
            self.lock().bytes -= piece.len();
            self.changed.notify_all();
        }
    }

    fn next(&self) -> (Instant, Vec<u8>) {
        let mut state = self.lock();
        loop {
            if let Some(piece) = state.pieces.pop_front() {
                return piece;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Most bytes that are read at once.
const PIECE_LEN: usize = 256 * 1024;
