//! The commands `user create` and `user role`, for an operator.

use super::settings::DatabaseSettings;
use super::unavailable;
use crate::access::audit::{self, Action, Visitor};
use crate::access::passwords::{Argon2id, Hasher};
use crate::access::random;
use crate::model::password::Password;
use crate::model::timestamp::Timestamp;
use crate::model::user::{Role, User, UserId, Username};
use crate::store::{self, Migrations, NewUser, Store};
use chassis::clock::Clock;
use chassis::failure::Failure;
use clap::{Args, Subcommand};
use std::io::Read;
use std::sync::Arc;
use zeroize::Zeroizing;

/// The longest input that can be a password: 128 characters of four bytes, and the end of the line.
const LONGEST_INPUT: u64 = 128 * 4 + 2;
/// The origin of an operator's command in the audit log.
const OPERATOR: Visitor<'_> = Visitor { address: None, request_id: "operator" };

/// The commands about users.
#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Creates a user. Reads the password from the standard input. Rejects a name that is taken, and changes no role
    Create(Create),
    /// Gives an existing user a role
    Role(ChangeRole),
}

/// Arguments of `user create`.
#[derive(Debug, Args)]
pub struct Create {
    /// The name: 3 to 32 of a-z 0-9 _ -
    name: String,
    /// The rights of the user
    #[arg(long, default_value = "user", value_parser = role)]
    role: Role,
    #[command(flatten)]
    database: DatabaseSettings,
}

/// Arguments of `user role`.
#[derive(Debug, Args)]
pub struct ChangeRole {
    /// The name of the user
    name: String,
    /// The new rights: user or admin
    #[arg(value_parser = role)]
    role: Role,
    #[command(flatten)]
    database: DatabaseSettings,
}

fn role(text: &str) -> Result<Role, &'static str> {
    Role::parse(text).ok_or("must be user or admin")
}

pub(super) async fn run(command: UserCommand, migrations: Migrations) -> Result<(), Failure> {
    match command {
        UserCommand::Create(create) => {
            let username = username(&create.name)?;
            let password = password(std::io::stdin())?;
            let store = open(&create.database, migrations).await?;
            let created = create_user(&*store, username, password, create.role).await;
            store.close().await;
            created
        }
        UserCommand::Role(change) => {
            let username = username(&change.name)?;
            let store = open(&change.database, migrations).await?;
            let changed = store.set_role(&username, change.role).await;
            store.close().await;
            let Some(id) = changed.map_err(unavailable)? else {
                return Err(Failure::Command(format!("there is no user {username}")));
            };
            audit::line(Action::RoleChanged, OPERATOR, Some(id), None);
            println!("{username} is {}", change.role.as_str());
            Ok(())
        }
    }
}

async fn create_user(
    store: &dyn Store,
    username: Username,
    password: Password,
    role: Role,
) -> Result<(), Failure> {
    store.check().await.map_err(unavailable)?;
    let created_at = Timestamp::from(Clock::system().now());
    let failed = |error| Failure::Unavailable(format!("{error:?}"));
    let id = UserId(random::id(created_at).map_err(failed)?);
    let password = Argon2id.hash(&password).map_err(Failure::Unavailable)?;
    let user = User { id, username: username.clone(), role, created_at };
    if !store.create_user(NewUser { user, password }).await.map_err(unavailable)? {
        return Err(Failure::Command(format!(
            "the name {username} is taken; `tasks user role {username} {}` changes the role of that user",
            role.as_str()
        )));
    }
    audit::line(Action::UserCreated, OPERATOR, Some(id), None);
    println!("{username} is created with the id {id}");
    Ok(())
}

/// Takes no lock, so that it also works while the service runs.
async fn open(
    database: &DatabaseSettings,
    migrations: Migrations,
) -> Result<Arc<dyn Store>, Failure> {
    store::open(&database.target()?, database.options(migrations)).await.map_err(unavailable)
}

fn username(name: &str) -> Result<Username, Failure> {
    Username::parse(name).map_err(|error| Failure::Setting(format!("the name {error}")))
}

/// The first line of the input.
fn password(input: impl Read) -> Result<Password, Failure> {
    let mut text = Zeroizing::new(String::new());
    let read = input.take(LONGEST_INPUT + 1).read_to_string(&mut text);
    read.map_err(|error| Failure::Setting(format!("the password cannot be read: {error}")))?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.contains('\n') {
        return Err(Failure::Setting("the password must be one line".into()));
    }
    Password::new(line.into()).map_err(|error| Failure::Setting(format!("the password {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn password_is_one_line_that_keeps_the_rules() {
        for (input, good) in [
            ("battery staple\n", true),
            ("battery staple\r\n", true),
            ("battery staple", true),
            ("", false),
            ("\n", false),
            ("battery\nstaple\n", false),
            ("password1\n", false),
            (&"x".repeat(129), false),
        ] {
            assert_eq!(password(input.as_bytes()).is_ok(), good, "{input:?}");
        }
    }
}
