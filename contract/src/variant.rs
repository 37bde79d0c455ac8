//! The variants of a service: settings with which it gives the same responses, such as another database.
//!
//! Every service has the variant `default`. `contract/variants.json` of a service adds further ones.

use crate::server::{self, Settings};
use crate::service::Service;
use chassis::databases::{self, Postgres};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::process::Command;

/// The placeholder for the URL of an empty database. The suite starts the server.
const POSTGRES: &str = "{postgres}";

/// One variant.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Variant {
    /// Environment variables of the service's process, in addition to those of `environment.json`.
    environment: BTreeMap<String, String>,
    /// Commands of the service's program that run once, before the service starts.
    #[serde(default)]
    commands: Vec<Vec<String>>,
}

/// A variant whose servers run. They stop with this value.
#[derive(Debug, Default)]
pub(crate) struct Prepared {
    pub(crate) environment: Settings,
    _postgres: Option<Postgres>,
}

impl Variant {
    fn needs_postgres(&self) -> bool {
        self.environment.values().any(|value| value.contains(POSTGRES))
    }

    /// Whether its servers are installed. If one is not, prints that the test is skipped.
    #[must_use]
    pub fn can_start(&self, test: &str) -> bool {
        !self.needs_postgres() || databases::can_start(test)
    }

    /// Starts its servers and runs its commands.
    pub(crate) fn prepare(&self, service: &Service) -> Prepared {
        let postgres = self.needs_postgres().then(|| Postgres::start(&[]));
        let url = postgres.as_ref().map(|server| server.url("postgres")).unwrap_or_default();
        let fill =
            |(name, value): (&String, &String)| (name.clone(), value.replace(POSTGRES, &url));
        let environment: Settings = self.environment.iter().map(fill).collect();
        for arguments in &self.commands {
            let mut command = Command::new(service.binary());
            server::run(command.args(arguments).envs(environment.iter().cloned()));
        }
        Prepared { environment, _postgres: postgres }
    }
}
