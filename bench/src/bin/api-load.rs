//! `api-load ADDRESS fill COUNT` creates users; `api-load ADDRESS measure CALLS` prints the medians of CreateUser,
//! ListUsers (50) and ReadUser in milliseconds as JSON. The key is in `LONGSHORE_API_KEY`.

use std::env;
use std::error::Error;
use std::io::{self, Write};

use longshore_bench::api_load::{Api, median};

fn main() -> Result<(), Box<dyn Error>> {
    let [address, verb, number] = <[String; 3]>::try_from(env::args().skip(1).collect::<Vec<_>>())
        .map_err(|_| "usage: api-load ADDRESS fill COUNT | api-load ADDRESS measure CALLS")?;
    let api = Api {
        address: address.parse()?,
        key: env::var("LONGSHORE_API_KEY")?,
    };
    match verb.as_str() {
        "fill" => api.fill(number.parse()?)?,
        "measure" => {
            let timings = api.measure(number.parse()?)?;
            let [create, list, read] = [&timings.create, &timings.list, &timings.read]
                .map(|calls| median(calls).as_secs_f64() * 1000.0);
            writeln!(
                io::stdout(),
                r#"{{"create_ms": {create:.3}, "list_ms": {list:.3}, "read_ms": {read:.3}}}"#
            )?;
        }
        other => return Err(format!("unknown verb {other}: fill or measure").into()),
    }
    Ok(())
}
