//! The task's network interface.
//!
//! Fargate gives every task an interface of its own in the VPC, and all containers of the task
//! share it (`awsvpc`). Where network namespaces may be made, a task gets one, joined to the
//! rehearsal's own namespace by a veth pair, with an address from the applied subnet. Elsewhere it
//! gets a loopback address of its own, so that two tasks can listen on the same ports.

use std::net::Ipv4Addr;

use anyhow::{Context as _, bail};
use tokio::process::Command;

/// Where a task can be reached, and where its processes run.
#[derive(Debug, Clone)]
pub struct TaskNetwork {
    /// Address of the task.
    pub address: Ipv4Addr,
    /// Name of its network namespace; `None` on loopback.
    pub namespace: Option<String>,
}

impl TaskNetwork {
    /// A namespace with this address, reachable through `gateway`.
    pub async fn namespace(
        name: &str,
        address: Ipv4Addr,
        gateway: Ipv4Addr,
    ) -> anyhow::Result<Self> {
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
        Ok(Self { address, namespace: Some(name.to_owned()) })
    }

    /// A loopback address, where the system allows no namespaces.
    #[must_use]
    pub fn loopback(number: u8) -> Self {
        Self { address: Ipv4Addr::new(127, 0, 1, number), namespace: None }
    }

    /// Takes the interface away.
    pub async fn remove(&self) -> anyhow::Result<()> {
        match &self.namespace {
            Some(name) => run(&format!("ip netns del {name}")).await,
            None => Ok(()),
        }
    }
}

/// Gives the loopback interface one more address.
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
