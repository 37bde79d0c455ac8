//! The AWS account of the caller's credentials, and checks of typed values against that account.

use anyhow::{Context as _, bail, ensure};
use serde::Deserialize;

use super::ask::NONE;
use super::values::Domain;
use crate::aws;
use crate::release::process::{command, output};

/// `GetCallerIdentity`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Identity {
    pub(super) account: String,
    pub(super) arn: String,
}

/// A repository on GitHub: its name, and the ids that its OIDC tokens contain.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Repository {
    pub(super) name: String,
    pub(super) id: String,
    pub(super) owner_id: String,
}

/// The owner of the caller's credentials.
pub(super) fn identity() -> anyhow::Result<Identity> {
    aws::call(&["sts", "get-caller-identity"]).context(
        "the AWS CLI has no valid credentials: log in first, for example with `aws sso login`",
    )
}

/// A region that is enabled in this account.
pub(super) fn region(text: &str) -> anyhow::Result<String> {
    let word = |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase());
    let well_formed = text.rsplit_once('-').is_some_and(|(words, number)| {
        number.len() == 1 && number.parse::<u8>().is_ok() && words.split('-').all(word)
    });
    ensure!(
        well_formed && text.contains('-') && text.len() <= 16,
        "expected the name of a region, such as us-east-1"
    );
    let query = "Regions[].OptInStatus";
    let call =
        ["ec2", "describe-regions", "--region", text, "--region-names", text, "--query", query];
    let found: Vec<Option<String>> = aws::call(&call).context("AWS has no such region")?;
    let status = found.first().context("AWS has no such region")?;
    ensure!(
        status.as_deref() != Some("not-opted-in"),
        "the region is not enabled in this account: enable it, or choose another region"
    );
    Ok(text.to_owned())
}

/// A name in a public hosted zone of the account; `none` for a trial.
pub(super) fn domain(text: &str) -> anyhow::Result<Domain> {
    if text == NONE {
        return Ok(Domain::None);
    }
    let label = |label: &str| {
        let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let hyphen = label.starts_with('-') || label.ends_with('-');
        (1..=63).contains(&label.len()) && label.chars().all(inner) && !hyphen
    };
    ensure!(
        text.len() <= 253 && text.contains('.') && text.split('.').all(label),
        "expected a domain name in lower case, such as api.example.com, or {NONE}"
    );
    let query = "HostedZones[].[Id,Name,to_string(Config.PrivateZone)]";
    let zones: Vec<(String, String, String)> =
        aws::call(&["route53", "list-hosted-zones", "--query", query])?;
    let public = zones.into_iter().filter(|(_, _, private)| private != "true");
    match zone_of(text, public.map(|(id, name, _)| (id, name))) {
        Some(zone) => Ok(Domain::Name { name: text.to_owned(), zone }),
        None => bail!(
            "no public hosted zone of this account contains {text}: create one in Route 53, or answer {NONE} for a trial"
        ),
    }
}

/// The id of the zone with the longest name that is a suffix of `domain`.
fn zone_of(domain: &str, zones: impl Iterator<Item = (String, String)>) -> Option<String> {
    let holds = |name: &str| {
        let name = name.trim_end_matches('.');
        domain == name || domain.strip_suffix(name).is_some_and(|rest| rest.ends_with('.'))
    };
    let (id, _) = zones.filter(|(_, name)| holds(name)).max_by_key(|(_, name)| name.len())?;
    Some(id.rsplit('/').next().unwrap_or_default().to_owned())
}

/// Mail addresses, or none.
pub(super) fn emails(text: &str) -> anyhow::Result<Vec<String>> {
    if text == NONE {
        return Ok(Vec::new());
    }
    let well_formed = text
        .split_once('@')
        .is_some_and(|(name, host)| !name.is_empty() && host.contains('.') && !host.contains('@'));
    ensure!(
        well_formed && text.len() <= 254 && !text.contains(char::is_whitespace),
        "expected a mail address, such as ops@example.com, or {NONE}"
    );
    Ok(vec![text.to_owned()])
}

