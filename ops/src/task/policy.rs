//! Evaluates IAM policies: may this role call this action on this resource?
//!
//! It supports allow and deny statements, actions, resources, and the condition operators that this stack uses.
//! Everything else is an error. Then make the policy simpler or extend this module. Permission boundaries, service
//! control policies and resource policies are not evaluated.

use std::collections::BTreeMap;

use anyhow::{Context as _, bail};
use serde_json::Value;

/// An action on a resource, in a context.
#[derive(Debug)]
pub struct Question<'a> {
    /// The action, such as `ssm:GetParameters`.
    pub action: &'a str,
    /// The ARN.
    pub resource: &'a str,
    /// Condition keys with their values. The condition of a missing key is false.
    pub context: &'a BTreeMap<String, String>,
}

/// Whether the policies allow it: at least one statement allows it, and none denies it.
pub fn allows<'a>(
    policies: impl IntoIterator<Item = &'a Value>,
    question: &Question<'_>,
) -> anyhow::Result<bool> {
    let mut allowed = false;
    for policy in policies {
        for statement in statements(policy)? {
            if !applies(statement, question)? {
                continue;
            }
            match statement["Effect"].as_str() {
                Some("Allow") => allowed = true,
                Some("Deny") => return Ok(false),
                other => bail!("a statement's effect is {other:?}"),
            }
        }
    }
    Ok(allowed)
}

