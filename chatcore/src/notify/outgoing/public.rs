//! Which addresses are on the open Internet, and may be sent to when somebody else chose them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Networks that are not, with the length of their prefix (IANA's registries of special-purpose addresses).
const NOT_PUBLIC_V4: &[([u8; 4], u32)] = &[
    ([0, 0, 0, 0], 8),       // this host
    ([10, 0, 0, 0], 8),      // private
    ([100, 64, 0, 0], 10),   // between a provider and its customers
    ([127, 0, 0, 0], 8),     // loopback
    ([169, 254, 0, 0], 16),  // link-local, and where clouds tell machines their secrets
    ([172, 16, 0, 0], 12),   // private
    ([192, 0, 0, 0], 24),    // protocols
    ([192, 0, 2, 0], 24),    // documentation
    ([192, 88, 99, 0], 24),  // 6to4 relays
    ([192, 168, 0, 0], 16),  // private
    ([198, 18, 0, 0], 15),   // benchmarks
    ([198, 51, 100, 0], 24), // documentation
    ([203, 0, 113, 0], 24),  // documentation
    ([224, 0, 0, 0], 4),     // multicast
    ([240, 0, 0, 0], 4),     // reserved, broadcast
];

/// The same of what is given out for the Internet at all, `2000::/3`.
const NOT_PUBLIC_V6: &[([u16; 2], u32)] = &[
    ([0x2001, 0x0000], 23), // protocols, Teredo, benchmarks, ORCHID
    ([0x2001, 0x0db8], 32), // documentation
    ([0x2002, 0x0000], 16), // 6to4, which leads to any IPv4 address
    ([0x3fff, 0x0000], 20), // documentation
];

/// Whether it is an address of the open Internet. One that stands for an IPv4 address behind it is what that one is.
pub(super) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let address = u32::from(address);
    !NOT_PUBLIC_V4.iter().any(|(network, bits)| (address ^ u32::from_be_bytes(*network)) >> (32 - bits) == 0)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    // How a machine without IPv4 reaches such an address (RFC 6052); DNS makes these up for it.
    if let [0x64, 0xff9b, 0, 0, 0, 0, high, low] = segments {
        return is_public_v4(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)));
    }
    let first = (u32::from(segments[0]) << 16) | u32::from(segments[1]);
    let is_in = |([high, low], bits): &([u16; 2], u32)| {
        (first ^ ((u32::from(*high) << 16) | u32::from(*low))) >> (32 - bits) == 0
    };
    segments[0] >> 13 == 1 && !NOT_PUBLIC_V6.iter().any(is_in)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn public(text: &str) -> bool {
        is_public(text.parse().unwrap_or_else(|_| panic!("{text}")))
    }

    #[test]
    fn nothing_special_is_public_at_either_end() {
        for special in [
            "0.0.0.0",
            "0.255.255.255",
            "10.0.0.0",
            "10.255.255.255",
            "100.64.0.0",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.255",
            "169.254.0.0",
            "169.254.169.254",
            "169.254.255.255",
            "172.16.0.0",
            "172.31.255.255",
            "192.0.0.0",
            "192.0.0.170",
            "192.0.0.255",
            "192.0.2.0",
            "192.0.2.255",
            "192.88.99.1",
            "192.168.0.0",
            "192.168.255.255",
            "198.18.0.0",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
        ] {
            assert!(!public(special), "{special}");
            // However it is written inside of an address of the other kind.
            for around in ["::ffff:", "::", "64:ff9b::", "64:ff9b:1::", "::ffff:0:"] {
                assert!(!public(&format!("{around}{special}")), "{around}{special}");
            }
        }
        for special in [
            "::",
            "::1",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "fc00::1",
            "fd00::1",
            "fdff:ffff::1",
            "ff02::1",
            "ff0e::1",
            "100::1",
            "100:0:0:1::1",
            "2001::1",
            "2001:2::1",
            "2001:10::1",
            "2001:20::1",
            "2001:1ff:ffff::1",
            "2001:db8::1",
            "2001:db8:ffff::1",
            "2002:7f00:1::1",
            "2002:808:808::1",
            "3fff::1",
            "3fff:fff::1",
            "5f00::1",
            "4000::1",
            "::ffff:8.8.8.8",
            "::8.8.8.8",
            "64:ff9b:1::8.8.8.8",
            "64:ff9b:0:0:1::8.8.8.8",
        ] {
            assert!(!public(special), "{special}");
        }
    }

    #[test]
    fn their_neighbours_are() {
        for address in [
            "1.1.1.1",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.0.3.0",
            "192.88.98.255",
            "192.88.100.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "198.51.99.255",
            "198.51.101.0",
            "203.0.112.255",
            "203.0.114.0",
            "223.255.255.255",
            "2000::1",
            "2001:200::1",
            "2001:db7::1",
            "2001:db9::1",
            "2003::1",
            "2606:4700::1111",
            "3ffe::1",
            "3fff:1000::1",
            "64:ff9b::8.8.8.8",
        ] {
            assert!(public(address), "{address}");
        }
    }

    proptest! {
        /// What the standard library calls special is special here.
        #[test]
        fn agrees_with_the_standard_library(bytes in any::<[u8; 4]>()) {
            let address = Ipv4Addr::from(bytes);
            let special = address.is_loopback() || address.is_private() || address.is_link_local()
                || address.is_broadcast() || address.is_documentation() || address.is_multicast()
                || address.is_unspecified();
            prop_assert!(!(special && is_public(address.into())), "{}", address);
            prop_assert!(!is_public(address.to_ipv6_mapped().into()));
        }

        #[test]
        fn agrees_with_it_on_the_long_ones(bytes in any::<[u8; 16]>(), lead in prop::option::of(0_u8..=255)) {
            let mut bytes = bytes;
            if let Some(lead) = lead {
                bytes[0] = lead;
            }
            let address = Ipv6Addr::from(bytes);
            let special = address.is_loopback() || address.is_multicast() || address.is_unspecified()
                || address.is_unique_local() || address.is_unicast_link_local() || address.to_ipv4().is_some();
            prop_assert!(!(special && is_public(address.into())), "{}", address);
        }
    }
}
