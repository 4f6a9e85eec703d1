//! Network addresses and places in texts.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An address that may belong to somebody: not of documentation, loopback, link or "any".
pub(super) fn is_address(value: &str) -> bool {
    let (address, prefix) = value.split_once('/').unwrap_or((value, ""));
    let host = matches!(prefix, "" | "32" | "128");
    host && address.parse().is_ok_and(|address| match address {
        IpAddr::V4(v4) => is_somebodys_v4(v4),
        IpAddr::V6(v6) => is_somebodys_v6(v6),
    })
}

/// Documentation: RFC 5737.
fn is_somebodys_v4(address: Ipv4Addr) -> bool {
    let dull = address.is_documentation()
        || address.is_loopback()
        || address.is_unspecified()
        || address.is_broadcast()
        || address.is_link_local();
    // `1.2.3.4` may be a version.
    let version = address.octets().iter().all(|octet| *octet < 30) && !address.is_private();
    !dull && !version
}

/// Documentation: RFC 3849.
fn is_somebodys_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    let documentation = (first, second) == (0x2001, 0x0db8);
    let link_local = first & 0xffc0 == 0xfe80;
    !documentation && !link_local && !address.is_loopback() && !address.is_unspecified()
}

/// `48.13743, 11.57549`, with or without parentheses: degrees with three decimals or more.
pub(super) fn is_place(value: &str) -> bool {
    let inner = value.trim().trim_start_matches(['(', '[']).trim_end_matches([')', ']']);
    let Some((latitude, longitude)) = inner.split_once(',') else { return false };
    is_degrees(latitude, 90.0) && is_degrees(longitude, 180.0)
}

fn is_degrees(text: &str, most: f64) -> bool {
    let text = text.trim();
    let decimals = text.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-'));
    plain && decimals >= 3 && text.parse::<f64>().is_ok_and(|degrees| degrees.abs() <= most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_documentation_and_versions_are_nobodys() {
        for nobodys in
            ["192.0.2.7", "203.0.113.9", "127.0.0.1", "2001:db8::1", "1.2.3.4", "10.0.0.0/8", "1.2"]
        {
            assert!(!is_address(nobodys), "{nobodys}");
        }
        for somebodys in ["84.112.7.201", "10.0.0.17", "2a02:8108:96bf:e2ac::1", "91.5.14.2/32"] {
            assert!(is_address(somebodys), "{somebodys}");
        }
    }

    #[test]
    fn a_place_is_a_pair_of_degrees() {
        assert!(is_place("48.13743, 11.57549"));
        assert!(is_place("(-33.86882,151.20929)"));
        assert!(!is_place("1.5, 2.5"));
        assert!(!is_place("148.13743, 11.57549"));
        assert!(!is_place("12.345"));
    }
}
