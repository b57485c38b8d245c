//! SOCKS5 (RFC 1928) with user name and password (RFC 1929).

use std::net::IpAddr;

use zeroize::Zeroizing;

use super::proxy::{Login, Proxy};
use super::{error, socks};
use crate::endpoint::{BoxedStream, Endpoint};
use crate::error::Result;

const VERSION: u8 = 5;
const NO_LOGIN: u8 = 0;
const PASSWORD: u8 = 2;
const NONE_ACCEPTABLE: u8 = 0xff;

/// Has the proxy connect to `target`.
pub(super) async fn tunnel(proxy: &Proxy, mut stream: BoxedStream, target: &Endpoint) -> Result<BoxedStream> {
    let login = proxy.credentials();
    let methods: &[u8] = if login.is_some() {
        &[VERSION, 2, NO_LOGIN, PASSWORD]
    } else {
        &[VERSION, 1, NO_LOGIN]
    };
    socks::send(proxy, &mut stream, methods).await?;
    let [version, method] = socks::take(proxy, &mut stream).await?;
    if version != VERSION {
        return Err(error::protocol(proxy, "its answer is none of SOCKS5"));
    }
    match (method, login) {
        (NO_LOGIN, _) => {}
        (PASSWORD, Some(login)) => log_in(proxy, &mut stream, login).await?,
        (NONE_ACCEPTABLE, None) => return Err(error::wants_login(proxy, "it takes nobody without one")),
        (NONE_ACCEPTABLE, Some(_)) => {
            return Err(error::login_refused(proxy, "it takes neither passwords nor none"));
        }
        _ => return Err(error::protocol(proxy, "it chose a method that was not offered")),
    }
    socks::send(proxy, &mut stream, &request(target)).await?;
    answer(proxy, &mut stream, target).await?;
    Ok(stream)
}

async fn log_in(proxy: &Proxy, stream: &mut BoxedStream, login: &Login) -> Result<()> {
    let mut message = Zeroizing::new(vec![1]);
    for text in [login.user.as_str(), login.password()] {
        let len = u8::try_from(text.len()).ok().filter(|len| *len > 0);
        let len =
            len.ok_or_else(|| error::unusable(proxy, "user name and password need 1 to 255 bytes each"))?;
        message.push(len);
        message.extend_from_slice(text.as_bytes());
    }
    socks::send(proxy, stream, &message).await?;
    // The version of this answer is 1; some proxies say 5, and none of them mean anything by it.
    let [_, status] = socks::take(proxy, stream).await?;
    if status != 0 {
        return Err(error::login_refused(proxy, &format!("status {status}")));
    }
    Ok(())
}

fn request(target: &Endpoint) -> Vec<u8> {
    let mut message = vec![VERSION, 1, 0];
    match target.ip() {
        Some(IpAddr::V4(address)) => {
            message.push(1);
            message.extend(address.octets());
        }
        Some(IpAddr::V6(address)) => {
            message.push(4);
            message.extend(address.octets());
        }
        None => {
            let name = target.host().as_bytes();
            message.push(3);
            // an endpoint's host has at most 255 bytes
            message.push(u8::try_from(name.len()).unwrap_or(u8::MAX));
            message.extend(name);
        }
    }
    message.extend(target.port().to_be_bytes());
    message
}

async fn answer(proxy: &Proxy, stream: &mut BoxedStream, target: &Endpoint) -> Result<()> {
    let [version, code, _, kind] = socks::take(proxy, stream).await?;
    if version != VERSION {
        return Err(error::protocol(proxy, "its answer is none of SOCKS5"));
    }
    if code != 0 {
        return Err(error::refused(proxy, target, meaning(code)));
    }
    // the address that it connected from: nobody needs it, but it has to be taken out of the stream
    match kind {
        1 => drop(socks::take::<4>(proxy, stream).await?),
        4 => drop(socks::take::<16>(proxy, stream).await?),
        3 => {
            let [len] = socks::take(proxy, stream).await?;
            for _ in 0..len {
                socks::take::<1>(proxy, stream).await?;
            }
        }
        _ => {
            return Err(error::protocol(
                proxy,
                "its answer holds an unknown kind of address",
            ));
        }
    }
    socks::take::<2>(proxy, stream).await?;
    Ok(())
}

/// RFC 1928 §6.
fn meaning(code: u8) -> &'static str {
    match code {
        1 => "general failure",
        2 => "not allowed by its rules",
        3 => "network unreachable",
        4 => "host unreachable",
        5 => "connection refused",
        6 => "time to live expired",
        7 => "command not supported",
        8 => "kind of address not supported",
        _ => "an unknown reason",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_carry_addresses_and_names() {
        let bytes = |host: &str| request(&Endpoint::new(host, 2022).unwrap());
        assert_eq!(bytes("192.0.2.1"), b"\x05\x01\x00\x01\xc0\x00\x02\x01\x07\xe6");
        assert_eq!(bytes("h.x"), b"\x05\x01\x00\x03\x03h.x\x07\xe6");
        assert_eq!(bytes("::1")[..4], [5, 1, 0, 4]);
        assert_eq!(bytes("::1").len(), 22);
    }
}