/// The address of the runbook; `none` for the file in the repository.
pub(super) fn runbook(text: &str) -> anyhow::Result<Option<String>> {
    if text == NONE {
        return Ok(None);
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._~:/?&=%@+,-".contains(c);
    ensure!(
        text.starts_with("https://")
            && text.contains("runbook")
            && text.chars().all(allowed)
            && text.len() <= 200,
        "expected the https:// address of the runbook's page, of at most 200 characters, without a #fragment, or {NONE}"
    );
    Ok(Some(text.to_owned()))
}

/// An existing repository on GitHub; `none` without GitHub.
pub(super) fn repository(text: &str) -> anyhow::Result<Option<Repository>> {
    if text == NONE {
        return Ok(None);
    }
    let part = |part: &str| {
        !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
    };
    let well_formed = text.split_once('/').is_some_and(|(owner, name)| part(owner) && part(name));
    ensure!(well_formed, "expected OWNER/NAME of a repository on GitHub, or {NONE}");
    let path = format!("repos/{text}");
    let mut gh = command("gh api --jq", [".id, .owner.id, .full_name", &path]);
    let said = output(&mut gh).with_context(|| {
        format!(
            "GitHub returned no repository {text}: log in with `gh auth login`, or answer {NONE}"
        )
    })?;
    match said.lines().collect::<Vec<_>>()[..] {
        [id, owner_id, name] => Ok(Some(Repository {
            name: name.to_owned(),
            id: id.to_owned(),
            owner_id: owner_id.to_owned(),
        })),
        _ => bail!("`gh api {path}` returned an unexpected answer: {said}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zone_with_the_longest_name_is_chosen() {
        let zones = |names: &[(&str, &str)]| {
            names
                .iter()
                .map(|(id, name)| ((*id).to_owned(), (*name).to_owned()))
                .collect::<Vec<_>>()
        };
        let known = zones(&[
            ("/hostedzone/Z1", "example.com."),
            ("/hostedzone/Z2", "eu.example.com."),
            ("/hostedzone/Z3", "ample.com."),
        ]);
        for (domain, zone) in [
            ("api.example.com", Some("Z1")),
            ("example.com", Some("Z1")),
            ("api.eu.example.com", Some("Z2")),
            ("api.notexample.com", None),
            ("api.example.org", None),
        ] {
            assert_eq!(zone_of(domain, known.clone().into_iter()).as_deref(), zone, "{domain}");
        }
    }

    #[test]
    fn malformed_value_is_refused_before_any_call() {
        for text in ["", "us-east", "US-EAST-1", "us east-1", "us-east-10", "1"] {
            assert!(region(text).unwrap_err().to_string().contains("expected"), "{text}");
        }
        for text in ["", "localhost", "API.example.com", "-a.example.com", "a..example.com"] {
            assert!(domain(text).unwrap_err().to_string().contains("expected"), "{text}");
        }
        for text in ["", "ops", "ops@host", "a b@example.com", "a@b@example.com"] {
            assert!(emails(text).unwrap_err().to_string().contains("expected"), "{text}");
        }
        for text in
            ["", "http://example.com/runbook", "https://example.com", "https://e.com/runbook#a"]
        {
            assert!(runbook(text).unwrap_err().to_string().contains("expected"), "{text}");
        }
        for text in ["", "name", "a/b/c", "owner/", "owner/na me"] {
            assert!(repository(text).unwrap_err().to_string().contains("expected"), "{text}");
        }
    }

    #[test]
    fn none_is_accepted() {
        assert_eq!(domain(NONE).unwrap(), Domain::None);
        assert!(emails(NONE).unwrap().is_empty());
        assert_eq!(runbook(NONE).unwrap(), None);
        assert_eq!(repository(NONE).unwrap(), None);
        assert_eq!(emails("ops@example.com").unwrap(), ["ops@example.com"]);
    }
}
