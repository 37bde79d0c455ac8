//! The variables of a proof: an example of terraform/ with other settings of the service `sum`.

use anyhow::ensure;

/// The settings that differ from the example.
#[derive(Debug, Default)]
pub(super) struct Settings {
    /// A hosted zone in place of the placeholder.
    pub(super) zone_id: Option<String>,
    pub(super) enable_waf: bool,
    /// The digest of the API's image.
    pub(super) digest: Option<&'static str>,
}

impl Settings {
    /// The example with these settings.
    pub(super) fn apply_to(&self, example: &str) -> anyhow::Result<String> {
        let Self { zone_id, enable_waf, digest } = self;
        let replaced = |text: &str, old: &str, new: &str| {
            ensure!(text.matches(old).count() == 1, "the example must contain {old} exactly once");
            Ok(text.replace(old, new))
        };
        let service = "services = {\n  sum = {\n";
        let new = format!("{service}    enable_waf = {enable_waf}\n");
        let mut text = replaced(example, service, &new)?;
        // Off by default.
        text.push_str("monthly_budget_usd = 150\n");
        if let Some(zone_id) = zone_id {
            text = replaced(&text, "Z0123456789EXAMPLE", zone_id)?;
            // The outside probe needs a domain name.
            text = replaced(
                &text,
                "    domain_name =",
                "    outside_probe = true\n    domain_name =",
            )?;
        }
        if let Some(digest) = digest {
            text = replaced(&text, &"1".repeat(64), digest)?;
        }
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn setting_missing_in_the_example_is_an_error() {
        let settings = Settings::default();
        let example = "services = {\n  sum = {\n  }\n}\n";
        assert_eq!(
            settings.apply_to(example).unwrap(),
            "services = {\n  sum = {\n    enable_waf = false\n  }\n}\nmonthly_budget_usd = 150\n"
        );
        settings.apply_to("").unwrap_err();
        let zone_id = Some("Z1".to_owned());
        Settings { zone_id, ..settings }.apply_to(example).unwrap_err();
    }
}