/// Whether the trust policy lets a service assume the role in this context.
pub fn trusts(
    trust: &Value,
    service: &str,
    context: &BTreeMap<String, String>,
) -> anyhow::Result<bool> {
    for statement in statements(trust)? {
        let principals = texts(&statement["Principal"]["Service"])?;
        let actions = texts(&statement["Action"])?;
        if statement["Effect"] == "Allow"
            && principals.contains(&service)
            && actions.contains(&"sts:AssumeRole")
            && conditions_hold(statement, context)?
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Every allowed action with a wildcard.
pub fn wildcard_actions<'a>(
    policies: impl IntoIterator<Item = &'a Value>,
) -> anyhow::Result<Vec<String>> {
    let mut found = Vec::new();
    for policy in policies {
        for statement in statements(policy)? {
            if statement["Effect"] == "Allow" {
                found.extend(
                    texts(&statement["Action"])?
                        .into_iter()
                        .filter(|a| a.contains(['*', '?']))
                        .map(str::to_owned),
                );
            }
        }
    }
    Ok(found)
}

fn statements(policy: &Value) -> anyhow::Result<Vec<&Value>> {
    let statements = match &policy["Statement"] {
        Value::Array(list) => list.iter().collect(),
        single @ Value::Object(_) => vec![single],
        _ => bail!("a policy without statements"),
    };
    for statement in &statements {
        for member in statement.as_object().context("a statement is no object")?.keys() {
            if !["Sid", "Effect", "Action", "Resource", "Condition", "Principal"]
                .contains(&member.as_str())
            {
                bail!("a statement has {member}, which is not supported here");
            }
        }
    }
    Ok(statements)
}

fn applies(statement: &Value, question: &Question<'_>) -> anyhow::Result<bool> {
    // IAM ignores case in actions, but not in resources.
    let action = question.action.to_lowercase();
    let action = texts(&statement["Action"])?.iter().any(|a| glob(&a.to_lowercase(), &action));
    let resource = texts(&statement["Resource"])?.iter().any(|r| glob(r, question.resource));
    Ok(action && resource && conditions_hold(statement, question.context)?)
}

fn conditions_hold(statement: &Value, context: &BTreeMap<String, String>) -> anyhow::Result<bool> {
    let Some(operators) = statement.get("Condition").and_then(Value::as_object) else {
        return Ok(true);
    };
    for (operator, keys) in operators {
        let matches: fn(&str, &str) -> bool = match operator.as_str() {
            "StringEquals" | "ArnEquals" => |pattern, value| pattern == value,
            "StringLike" | "ArnLike" => glob,
            "Bool" => |pattern, value| pattern.eq_ignore_ascii_case(value),
            other => bail!("the condition operator {other} is not supported here"),
        };
        for (key, patterns) in keys.as_object().context("a condition without keys")? {
            let Some(value) = context.get(key) else { return Ok(false) };
            if !texts(patterns)?.iter().any(|pattern| matches(pattern, value)) {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

fn texts(value: &Value) -> anyhow::Result<Vec<&str>> {
    match value {
        Value::String(text) => Ok(vec![text]),
        Value::Array(list) => {
            list.iter().map(|v| v.as_str().context("a text was expected")).collect()
        }
        Value::Null => Ok(Vec::new()),
        other => bail!("a text or a list of texts was expected, not {other}"),
    }
}

/// `*` matches any number of characters, `?` matches one.
fn glob(pattern: &str, text: &str) -> bool {
    match pattern.as_bytes().first() {
        None => text.is_empty(),
        Some(b'*') => {
            (0..=text.len()).any(|at| text.is_char_boundary(at) && glob(&pattern[1..], &text[at..]))
        }
        Some(b'?') => {
            text.chars().next().is_some_and(|c| glob(&pattern[1..], &text[c.len_utf8()..]))
        }
        Some(_) => {
            let (mut p, mut t) = (pattern.chars(), text.chars());
            p.next() == t.next() && glob(p.as_str(), t.as_str())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn ask(
        policy: &Value,
        action: &str,
        resource: &str,
        context: &[(&str, &str)],
    ) -> anyhow::Result<bool> {
        let context = context.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        allows([policy], &Question { action, resource, context: &context })
    }

    #[test]
    fn only_the_named_parameter_is_allowed() {
        let policy = json!({ "Statement": { "Effect": "Allow", "Action": "ssm:GetParameters", "Resource": "arn:p/a" } });
        assert!(ask(&policy, "ssm:GetParameters", "arn:p/a", &[]).unwrap());
        assert!(!ask(&policy, "ssm:GetParameters", "arn:p/ab", &[]).unwrap());
        assert!(!ask(&policy, "ssm:PutParameter", "arn:p/a", &[]).unwrap());
    }

    #[test]
    fn deny_overrides_allow_and_condition_needs_its_key() {
        let policy = json!({ "Statement": [
            { "Effect": "Allow", "Action": ["kms:Decrypt"], "Resource": "*", "Condition": { "StringEquals": { "kms:ViaService": "ssm" } } },
            { "Effect": "Deny", "Action": "kms:*", "Resource": "arn:k/secret" } ] });
        assert!(ask(&policy, "kms:Decrypt", "arn:k/1", &[("kms:ViaService", "ssm")]).unwrap());
        assert!(!ask(&policy, "kms:Decrypt", "arn:k/1", &[]).unwrap());
        assert!(
            !ask(&policy, "kms:Decrypt", "arn:k/secret", &[("kms:ViaService", "ssm")]).unwrap()
        );
        assert_eq!(
            wildcard_actions([&policy]).unwrap(),
            Vec::<String>::new(),
            "a denied wildcard is not listed"
        );
    }

    #[test]
    fn unsupported_element_is_an_error() {
        let statement =
            json!({ "Statement": { "Effect": "Allow", "NotAction": "ssm:*", "Resource": "*" } });
        assert!(ask(&statement, "ssm:GetParameters", "a", &[]).is_err());
        let operator = json!({ "Statement": { "Effect": "Allow", "Action": "a:b", "Resource": "*", "Condition": { "IpAddress": { "k": "v" } } } });
        assert!(ask(&operator, "a:b", "a", &[]).is_err());
    }

    #[test]
    fn globs_match_as_in_arns() {
        assert!(glob("arn:*:log-group:x:*", "arn:aws:log-group:x:stream"));
        assert!(glob("a?c", "abc") && !glob("a?c", "ac") && !glob("a", "ab"));
    }
}
