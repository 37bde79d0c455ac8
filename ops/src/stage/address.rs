//! Addresses inside of the applied subnets.

use std::net::Ipv4Addr;

use anyhow::Context as _;

use crate::aws::{Client, xml_texts};

/// The `number`th address of the subnet; 1 is the VPC's router.
pub fn in_subnet(cidr: &str, number: u32) -> anyhow::Result<Ipv4Addr> {
    let (network, _) = cidr.split_once('/').with_context(|| format!("{cidr} is no CIDR"))?;
    let network: Ipv4Addr = network.parse().with_context(|| format!("{cidr} is no CIDR"))?;
    Ok(Ipv4Addr::from(u32::from(network) + number))
}

/// The CIDR of a subnet, by `DescribeSubnets`.
pub async fn cidr(client: &Client, subnet: &str) -> anyhow::Result<String> {
    let answer =
        client.query("ec2", "2016-11-15", "DescribeSubnets", &[("SubnetId.1", subnet)]).await?;
    xml_texts(&answer, "cidrBlock")?
        .into_iter()
        .next()
        .with_context(|| format!("subnet {subnet} has no CIDR"))
}

#[cfg(test)]
mod tests {
    #[test]
    fn addresses_are_counted_from_the_networks() {
        assert_eq!(super::in_subnet("10.42.16.0/20", 1).unwrap().to_string(), "10.42.16.1");
    }
}
