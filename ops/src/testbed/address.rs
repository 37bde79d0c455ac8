//! Addresses in the applied subnets.

use std::net::Ipv4Addr;

use anyhow::Context as _;

use crate::aws::Client;

/// The `number`th address of the subnet; 1 is the VPC's router.
pub fn in_subnet(cidr: &str, number: u32) -> anyhow::Result<Ipv4Addr> {
    let (network, _) = cidr.split_once('/').with_context(|| format!("{cidr} is no CIDR"))?;
    let network: Ipv4Addr = network.parse().with_context(|| format!("{cidr} is no CIDR"))?;
    Ok(Ipv4Addr::from(u32::from(network) + number))
}

/// The CIDR of a subnet.
pub async fn cidr(client: &Client, subnet: &str) -> anyhow::Result<String> {
    let query = ["--subnet-ids", subnet, "--query", "Subnets[0].CidrBlock"];
    client.call(&[&["ec2", "describe-subnets"], &query[..]].concat()).await
}

#[cfg(test)]
mod tests {
    #[test]
    fn address_is_counted_from_the_network() {
        assert_eq!(super::in_subnet("10.42.16.0/20", 1).unwrap().to_string(), "10.42.16.1");
    }
}
