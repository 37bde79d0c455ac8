//! Selects the service: by its folder, with the names from Terraform's outputs, or by flags with the names.

use std::collections::BTreeMap;

use anyhow::{Context as _, bail, ensure};
use serde::Deserialize;
use serde_json::Value;

use crate::deploy;

/// The selected service. Its names come from the outputs of terraform/, unless the flags give all of them.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Meant {
    #[command(flatten)]
    stack: deploy::Target,
    /// Name of the ECS cluster
    #[arg(long, global = true)]
    cluster: Option<String>,
    /// Name of the ECS service
    #[arg(long, global = true)]
    ecs_service: Option<String>,
    /// Name of the SSM parameter with the keys
    #[arg(long, global = true)]
    parameter: Option<String>,
    /// Name of the service's log group, for `usage`
    #[arg(long, global = true)]
    log_group: Option<String>,
}

/// The names of a service's parts in AWS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Names {
    pub(super) cluster: String,
    pub(super) service: String,
    pub(super) parameter: String,
    pub(super) log_group: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Output {
    service: Ecs,
    api_key_parameter: Option<String>,
    log_group: String,
}

#[derive(Debug, Deserialize)]
struct Ecs {
    cluster: String,
    service: String,
}

impl Meant {
    /// The names, from the flags or from Terraform.
    pub(super) fn names(&self) -> anyhow::Result<Names> {
        match [&self.cluster, &self.ecs_service, &self.parameter] {
            [None, None, None] => {}
            [Some(cluster), Some(service), Some(parameter)] => {
                let [cluster, service] = [cluster.clone(), service.clone()];
                let (parameter, log_group) = (parameter.clone(), self.log_group.clone());
                return Ok(Names { cluster, service, parameter, log_group });
            }
            _ => bail!("give all of --cluster, --ecs-service and --parameter, or none"),
        }
        let outputs = self.stack.outputs()?["services"]["value"].clone();
        let environment = &self.stack.environment;
        ensure!(!outputs.is_null(), "no service is deployed in {environment}");
        let folder = Some(self.stack.service.as_str()).filter(|folder| !folder.is_empty());
        chosen(outputs, folder)
    }
}

/// The service of this folder. Without a folder, the only service with keys.
fn chosen(outputs: Value, folder: Option<&str>) -> anyhow::Result<Names> {
    let outputs: BTreeMap<String, Output> =
        serde_json::from_value(outputs).context("the output `services` is malformed")?;
    let keyed = outputs.iter().filter(|(_, output)| output.api_key_parameter.is_some());
    let keyed: Vec<&str> = keyed.map(|(folder, _)| folder.as_str()).collect();
    let folder = match (folder, keyed.as_slice()) {
        (Some(folder), _) => folder,
        (None, [only]) => only,
        (None, all) => {
            bail!("name the service with --service; those with keys: {}", all.join(", "))
        }
    };
    let output = outputs.get(folder).with_context(|| {
        format!("no service {folder} is deployed; those with keys: {}", keyed.join(", "))
    })?;
    let parameter = output.api_key_parameter.clone();
    Ok(Names {
        cluster: output.service.cluster.clone(),
        service: output.service.service.clone(),
        parameter: parameter.with_context(|| format!("{folder} has no operation with a key"))?,
        log_group: Some(output.log_group.clone()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn service(name: &str, parameter: &Value) -> Value {
        json!({ "service": { "cluster": "c", "service": name, "task_definition": "t" },
            "api_key_parameter": parameter, "log_group": format!("/{name}"), "url": "https://x" })
    }

    #[test]
    fn service_is_found_by_folder_or_as_the_only_one() {
        let outputs = json!({ "sum": service("sum-api-production", &json!("/sum-api/production/api-key")),
            "open": service("open-production", &Value::Null) });
        let expected = Names {
            cluster: "c".into(),
            service: "sum-api-production".into(),
            parameter: "/sum-api/production/api-key".into(),
            log_group: Some("/sum-api-production".into()),
        };
        for folder in [None, Some("sum")] {
            assert_eq!(chosen(outputs.clone(), folder).unwrap(), expected);
        }
        for (folder, words) in
            [("open", "no operation with a key"), ("other", "those with keys: sum")]
        {
            let refusal = chosen(outputs.clone(), Some(folder)).unwrap_err();
            assert!(refusal.to_string().contains(words), "{refusal}");
        }
        let two = json!({ "a": service("a", &json!("/a")), "b": service("b", &json!("/b")) });
        let refusal = chosen(two, None).unwrap_err().to_string();
        assert!(refusal.contains("--service") && refusal.contains("a, b"), "{refusal}");
    }
}
