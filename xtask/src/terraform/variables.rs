//! The variables of a proof: an example of terraform/ with other settings of the service `sum`.

use anyhow::ensure;

/// What differs from the example.
#[derive(Debug, Default)]
pub(super) struct Settings {
    /// A hosted zone in place of the placeholder.
    pub(super) zone_id: Option<String>,
    pub(super) key_version: u32,
    pub(super) enable_waf: bool,
    /// The digest of the API's image.
    pub(super) digest: Option<&'static str>,
}

impl Settings {
    /// The example with these settings.
    pub(super) fn apply_to(&self, example: &str) -> anyhow::Result<String> {
        let Self { zone_id, key_version, enable_waf, digest } = self;
        let replaced = |text: &str, old: &str, new: &str| {
            ensure!(text.matches(old).count() == 1, "the example does not hold one {old}");
            Ok(text.replace(old, new))
        };
        let (version, waf) = ("api_key_version = 1", format!("enable_waf = {enable_waf}"));
        let new = format!("api_key_version = {key_version}\n    {waf}");
        let mut text = replaced(example, version, &new)?;
        // What is off by default and costs nothing to prove.
        text.push_str("monthly_budget_usd = 150\n");
        if let Some(zone_id) = zone_id {
            text = replaced(&text, "Z0123456789EXAMPLE", zone_id)?;
            // Only a name can be asked from outside.
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
    fn a_setting_that_the_example_lacks_is_an_error() {
        let settings = Settings { key_version: 2, ..Settings::default() };
        let example = "    api_key_version = 1\n";
        assert_eq!(
            settings.apply_to(example).unwrap(),
            "    api_key_version = 2\n    enable_waf = false\nmonthly_budget_usd = 150\n"
        );
        settings.apply_to("").unwrap_err();
        let zone_id = Some("Z1".to_owned());
        Settings { zone_id, ..settings }.apply_to(example).unwrap_err();
    }
}
