//! SOCKS4 and SOCKS4a.

use std::net::{IpAddr, Ipv4Addr};

use super::proxy::{Proxy, ProxyKind};
use super::{RouteTimeouts, direct, error, socks};
use crate::endpoint::{BoxedStream, Endpoint};
use crate::error::Result;

/// Has the proxy connect to `target`.
pub(super) async fn tunnel(
    proxy: &Proxy,
    mut stream: BoxedStream,
    target: &Endpoint,
    timeouts: &RouteTimeouts,
) -> Result<BoxedStream> {
    let address = match target.ip() {
        Some(IpAddr::V4(address)) => Some(address),
        Some(IpAddr::V6(_)) => {
            let error = error::unusable(proxy, "SOCKS4 cannot reach IPv6 addresses");
            return Err(error.hint("use SOCKS5, or a name with SOCKS4a"));
        }
        None if proxy.kind() == ProxyKind::Socks4 => Some(lookup(proxy, target, timeouts).await?),
        None => None,
    };
    let message = request(proxy, address, target)?;
    socks::send(proxy, &mut stream, &message).await?;
    let [version, code, ..] = socks::take::<8>(proxy, &mut stream).await?;
    if version != 0 {
        return Err(error::protocol(proxy, "its answer is none of SOCKS4"));
    }
    match code {
        90 => Ok(stream),
        91 => Err(error::refused(proxy, target, "request rejected or failed")),
        92 => Err(error::login_refused(proxy, "it cannot reach an identd here")),
        93 => Err(error::login_refused(proxy, "identd names another user")),
        code => Err(error::refused(proxy, target, &format!("code {code}"))),
    }
}

fn request(proxy: &Proxy, address: Option<Ipv4Addr>, target: &Endpoint) -> Result<Vec<u8>> {
    let user = proxy.credentials().map_or("", |login| login.user.as_str());
    if user.contains('\0') || user.len() > 255 {
        return Err(error::unusable(proxy, "the user name is not one for SOCKS4"));
    }
    // 0.0.0.x says that a name follows
    let octets = address.map_or([0, 0, 0, 1], |address| address.octets());
    let mut message = vec![4, 1];
    message.extend(target.port().to_be_bytes());
    message.extend(octets);
    message.extend(user.as_bytes());
    message.push(0);
    if address.is_none() {
        message.extend(target.host().as_bytes());
        message.push(0);
    }
    Ok(message)
}

async fn lookup(proxy: &Proxy, target: &Endpoint, timeouts: &RouteTimeouts) -> Result<Ipv4Addr> {
    let addresses = direct::resolve(target, direct::Family::V4, timeouts.resolve).await?;
    let mut addresses = addresses.iter().filter_map(|address| match address.ip() {
        IpAddr::V4(address) => Some(address),
        IpAddr::V6(_) => None,
    });
    addresses
        .next()
        .ok_or_else(|| error::unusable(proxy, "the server has no IPv4 address"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_carry_the_address_or_the_name() {
        let proxy = Proxy::parse("socks4a://me@p").unwrap();
        let target = Endpoint::new("h.x", 22).unwrap();
        let named = request(&proxy, None, &target).unwrap();
        assert_eq!(named, b"\x04\x01\x00\x16\x00\x00\x00\x01me\x00h.x\x00");
        let plain = request(&proxy, Some(Ipv4Addr::new(192, 0, 2, 1)), &target).unwrap();
        assert_eq!(plain, b"\x04\x01\x00\x16\xc0\x00\x02\x01me\x00");
    }
}
