//! `ops key`: the only writer of the SSM parameter with the keys of a service.
//!
//! The command prints a new key once, to standard output. Keys are never arguments, so the shell history and process
//! lists do not show them. All other text goes to standard error, so the output can be piped into a secret store. A
//! change takes effect when every task has started again, so each change deploys.

mod deployment;
mod list;
mod parameter;
mod target;
mod usage;

use std::io::Write as _;
use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use chassis::keys::is_client_name;
use secrecy::{ExposeSecret as _, SecretString};

use list::{Change, List, new_key};
use parameter::Parameter;
use target::{Meant, Names};

/// Arguments of the command.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    meant: Meant,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Show the clients and the number of their keys
    List,
    /// Add clients with a key; prints each new key once, one per line
    Add {
        #[command(flatten)]
        clients: Clients,
        #[command(flatten)]
        deploy: Deploy,
    },
    /// Add a second key to clients; prints each new key once, one per line
    Rotate {
        #[command(flatten)]
        clients: Clients,
        /// Remove the old keys, when `usage` shows that the clients use the new ones
        #[arg(long)]
        finish: bool,
        /// Replace all keys at once, because a key has leaked
        #[arg(long, conflicts_with = "finish")]
        leaked: bool,
        #[command(flatten)]
        deploy: Deploy,
    },
    /// Remove clients with all their keys
    Remove {
        #[command(flatten)]
        clients: Clients,
        #[command(flatten)]
        deploy: Deploy,
    },
    /// Restore an earlier version of the list; `aws ssm get-parameter-history` lists the versions
    Restore {
        /// Number of the version
        version: u64,
        #[command(flatten)]
        deploy: Deploy,
    },
    /// Start new tasks, which read the list: after `--no-deploy`, or after a failed deployment
    Deploy {
        #[command(flatten)]
        wait: Wait,
    },
    /// Show the requests of each key and the time of its last one, from the access log
    Usage {
        /// Period to show, such as 24h; default: since the last change of the list
        #[arg(long, value_parser = humantime::parse_duration)]
        since: Option<Duration>,
    },
}

#[derive(Debug, clap::Args)]
struct Clients {
    /// Names of clients: 1 to 32 of a-z 0-9 -
    #[arg(required = true, value_parser = client)]
    clients: Vec<String>,
}

#[derive(Debug, Clone, clap::Args)]
struct Deploy {
    /// Change only the list; deploy several changes together with `ops key deploy`
    #[arg(long)]
    no_deploy: bool,
    #[command(flatten)]
    wait: Wait,
}

#[derive(Debug, Clone, clap::Args)]
struct Wait {
    /// Maximum duration of the deployment
    #[arg(long, default_value = "20m", value_parser = humantime::parse_duration)]
    timeout: Duration,
}

fn client(text: &str) -> Result<String, String> {
    let good = is_client_name(text);
    good.then(|| text.to_owned()).ok_or_else(|| "must be 1 to 32 of a-z 0-9 -".to_owned())
}

/// Runs the command.
///
/// # Errors
///
/// AWS does not answer, the change is not possible, another writer changes the list too, or the deployment fails.
pub fn run(args: &Args) -> anyhow::Result<bool> {
    let names = args.meant.names()?;
    match &args.command {
        Command::List => list(&names)?,
        Command::Add { clients, deploy } => change(&names, Change::Add, clients, deploy)?,
        Command::Rotate { clients, finish, leaked, deploy } => {
            let kind = match (finish, leaked) {
                (true, _) => Change::Finish,
                (_, true) => Change::Replace,
                _ => Change::Rotate,
            };
            change(&names, kind, clients, deploy)?;
            if kind == Change::Rotate {
                let clients = clients.clients.join(" ");
                eprintln!(
                    "The old keys stay valid. When `ops key usage` shows that nobody uses them, run: \
                     ops key rotate {clients} --finish"
                );
            }
        }
        Command::Remove { clients, deploy } => change(&names, Change::Remove, clients, deploy)?,
        Command::Restore { version, deploy } => restore(&names, *version, deploy)?,
        Command::Deploy { wait } => deployment::deploy(&names, wait.timeout)?,
        Command::Usage { since } => usage(&names, *since)?,
    }
    Ok(true)
}

fn list(names: &Names) -> anyhow::Result<()> {
    let list = List::parse(Parameter::read(&names.parameter)?.value.expose_secret())?;
    let clients = list.clients();
    for (client, keys) in &clients {
        println!("{client:<32}  {keys} {}", if *keys == 1 { "key" } else { "keys" });
    }
    eprintln!("{}: {} clients", names.parameter, clients.len());
    Ok(())
}

fn change(names: &Names, change: Change, clients: &Clients, deploy: &Deploy) -> anyhow::Result<()> {
    let parameter = Parameter::read(&names.parameter)?;
    let mut list = List::parse(parameter.value.expose_secret())?;
    let mut made = Vec::new();
    for client in &clients.clients {
        made.extend(list.change(change, client, new_key)?);
    }
    parameter.write(&list.text()?)?;
    eprintln!("{}: changed the list for {}", names.parameter, clients.clients.join(", "));
    print(&made).with_context(|| {
        let clients = clients.clients.join(" ");
        format!("cannot print a new key, and the key is lost. Make another one: ops key rotate {clients} --leaked")
    })?;
    deploy.put_in_force(names)
}

/// Prints one key per line, in the order of the clients.
fn print(keys: &[SecretString]) -> anyhow::Result<()> {
    let mut output = std::io::stdout().lock();
    for key in keys {
        writeln!(output, "{}", key.expose_secret())?;
    }
    Ok(output.flush()?)
}

fn restore(names: &Names, version: u64, deploy: &Deploy) -> anyhow::Result<()> {
    let parameter = Parameter::read(&names.parameter)?;
    let list = List::parse(parameter.value_of(version)?.expose_secret())?;
    parameter.write(&list.text()?)?;
    eprintln!("{}: restored the list of version {version}", names.parameter);
    deploy.put_in_force(names)
}

fn usage(names: &Names, since: Option<Duration>) -> anyhow::Result<()> {
    let log_group = names.log_group.as_ref().context("name the log group with --log-group")?;
    let parameter = Parameter::read(&names.parameter)?;
    let list = List::parse(parameter.value.expose_secret())?;
    let changed = parameter.written_at()?;
    let from = match since {
        Some(since) => SystemTime::now().checked_sub(since).context("--since is too long")?,
        None => changed,
    };
    let shown = humantime::format_rfc3339_seconds;
    eprintln!("{log_group}: requests since {}", shown(from));
    if from < changed {
        eprintln!(
            "The list changed at {}. Before that time, a number can belong to another key.",
            shown(changed)
        );
    }
    print!("{}", usage::table(log_group, &list, from)?);
    Ok(())
}

impl Deploy {
    fn put_in_force(&self, names: &Names) -> anyhow::Result<()> {
        if self.no_deploy {
            eprintln!("No task has the new list yet. Run: ops key deploy");
            return Ok(());
        }
        deployment::deploy(names, self.wait.timeout)
    }
}
