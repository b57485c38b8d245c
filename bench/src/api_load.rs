//! Fills the users API, and times its calls.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::http::{Answer, Connection};

/// An API to load.
#[derive(Debug)]
pub struct Api {
    /// Where it listens.
    pub address: SocketAddr,
    /// Its key.
    pub key: String,
}

/// How long the calls took, each in the order of calling.
#[derive(Debug, Default)]
pub struct Timings {
    /// CreateUser.
    pub create: Vec<Duration>,
    /// ListUsers with pages of 50, one after the other from the start.
    pub list: Vec<Duration>,
    /// ReadUser of the users that were listed.
    pub read: Vec<Duration>,
}

impl Api {
    /// Creates `count` users over several connections at once, so that the server commits them together.
    ///
    /// # Errors
    /// Those of the connection, and any answer but 201.
    pub fn fill(&self, count: u64) -> io::Result<()> {
        let next = AtomicU64::new(0);
        thread::scope(|scope| {
            let workers: Vec<_> = (0..FILL_CONNECTIONS)
                .map(|_| scope.spawn(|| self.fill_from(&next, count)))
                .collect();
            workers.into_iter().try_for_each(|worker| {
                worker
                    .join()
                    .unwrap_or_else(|_| Err(io::Error::other("a worker panicked")))
            })
        })
    }

    fn fill_from(&self, next: &AtomicU64, count: u64) -> io::Result<()> {
        let mut connection = Connection::open(self.address, &self.key)?;
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= count {
                return Ok(());
            }
            create(&mut connection, &format!("/fill/{number:06}"))?;
        }
    }

    /// Times `calls` calls of each kind, one at a time over one connection.
    ///
    /// # Errors
    /// Those of the connection, any answer that is not a success, and `InvalidData` when there are no users.
    pub fn measure(&self, calls: usize) -> io::Result<Timings> {
        let mut connection = Connection::open(self.address, &self.key)?;
        let mut timings = Timings::default();
        for number in 0..calls {
            let started = Instant::now();
            create(&mut connection, &format!("/measure/{number:06}"))?;
            timings.create.push(started.elapsed());
        }
        let mut names = Vec::new();
        let mut path = FIRST_PAGE.to_owned();
        while timings.list.len() < calls {
            let started = Instant::now();
            let answer = success(connection.request("GET", &path, None)?, 200)?;
            timings.list.push(started.elapsed());
            names.extend(answer.texts("username").first().map(|name| (*name).to_owned()));
            path = match answer.texts("nextPageToken").first() {
                Some(token) => format!("{FIRST_PAGE}&pageToken={token}"),
                None => FIRST_PAGE.to_owned(),
            };
        }
        for number in 0..calls {
            let Some(name) = names.get(number % names.len().max(1)) else {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "no user was listed"));
            };
            let started = Instant::now();
            success(connection.request("GET", &format!("/users/{name}"), None)?, 200)?;
            timings.read.push(started.elapsed());
        }
        Ok(timings)
    }
}

/// The middle one of the durations, zero without any.
#[must_use]
pub fn median(durations: &[Duration]) -> Duration {
    let mut sorted = durations.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

fn create(connection: &mut Connection, home: &str) -> io::Result<()> {
    let body = format!(r#"{{"homeDirectory":"{home}","description":"bench"}}"#);
    success(connection.request("POST", "/users", Some(&body))?, 201)?;
    Ok(())
}

fn success(answer: Answer, expected: u16) -> io::Result<Answer> {
    if answer.status == expected {
        Ok(answer)
    } else {
        let Answer { status, body } = answer;
        Err(io::Error::other(format!(
            "answer {status}, {expected} expected: {body}"
        )))
    }
}

/// Connections that [`Api::fill`] opens.
const FILL_CONNECTIONS: usize = 16;
/// Pages are as long as the API allows.
const FIRST_PAGE: &str = "/users?pageSize=50";
