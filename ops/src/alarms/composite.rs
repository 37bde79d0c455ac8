//! The rule of a composite alarm.

use anyhow::Context as _;

/// The alarms in a composite alarm's rule: `ALARM("name") AND ALARM("name") …`. Every other part of
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutCompositeAlarm.html>
/// is an error.
pub(super) fn children(rule: &str) -> anyhow::Result<Vec<String>> {
    rule.split(" AND ")
        .map(|term| {
            let name = term.strip_prefix("ALARM(\"").and_then(|rest| rest.strip_suffix("\")"));
            name.filter(|name| !name.is_empty() && !name.contains('"')).map(str::to_owned)
        })
        .collect::<Option<_>>()
        .with_context(|| format!("{rule:?}: only `ALARM(\"name\") AND …` is implemented"))
}

#[cfg(test)]
mod tests {
    use super::children;

    #[test]
    fn composite_rule_lists_its_children() {
        assert_eq!(children("ALARM(\"a b\") AND ALARM(\"c\")").unwrap(), ["a b", "c"]);
        for rule in [
            "",
            "ALARM",
            "ALARM()",
            "ALARM(\"\")",
            "ALARM(\"a\"",
            "ALARM(\"a\") ALARM(\"b\")",
            "ALARM(\"a\") AND",
            "ALARM(\"a\") AND NOT ALARM(\"b\")",
            "ALARM(\"a\") AND ALARM(\"b\") OR ALARM(\"c\")",
            "OK(\"a\")",
            "AT_LEAST(1, ALARM, (a))",
        ] {
            assert!(children(rule).is_err(), "{rule:?} was accepted");
        }
    }
}
