//! Reads log lines in CloudWatch's Embedded Metric Format (EMF), which are also metrics, as strictly as the
//! specification.
//!
//! CloudWatch drops an invalid record and reports the loss only in another metric. So the tests read every kind of line
//! of the sidecar with this module. The drill uses it to turn log lines into metrics.
//!
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>

use std::collections::BTreeMap;

use anyhow::{Context, ensure};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::metric::MetricId;

/// One number of a record.
#[derive(Debug, Clone, PartialEq)]
pub struct Datum {
    /// The metric's identity, with its dimensions.
    pub id: MetricId,
    /// The number.
    pub value: f64,
}

/// A record.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Milliseconds since 1970.
    pub timestamp: i64,
    /// Its numbers, one for each metric and dimension set.
    pub data: Vec<Datum>,
}

/// The member `_aws`. The schema requires integers, so a float such as `1.0` is refused.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Metadata {
    timestamp: i64,
    cloud_watch_metrics: Vec<Directive>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Directive {
    namespace: String,
    dimensions: Vec<Vec<String>>,
    metrics: Vec<Definition>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Definition {
    name: String,
    /// Parsed only to validate it.
    #[serde(rename = "Unit")]
    _unit: Option<Unit>,
}

/// The units of `MetricDatum` that the sidecar uses. CloudWatch refuses an unknown unit.
#[derive(Deserialize)]
enum Unit {
    Seconds,
    Milliseconds,
    Bytes,
    Count,
    None,
}

impl Record {
    /// Reads a line. `Ok(None)` means that the line is JSON but not a record.
    ///
    /// # Errors
    /// The line breaks a rule of the specification. The error names the rule.
    pub fn read(line: &str) -> anyhow::Result<Option<Self>> {
        let root: Map<String, Value> =
            serde_json::from_str(line).context("the line is not a JSON object")?;
        let Some(metadata) = root.get("_aws") else { return Ok(None) };
        let metadata = Metadata::deserialize(metadata).context("_aws")?;
        let mut data = Vec::new();
        for directive in &metadata.cloud_watch_metrics {
            read_directive(&root, directive, &mut data)?;
        }
        Ok(Some(Self { timestamp: metadata.timestamp, data }))
    }
}

fn check_length(what: &str, text: &str, most: usize) -> anyhow::Result<()> {
    let length = text.chars().count();
    let allowed = (1..=most).contains(&length);
    ensure!(allowed, "{what} has {length} characters, 1 to {most} are allowed");
    Ok(())
}

fn read_directive(
    root: &Map<String, Value>,
    directive: &Directive,
    data: &mut Vec<Datum>,
) -> anyhow::Result<()> {
    check_length("Namespace", &directive.namespace, 1024)?;
    ensure!(!directive.dimensions.is_empty(), "Dimensions is empty");
    ensure!(directive.metrics.len() <= 100, "more than 100 metrics");
    let member = |name: &str| root.get(name).with_context(|| format!("no member {name}"));
    for set in &directive.dimensions {
        ensure!(set.len() <= 30, "more than 30 dimensions");
        let mut dimensions = BTreeMap::new();
        for key in set {
            check_length("a dimension", key, 250)?;
            let value = member(key)?.as_str().with_context(|| format!("{key} is not a string"))?;
            check_length(key, value, 1024)?;
            dimensions.insert(key.clone(), value.to_owned());
        }
        for Definition { name, .. } in &directive.metrics {
            check_length("a metric's Name", name, 1024)?;
            let value =
                member(name)?.as_f64().with_context(|| format!("{name} is not a number"))?;
            let id = MetricId {
                namespace: directive.namespace.clone(),
                name: name.clone(),
                dimensions: dimensions.clone(),
            };
            ensure!(data.iter().all(|d| d.id != id), "{id} occurs twice");
            data.push(Datum { id, value });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"{"_aws":{"Timestamp":1700000061500,"CloudWatchMetrics":[{"Namespace":"n",
        "Dimensions":[["route"]],"Metrics":[{"Name":"Latency","Unit":"Seconds"}]}]},"route":"/orders","Latency":0.002}"#;

    #[test]
    fn record_has_numbers_with_dimensions() {
        let record = Record::read(LINE).unwrap().unwrap();
        assert_eq!(record.timestamp, 1_700_000_061_500);
        assert_eq!(record.data.len(), 1);
        assert_eq!(record.data[0].id.to_string(), "n Latency route=/orders");
        assert!((record.data[0].value - 0.002).abs() < 1e-9);
    }

    #[test]
    fn error_names_the_broken_rule() {
        for (from, to, message) in [
            ("1700000061500", "1700000061.5", "invalid type: floating point"),
            ("1700000061500", "1700000061.5e3", "invalid type: floating point"),
            ("0.002}", "\"-\"}", "Latency is not a number"),
            ("0.002}", "-}", "not a JSON object"),
            ("\"Latency\":0.002", "\"x\":1", "no member Latency"),
            ("\"/orders\"", "7", "route is not a string"),
            ("\"/orders\"", "\"\"", "route has 0 characters"),
            ("[[\"route\"]]", "[]", "Dimensions is empty"),
            ("\"Seconds\"", "\"Hours\"", "unknown variant `Hours`"),
            ("\"n\"", "\"\"", "Namespace has 0 characters"),
        ] {
            let broken = LINE.replace(from, to);
            assert_ne!(broken, LINE, "{from}");
            let error = format!("{:#}", Record::read(&broken).unwrap_err());
            assert!(error.contains(message), "{error} instead of {message}");
        }
    }

    #[test]
    fn other_json_is_not_a_record() {
        assert_eq!(Record::read(r#"{"message":"ready"}"#).unwrap(), None);
    }
}
