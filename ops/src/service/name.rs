//! Checks the name of a new service.
//!
//! Its folder, crate, images, AWS resources and Terraform module have this name. Without this check, an invalid name
//! would fail later, in a build or in an apply.

use std::fmt;

use super::declared::Services;

/// The length that the name of a load balancer leaves after the name of the environment.
const LONGEST: usize = 16;

/// Keywords of Rust (The Rust Reference, "Keywords"), and crates that come with Rust.
const RUST: &str = "abstract alloc as async await become box break const continue core crate do dyn else enum extern \
                    false final fn for gen if impl in let loop macro match mod move mut override priv proc-macro pub \
                    ref return self static std struct super test trait true try type typeof unsafe unsized use \
                    virtual where while yield";
/// Folders of Cargo next to the binaries.
const CARGO: &str = "build deps examples incremental";

/// A valid name for a new service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name(String);

/// The reason why a name is invalid, in one line.
#[derive(Debug, PartialEq, Eq)]
pub struct Refused(String);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refused {}

impl Name {
    /// Checks a name. `folders` are those of `services`, with and without a document. `lock` is the text of
    /// `Cargo.lock`.
    pub fn new(
        text: &str,
        services: &Services,
        folders: &[String],
        lock: &str,
    ) -> Result<Self, Refused> {
        match fault(text, services, folders, lock) {
            None => Ok(Self(text.to_owned())),
            // The text comes from the caller and goes to a terminal.
            Some(fault) => Err(Refused(format!("NAME={} {fault}", text.escape_debug()))),
        }
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path of the crate in Rust.
    #[must_use]
    pub fn path(&self) -> String {
        self.0.replace('-', "_")
    }
}

fn fault(text: &str, services: &Services, folders: &[String], lock: &str) -> Option<String> {
    let is = |list: &str| list.split_whitespace().any(|word| word == text);
    let plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
    if !(1..=LONGEST).contains(&text.len())
        || !text.bytes().all(plain)
        || !text.starts_with(|c: char| c.is_ascii_lowercase())
        || text.ends_with('-')
        || text.contains("--")
    {
        return Some(format!(
            "must be 1 to {LONGEST} of a-z, 0-9 and hyphens, begin with a letter, and have hyphens only between letters or digits"
        ));
    }
    if folders.iter().any(|folder| folder == text) {
        return Some(format!("is taken: services/{text} exists"));
    }
    if let Some(service) = services.0.iter().find(|service| service.name == text) {
        return Some(format!("is taken: services/{} has this name", service.folder));
    }
    if text == "nginx" || text.ends_with("-nginx") {
        return Some("is taken: a sidecar has the name of its service with -nginx".to_owned());
    }
    if is(RUST) || is(CARGO) {
        return Some("cannot be the name of a crate: Rust or Cargo uses it".to_owned());
    }
    let same = |package: &str| package.replace('_', "-") == text;
    if lock.lines().filter_map(package).any(same) {
        return Some("is taken: Cargo.lock has a package of this name".to_owned());
    }
    // AWS reserves them for load balancers, security groups, parameters or metric namespaces.
    if text.starts_with("aws")
        || text.starts_with("ssm")
        || ["internal", "sg"].contains(&text)
        || ["internal-", "sg-"].iter().any(|reserved| text.starts_with(reserved))
    {
        return Some("begins with a word that AWS reserves: aws, ssm, internal- or sg-".to_owned());
    }
    None
}

/// The name in a line such as `name = "hyper"` of a lock file.
fn package(line: &str) -> Option<&str> {
    line.strip_prefix("name = \"")?.strip_suffix('"')
}

#[cfg(test)]
mod tests {
    use super::super::declared::Declared;
    use super::*;

    const LOCK: &str = "[[package]]\nname = \"hyper\"\n\n[[package]]\nname = \"serde_json\"\n\n[[package]]\nname = \"chassis\"\n";

    fn new(text: &str) -> Result<Name, Refused> {
        let sum = Declared {
            folder: "sum".into(),
            name: "sum-api".into(),
            port: 1,
            sidecar_port: 2,
            metrics_port: 3,
            keeps_state: false,
        };
        Name::new(text, &Services(vec![sum]), &["sum".into(), "empty".into()], LOCK)
    }

    #[test]
    fn valid_name_is_accepted() {
        for name in
            ["orders", "my-orders", "a", "a1", "sixteen-letters1", "o-2-3", "testing", "internals"]
        {
            assert_eq!(new(name).unwrap().as_str(), name);
        }
        assert_eq!(new("my-orders").unwrap().path(), "my_orders");
    }

    #[test]
    fn invalid_name_is_refused_with_a_reason() {
        for (name, reason) in [
            ("", "must be 1 to 16"),
            ("seventeen-letters", "must be 1 to 16"),
            ("Orders", "must be 1 to 16"),
            ("1orders", "must be 1 to 16"),
            ("-orders", "must be 1 to 16"),
            ("orders-", "must be 1 to 16"),
            ("my--orders", "must be 1 to 16"),
            ("my_orders", "must be 1 to 16"),
            ("ördèrs", "must be 1 to 16"),
            ("../orders", "must be 1 to 16"),
            ("a b", "must be 1 to 16"),
            ("orders\n", "must be 1 to 16"),
            ("sum", "is taken: services/sum exists"),
            ("empty", "is taken: services/empty exists"),
            ("sum-api", "is taken: services/sum has this name"),
            ("nginx", "is taken: a sidecar"),
            ("sum-nginx", "is taken: a sidecar"),
            ("test", "cannot be the name of a crate"),
            ("core", "cannot be the name of a crate"),
            ("fn", "cannot be the name of a crate"),
            ("proc-macro", "cannot be the name of a crate"),
            ("deps", "cannot be the name of a crate"),
            ("hyper", "is taken: Cargo.lock"),
            ("serde-json", "is taken: Cargo.lock"),
            ("chassis", "is taken: Cargo.lock"),
            ("aws-orders", "AWS reserves"),
            ("ssm", "AWS reserves"),
            ("internal", "AWS reserves"),
            ("internal-a", "AWS reserves"),
            ("sg-1", "AWS reserves"),
        ] {
            let refused = new(name).unwrap_err().to_string();
            assert!(refused.contains(reason), "{refused}");
            assert!(!refused.contains('\n'), "{refused:?}");
        }
    }
}
