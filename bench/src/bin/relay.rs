//! `relay TO DELAY_MS`: listens on a free port of 127.0.0.1, prints its address, and relays each connection to `TO`
//! with that delay in each direction. Ends with its standard input.

use std::error::Error;
use std::io::{self, Read, Write};
use std::net::TcpListener;
use std::process;
use std::thread;
use std::time::Duration;

use longshore_bench::relay::Relay;

fn main() -> Result<(), Box<dyn Error>> {
    let [to, delay_ms] = <[String; 2]>::try_from(std::env::args().skip(1).collect::<Vec<_>>())
        .map_err(|_| "usage: relay TO DELAY_MS")?;
    let relay = Relay {
        to: to.parse()?,
        delay: Duration::from_millis(delay_ms.parse()?),
        buffer: BUFFER_LEN,
    };
    let listener = TcpListener::bind("127.0.0.1:0")?;
    writeln!(io::stdout(), "{}", listener.local_addr()?)?;
    thread::spawn(|| {
        // whoever started the relay is done with it, or gone
        let _ = io::stdin().read_to_end(&mut Vec::new());
        process::exit(0);
    });
    relay.run(&listener)?;
    Ok(())
}

/// Bytes under way in each direction.
const BUFFER_LEN: usize = 64 * 1024 * 1024;
