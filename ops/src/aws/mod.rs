//! A tiny client for the emulated AWS, and no more of AWS than the rehearsal reads.
//!
//! Two protocols: JSON 1.1 (ECS, SSM) and the query protocol with XML answers (IAM, load
//! balancing). The emulator takes region and service from the signature's scope and checks no
//! signature, so the one sent here is empty. Against the real AWS this client is of no use, and that
//! is meant: a rehearsal can never touch an account.

mod client;
pub mod ecs;
pub mod elb;
pub mod iam;
pub mod ssm;
mod xml;

pub use client::Client;

/// The texts of all elements of this name in an answer of the query protocol.
pub fn xml_texts(answer: &str, name: &str) -> anyhow::Result<Vec<String>> {
    let document = xml::parse(answer, name)?;
    Ok(document
        .descendants()
        .filter(|n| n.tag_name().name() == name)
        .filter_map(|n| n.text())
        .map(str::to_owned)
        .collect())
}
