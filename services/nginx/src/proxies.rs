//! The networks whose `X-Forwarded-For` is trusted.
//!
//! A sidecar that trusts every address accepts any `X-Forwarded-For` of a caller. Then limits by address have no
//! effect. Several networks together can contain all addresses, so their sum is limited too.

use ipnet::IpNet;

/// The shortest prefix of one network.
const SHORTEST_PREFIX: u8 = 8;
/// A sixteenth of all addresses, in units of 2^-128 of them.
const MOST: u128 = 1 << 124;

/// Reads networks separated by commas. An empty text is an empty list. `None` if one is invalid or too large, or if all
/// of them together are too large.
#[must_use]
pub fn parse(text: &str) -> Option<Vec<IpNet>> {
    if text.is_empty() {
        return Some(Vec::new());
    }
    let networks: Vec<IpNet> = text.split(',').map(network).collect::<Option<_>>()?;
    let sum = networks.iter().map(share).fold(0, u128::saturating_add);
    (sum <= MOST).then_some(networks)
}

fn network(text: &str) -> Option<IpNet> {
    let (_, prefix) = text.split_once('/')?;
    let canonical = prefix == "0" || !prefix.starts_with('0');
    let network: IpNet = text.parse().ok()?;
    (canonical && network.prefix_len() >= SHORTEST_PREFIX).then(|| network.trunc())
}

/// The share of all addresses of its family that a network contains.
fn share(network: &IpNet) -> u128 {
    1 << (128 - u32::from(network.prefix_len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn eights(count: u8) -> String {
        let networks: Vec<String> =
            (10..10 + count).map(|first| format!("{first}.0.0.0/8")).collect();
        networks.join(",")
    }

    #[test]
    fn networks_are_normalized_to_their_first_address() {
        let text = |networks: Vec<IpNet>| {
            networks.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
        };
        for (given, expected) in [
            ("", ""),
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("10.1.2.3/16,fd00::1/8", "10.1.0.0/16,fd00::/8"),
            ("127.0.0.1/32,2001:db8::/128", "127.0.0.1/32,2001:db8::/128"),
        ] {
            assert_eq!(parse(given).map(text).as_deref(), Some(expected));
        }
        assert_eq!(parse(&eights(16)).map(|networks| networks.len()), Some(16));
    }

    #[test]
    fn network_of_all_addresses_is_refused_in_any_spelling() {
        for text in [
            "10.0.0.0",
            "10.0.0.0/33",
            "10.0.0/8",
            "256.0.0.0/8",
            "0.0.0.0/0",
            "::/0",
            "0.0.0.0/7",
            "0.0.0.0/1,128.0.0.0/1",
            "2000::/3",
            ",",
            "10.0.0.0/8,",
            "10.0.0.0/8, 10.1.0.0/16",
            "all",
            "10.0.0.0/8;",
            "unix:",
            "fe80::/129",
            "1::2::3/64",
            "10.0.0.0/8\n",
            "10.0.0.0/08",
            "10.0.0.0/+8",
            "fe80::%1/64",
            "10.0.0.0/",
            "/8",
            "10.0.0.0/8/8",
        ] {
            assert_eq!(parse(text), None, "{text:?}");
        }
        assert_eq!(parse(&eights(17)), None);
        assert_eq!(parse("10.0.0.0/8,".repeat(300).trim_end_matches(',')), None);
    }
}
