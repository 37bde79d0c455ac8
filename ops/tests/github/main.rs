//! `ops github`, with the real `gh` and the real Terraform, against an emulated GitHub.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails, in its helpers too")]

mod documents;
mod environments;
mod lists;
mod plans;
mod setup;
mod standin;
mod trouble;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use standin::{GitHub, REPOSITORY, TOKEN};

/// The success and the output of the command.
struct Outcome {
    good: bool,
    said: String,
}

impl Outcome {
    /// The settings in lines that start with this word.
    fn lines(&self, word: &str) -> Vec<&str> {
        let lines = self.said.lines().filter_map(|line| line.strip_prefix(&format!("{word:<8} ")));
        lines.collect()
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Runs `ops github setup ARGUMENTS` with these variables. The bootstrap has the environment `production`.
fn setup(github: &GitHub, arguments: &[&str], variables: &[(&str, &str)]) -> Outcome {
    setup_of(&["production"], github, arguments, variables)
}

/// Runs the same command. The bootstrap has these environments of the stack.
fn setup_of(
    stacks: &[&str],
    github: &GitHub,
    arguments: &[&str],
    variables: &[(&str, &str)],
) -> Outcome {
    let folder = github.folder.path().join("bootstrap");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("terraform.tfstate"), bootstrap(stacks).to_string()).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_ops"))
        .args(["github", "setup", "--bootstrap"])
        .arg(folder)
        .args(arguments)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("HOME", github.folder.path())
        .env("GH_CONFIG_DIR", github.folder.path().join("gh"))
        .env("GH_TOKEN", TOKEN)
        .envs(variables.iter().copied())
        .current_dir(root())
        .output()
        .unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    Outcome { good: output.status.success(), said }
}

/// A state of terraform/bootstrap with the outputs that the command reads.
fn bootstrap(stacks: &[&str]) -> Value {
    let output = |value: Value| json!({ "type": kind(&value), "value": value });
    let role = |kind: &str, stack: Option<&str>| {
        let arn = format!("arn:aws:iam::123456789012:role/{kind}-{}", stack.unwrap_or("all"));
        json!({ "role": kind, "arn": arn, "environment": stack })
    };
    let mut environments = json!({ "publish": role("publish", None) });
    for (at, stack) in stacks.iter().enumerate() {
        let plan = if at == 0 { "plan".to_owned() } else { format!("plan-{stack}") };
        environments[plan] = role("plan", Some(stack));
        environments[*stack] = role("apply", Some(stack));
    }
    let backend = |stack: &&str| ((*stack).to_owned(), json!(format!("key = \"{stack}\"\n")));
    let url = "123456789012.dkr.ecr.us-east-1.amazonaws.com/sum-api/api";
    json!({ "version": 4, "serial": 1, "lineage": "a", "resources": [], "outputs": {
        "backend": output(stacks.iter().map(backend).collect()),
        "repositories": output(json!({ "sum": { "api": url } })),
        "github": output(json!({
            "repository": REPOSITORY, "branch": "main", "region": "us-east-1", "environments": environments,
        })),
    } })
}

/// The type of a value, in the format of a state.
fn kind(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let kinds = members.iter().map(|(name, value)| (name.clone(), kind(value)));
            json!(["object", kinds.collect::<Value>()])
        }
        _ => "string".into(),
    }
}
