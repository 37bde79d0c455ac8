//! The settings of what jobs use: mails and the storage of results.

use super::{ECS, SettingsError};
use crate::mail::{Mail, Server, Way};
use crate::model::mail::{Address, DailyLimit, Domain, InvalidAddress, Recipients};
use crate::results::Results;
use clap::Args;
use std::env::VarError;
use std::path::{Path, PathBuf};

const SMTP_URL: &str = "SMTP_URL";
/// The sender of mails that are written as files.
const LOCAL_SENDER: &str = "tasks@localhost";
/// The folders in the state directory.
const MAILS: &str = "mails";
const RESULTS: &str = "results";

/// The settings of jobs.
///
/// `SMTP_URL` has no flag, because it can contain a password and every user of the machine can read an argument list.
#[derive(Debug, Args)]
pub struct WorkSettings {
    /// Sender of all mails; required with `SMTP_URL` (environment only). Without `SMTP_URL`,
    /// mails are files in the folder mails of `STATE_DIR`
    #[arg(long, env, value_parser = sender, value_name = "ADDRESS")]
    pub mail_from: Option<Address>,

    /// Domains that may receive mails, separated by commas, without their subdomains; required with `SMTP_URL`
    #[arg(long, env, value_delimiter = ',', value_parser = domain, value_name = "DOMAINS")]
    pub mail_to_allowed: Vec<Domain>,

    /// Attempts to send a mail in a day (UTC): of each user, and of all users
    #[arg(long, env, default_value = "20:1000", value_parser = limit, value_name = "USER:ALL")]
    pub mail_daily_limit: DailyLimit,

    /// Folder of results, which all processes share; the folder results of `STATE_DIR` if it is not set
    #[arg(long, env, value_parser = storage, value_name = "file:FOLDER")]
    pub storage_url: Option<PathBuf>,
}

impl WorkSettings {
    /// The addresses that may receive a mail.
    #[must_use]
    pub fn recipients(&self) -> Recipients {
        let domains = &self.mail_to_allowed;
        if domains.is_empty() { Recipients::default() } else { Recipients::of(domains.clone()) }
    }

    /// The way of mails.
    pub fn mail(&self, state: &Path) -> Result<Mail, SettingsError> {
        let (from, way) = match std::env::var(SMTP_URL) {
            Ok(url) => {
                let server = Server::parse(&url).map_err(SettingsError::MailServer)?;
                if self.mail_to_allowed.is_empty() {
                    return Err(SettingsError::Missing(
                        "MAIL_TO_ALLOWED",
                        "set it to the domains that may receive mails, because SMTP_URL is set",
                    ));
                }
                (self.mail_from.clone(), Way::Server(Box::new(server)))
            }
            Err(VarError::NotPresent) => {
                let from = self.mail_from.clone().or_else(|| Address::parse(LOCAL_SENDER).ok());
                let folder = Way::into_folder(&state.join(MAILS));
                (from, folder.map_err(|error| SettingsError::Folder("STATE_DIR", error))?)
            }
            Err(VarError::NotUnicode(_)) => return Err(SettingsError::NotText(SMTP_URL)),
        };
        let from = from.ok_or(SettingsError::Missing(
            "MAIL_FROM",
            "set it to the address that sends mails, because SMTP_URL is set",
        ))?;
        Ok(Mail { from, recipients: self.recipients(), limit: self.mail_daily_limit, way })
    }

    /// The storage of results.
    pub fn results(&self, state: &Path) -> Result<Results, SettingsError> {
        if self.storage_url.is_none() && std::env::var_os(ECS).is_some() {
            return Err(SettingsError::Missing(
                "STORAGE_URL",
                "set it to file:FOLDER of a shared volume, because the disk of an ECS task is lost with the task",
            ));
        }
        let (setting, folder) = match &self.storage_url {
            Some(folder) => ("STORAGE_URL", folder.clone()),
            None => ("STATE_DIR", state.join(RESULTS)),
        };
        Results::in_folder(&folder).map_err(|error| SettingsError::Folder(setting, error))
    }
}

fn sender(text: &str) -> Result<Address, &'static str> {
    Address::parse(text).map_err(InvalidAddress::text)
}

fn domain(text: &str) -> Result<Domain, &'static str> {
    Domain::parse(text)
        .ok_or("must be a domain such as example.com, in ASCII, without a dot at the end")
}

fn limit(text: &str) -> Result<DailyLimit, &'static str> {
    DailyLimit::parse(text)
        .ok_or("must be USER:ALL, two numbers from 1 to 1000000000, such as 20:1000")
}

fn storage(url: &str) -> Result<PathBuf, &'static str> {
    match url.split_once(':') {
        Some(("file", path)) if !path.trim_start_matches('/').is_empty() => {
            Ok(path.strip_prefix("//").unwrap_or(path).into())
        }
        Some(("s3", _)) => Err("is s3://, which this release does not know; use file:FOLDER"),
        _ => Err("must be file:FOLDER"),
    }
}
