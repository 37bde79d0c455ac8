//! The task's network interface.
//!
//! Fargate gives every task its own interface in the VPC, which all its containers share (`awsvpc`). So a task gets a
//! network namespace with an address from the applied subnet. A veth pair connects it to the rehearsal's namespace.

use std::net::Ipv4Addr;

use anyhow::{Context as _, bail};
use tokio::process::Command;

/// The address of a task and the network namespace of its processes.
#[derive(Debug, Clone)]
pub struct TaskNetwork {
    /// Address of the task.
    pub address: Ipv4Addr,
    /// Name of its network namespace.
    pub namespace: String,
}

impl TaskNetwork {
    /// A namespace with this address, reachable through `gateway`.
    pub async fn new(name: &str, address: Ipv4Addr, gateway: Ipv4Addr) -> anyhow::Result<Self> {
        let host_side = format!("v-{name}");
        run(&format!(
            "ip netns add {name}
             ip link add {host_side} type veth peer name eth0 netns {name}
             ip addr add {gateway}/32 dev {host_side}
             ip link set {host_side} up
             ip route add {address}/32 dev {host_side}
             ip -n {name} link set lo up
             ip -n {name} addr add {address}/32 dev eth0
             ip -n {name} link set eth0 up
             ip -n {name} route add {gateway}/32 dev eth0
             ip -n {name} route add default via {gateway}"
        ))
        .await?;
        Ok(Self { address, namespace: name.to_owned() })
    }

    /// Removes the namespace and its interface.
    pub async fn remove(&self) -> anyhow::Result<()> {
        run(&format!("ip netns del {}", self.namespace)).await
    }
}

/// Adds an address to the loopback interface.
pub async fn add_local_address(address: Ipv4Addr) -> anyhow::Result<()> {
    run(&format!("ip addr replace {address}/32 dev lo")).await
}

/// Runs the lines in a shell that stops at the first failure.
pub(crate) async fn run(script: &str) -> anyhow::Result<()> {
    let output =
        Command::new("sh").arg("-euc").arg(script).output().await.context("cannot run sh")?;
    if !output.status.success() {
        bail!("{}\n{}", script.trim(), String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}
