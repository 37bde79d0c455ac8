//! The settings, parsed once from the environment.
//!
//! An unset variable has its default. If the default depends on the service, it comes from the document. An empty
//! variable is refused, except `TRUSTED_PROXIES`. An error contains the variable and its rule, but not the value.

use crate::Failure;
use crate::address::{self, ApiAddress};
use crate::proxies;
use chassis::keys::KeyRing;
use ipnet::IpNet;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;

const LARGEST_RATE: u32 = 10_000;
const LARGEST_NAME: usize = 64;

/// A limit that an operator sets by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedLimit {
    /// Its name in the document.
    pub name: String,
    /// Requests per second, 1 to 10,000.
    pub rate: u32,
    /// Requests above the rate that nginx admits at once, 1 to 10,000.
    pub burst: u32,
}

/// All settings. For `None`, the default comes from the document.
#[derive(Debug)]
pub struct Settings {
    /// `OPENAPI_DOCUMENT`: the path of the document.
    pub document: PathBuf,
    /// `API_KEY`: the keys of callers.
    pub keys: Option<KeyRing>,
    /// `REQUIRE_API_KEY`: whether the service checks the key again.
    pub require_api_key: bool,
    /// `RATE_LIMIT`: the rate of the limits `client` and `address`.
    pub rate: Option<u32>,
    /// `RATE_LIMIT_BURST`: the burst of the limits `client` and `address`.
    pub burst: Option<u32>,
    /// `RATE_LIMITS`: the rates and bursts of other limits.
    pub limits: Vec<NamedLimit>,
    /// `TRUSTED_PROXIES`: networks whose `X-Forwarded-For` is trusted.
    pub trusted_proxies: Vec<IpNet>,
    /// `LISTEN`
    pub listen: Option<SocketAddr>,
    /// `API_ADDRESS`: the address of the service.
    pub api_address: Option<ApiAddress>,
    /// `WORKER_PROCESSES`, 1 to 64.
    pub worker_processes: u32,
    /// `RUNTIME_DIR`: the directory of the configuration.
    pub runtime_dir: PathBuf,
    /// `UPSTREAM_KEEPALIVE_TIMEOUT`, in nginx's syntax.
    pub upstream_keepalive_timeout: String,
    /// `METRICS_NAMESPACE`: the namespace of the metrics in the access log.
    pub metrics_namespace: Option<String>,
    /// `SERVICE_NAME`: the value of their dimension `service`.
    pub service_name: Option<String>,
    /// `NGINX`: the program to run.
    pub nginx: OsString,
}

impl Settings {
    /// Reads all settings. `variable` returns the value of a variable by its name.
    pub fn read(variable: impl Fn(&str) -> Option<OsString>) -> Result<Self, Failure> {
        let get = |name| Variable { name, value: variable(name) };
        let rate = 1..=LARGEST_RATE;
        Ok(Self {
            require_api_key: get("REQUIRE_API_KEY")
                .parse("must be true or false", |text| text.parse().ok())?
                .unwrap_or(true),
            rate: get("RATE_LIMIT").whole(rate.clone())?,
            burst: get("RATE_LIMIT_BURST").whole(rate)?,
            worker_processes: get("WORKER_PROCESSES").whole(1..=64)?.unwrap_or(1),
            metrics_namespace: get("METRICS_NAMESPACE").plain_name()?,
            service_name: get("SERVICE_NAME").plain_name()?,
            runtime_dir: get("RUNTIME_DIR")
                .parse("must be an absolute path, and not the root directory", |text| {
                    (text.starts_with('/') && text.len() > 1).then(|| text.into())
                })?
                .unwrap_or_else(|| "/run/sidecar".into()),
            upstream_keepalive_timeout: get("UPSTREAM_KEEPALIVE_TIMEOUT")
                .parse("must be a whole number with its unit, ms or s, such as 60s", timeout)?
                .unwrap_or_else(|| "60s".into()),
            limits: get("RATE_LIMITS")
                .parse(LIMITS_RULE, |text| text.split(',').map(named_limit).collect())?
                .unwrap_or_default(),
            keys: get("API_KEY").keys()?,
            trusted_proxies: get("TRUSTED_PROXIES")
                .parse(PROXIES_RULE, proxies::parse)?
                .unwrap_or_default(),
            listen: get("LISTEN").parse(
                "must be an address and a port, such as 0.0.0.0:8081 or [::]:8081",
                address::socket,
            )?,
            api_address: get("API_ADDRESS").parse(
                "must be an address or a host name and a port, such as 127.0.0.1:8080",
                ApiAddress::parse,
            )?,
            document: get("OPENAPI_DOCUMENT")
                .parse("must be the path of a file", |text| {
                    (!text.is_empty()).then(|| text.into())
                })?
                .unwrap_or_else(|| "/openapi.json".into()),
            nginx: variable("NGINX").unwrap_or_else(|| "nginx".into()),
        })
    }
}

const LIMITS_RULE: &str = "must be limits such as auth=1:3,api=300:10: the name in the document, then requests per second and the burst, each 1 to 10000; a name must not repeat, and must not be client or address";
const PROXIES_RULE: &str = "must be networks such as 10.0.0.0/16 separated by commas, none larger than a /8 and no more than a sixteenth of all addresses together, or empty to trust no network";
/// The rule of `API_KEY` if the document requires keys.
pub const KEYS_RULE: &str =
    "must be set: one or more keys separated by commas, each \"key\" or \"client:key\", or none";

struct Variable {
    name: &'static str,
    value: Option<OsString>,
}

impl Variable {
    /// `None` if the variable is unset.
    fn parse<T>(
        self,
        rule: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, Failure> {
        let Some(value) = self.value else { return Ok(None) };
        let parsed = value.to_str().and_then(parse);
        parsed.map(Some).ok_or_else(|| Failure::setting(self.name, rule))
    }

    fn whole(self, range: RangeInclusive<u32>) -> Result<Option<u32>, Failure> {
        let rule = format!("must be a whole number from {} to {}", range.start(), range.end());
        self.parse(&rule, |text| whole(text, &range))
    }

    fn plain_name(self) -> Result<Option<String>, Failure> {
        let plain = |c: u8| c.is_ascii_alphanumeric() || b"._-".contains(&c);
        self.parse("must be 1 to 64 of A-Z a-z 0-9 . _ -", |text| {
            ((1..=LARGEST_NAME).contains(&text.len()) && text.bytes().all(plain))
                .then(|| text.to_owned())
        })
    }

    fn keys(self) -> Result<Option<KeyRing>, Failure> {
        let Some(value) = self.value else { return Ok(None) };
        if value.is_empty() {
            return Err(Failure::setting(self.name, KEYS_RULE));
        }
        // Invalid UTF-8 becomes a character that no key may contain.
        KeyRing::parse(&value.to_string_lossy()).map(Some).map_err(|error| {
            Failure::setting(self.name, format!("must be a list of valid keys: {error}"))
        })
    }
}

/// Reads a whole number without a sign and without leading zeros.
fn whole(text: &str, range: &RangeInclusive<u32>) -> Option<u32> {
    let plain = text.bytes().all(|c| c.is_ascii_digit()) && !text.starts_with('0');
    text.parse().ok().filter(|number| plain && range.contains(number))
}

fn timeout(text: &str) -> Option<String> {
    let number = text.strip_suffix("ms").or_else(|| text.strip_suffix('s'))?;
    whole(number, &(1..=99_999)).map(|_| text.to_owned())
}

fn named_limit(text: &str) -> Option<NamedLimit> {
    let (name, figures) = text.split_once('=')?;
    let (rate, burst) = figures.split_once(':')?;
    let range = 1..=LARGEST_RATE;
    Some(NamedLimit { name: name.into(), rate: whole(rate, &range)?, burst: whole(burst, &range)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Settings, Failure> {
        let find = |name: &str| pairs.iter().find(|(other, _)| *other == name);
        Settings::read(|name| find(name).map(|(_, value)| value.into()))
    }

    fn refusal(name: &str, value: &str) -> String {
        read(&[(name, value)]).expect_err(&format!("{name}={value:?}")).to_string()
    }

    #[test]
    fn unset_variables_have_defaults() {
        let settings = read(&[]).unwrap();
        assert!(settings.require_api_key && settings.keys.is_none());
        assert_eq!((settings.rate, settings.burst, settings.worker_processes), (None, None, 1));
        assert_eq!(settings.upstream_keepalive_timeout, "60s");
        assert_eq!((settings.listen, settings.api_address), (None, None));
        assert_eq!(settings.nginx, "nginx");
        assert!(settings.trusted_proxies.is_empty() && settings.limits.is_empty());
    }

    #[test]
    fn empty_variable_is_refused_except_trusted_proxies() {
        for name in [
            "OPENAPI_DOCUMENT",
            "API_KEY",
            "REQUIRE_API_KEY",
            "RATE_LIMIT",
            "RATE_LIMIT_BURST",
            "RATE_LIMITS",
            "LISTEN",
            "API_ADDRESS",
            "WORKER_PROCESSES",
            "RUNTIME_DIR",
            "UPSTREAM_KEEPALIVE_TIMEOUT",
            "METRICS_NAMESPACE",
            "SERVICE_NAME",
        ] {
            assert!(refusal(name, "").starts_with(&format!("{name} must ")), "{name}");
        }
        assert!(read(&[("TRUSTED_PROXIES", "")]).is_ok());
    }

    #[test]
    fn each_limit_has_one_name_and_two_numbers() {
        let settings = read(&[("RATE_LIMITS", "auth=1:3,api-2=300:10")]).unwrap();
        let limit = |name: &str, rate, burst| NamedLimit { name: name.into(), rate, burst };
        assert_eq!(settings.limits, [limit("auth", 1, 3), limit("api-2", 300, 10)]);
        for value in ["auth", "auth=1", "auth=1:", "auth=0:1", "auth=1:03", "auth=1:3,", "=", ","] {
            assert!(refusal("RATE_LIMITS", value).contains("auth=1:3,api=300:10"), "{value}");
        }
    }

    #[test]
    fn error_does_not_contain_value() {
        for (name, value) in [
            ("API_KEY", "hidden-value!"),
            ("API_KEY", "HIDDEN:hidden-value"),
            ("RATE_LIMITS", "hidden-value"),
            ("LISTEN", "hidden-value"),
            ("API_ADDRESS", "hidden value"),
            ("RUNTIME_DIR", "hidden-value"),
            ("SERVICE_NAME", "hidden value"),
            ("UPSTREAM_KEEPALIVE_TIMEOUT", "hidden"),
        ] {
            let refusal = refusal(name, value);
            assert!(!refusal.to_lowercase().contains("hidden"), "{refusal}");
            assert!(!refusal.contains('\n'), "{refusal}");
        }
    }

    #[test]
    fn number_has_one_spelling() {
        for text in ["+5", "05", "5 ", " 5", "5.0", "0x5", "", "0", "11", "99999999999", "٣"] {
            assert_eq!(whole(text, &(1..=10)), None, "{text:?}");
        }
        assert_eq!(whole("10", &(1..=10)), Some(10));
    }
}
