//! Log lines that are metrics too: CloudWatch's Embedded Metric Format, read as strictly as its
//! specification is written.
//!
//! CloudWatch drops a record that breaks a rule and says so in one metric that nobody watches. So the
//! tests read every kind of line that the sidecar can write with this, and the drill makes metrics of
//! the lines of its own stack.
//!
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>

use anyhow::{Context, bail, ensure};
use serde_json::{Map, Value};

use super::metric::{MetricId, Store};
use super::sample::Sample;

/// The units of `MetricDatum` that we use. A unit that CloudWatch does not know is an error.
const UNITS: [&str; 5] = ["Seconds", "Milliseconds", "Bytes", "Count", "None"];

/// One number of a record.
#[derive(Debug, Clone, PartialEq)]
pub struct Datum {
    /// Which metric it belongs to, dimensions included.
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

impl Record {
    /// Reads a line. `Ok(None)` means that it is JSON and no record.
    ///
    /// # Errors
    /// Names the rule of the specification that is broken.
    pub fn read(line: &str) -> anyhow::Result<Option<Self>> {
        let root: Value = serde_json::from_str(line).context("the line is not JSON")?;
        let root = root.as_object().context("the line is not a JSON object")?;
        let Some(metadata) = root.get("_aws") else { return Ok(None) };
        // "Integer", says the schema; 1e12 and 1.0 would be floats here, and are refused.
        let timestamp = metadata["Timestamp"].as_i64().context("Timestamp is no integer")?;
        let directives = metadata["CloudWatchMetrics"].as_array();
        let mut data = Vec::new();
        for directive in directives.context("CloudWatchMetrics is no array")? {
            read_directive(root, directive, &mut data)?;
        }
        Ok(Some(Self { timestamp, data }))
    }

    /// Adds the record to the replayed data, in the minute in which it happened, counted from the
    /// minute that begins at `epoch` (milliseconds since 1970).
    pub fn store(&self, store: &mut Store, epoch: i64) {
        let minute = (self.timestamp - epoch).div_euclid(60_000);
        for datum in &self.data {
            store.push(&datum.id, minute, &[Sample { value: datum.value, count: 1.0 }]);
        }
    }
}

fn name(value: &Value, what: &str, most: usize) -> anyhow::Result<String> {
    let text = value.as_str().with_context(|| format!("{what} is no string"))?;
    let length = text.chars().count();
    ensure!(
        (1..=most).contains(&length),
        "{what} has {length} characters, 1 to {most} are allowed"
    );
    Ok(text.to_owned())
}

fn read_directive(
    root: &Map<String, Value>,
    directive: &Value,
    data: &mut Vec<Datum>,
) -> anyhow::Result<()> {
    let namespace = name(&directive["Namespace"], "Namespace", 1024)?;
    let sets = directive["Dimensions"].as_array().context("Dimensions is no array")?;
    ensure!(!sets.is_empty(), "Dimensions is empty");
    let metrics = directive["Metrics"].as_array().context("Metrics is no array")?;
    ensure!(metrics.len() <= 100, "more than 100 metrics");
    for set in sets {
        let keys = set.as_array().context("a dimension set is no array")?;
        ensure!(keys.len() <= 30, "more than 30 dimensions");
        let mut dimensions = std::collections::BTreeMap::new();
        for key in keys {
            let key = name(key, "a dimension", 250)?;
            let target = root.get(&key).with_context(|| format!("no member {key}"))?;
            dimensions.insert(key.clone(), name(target, &key, 1024)?);
        }
        for metric in metrics {
            let metric_name = name(&metric["Name"], "a metric's Name", 1024)?;
            match &metric["Unit"] {
                Value::Null => {}
                Value::String(unit) if UNITS.contains(&unit.as_str()) => {}
                other => bail!("unit {other} of {metric_name} is unknown"),
            }
            let target =
                root.get(&metric_name).with_context(|| format!("no member {metric_name}"))?;
            let value = target.as_f64().with_context(|| format!("{metric_name} is no number"))?;
            let id = MetricId {
                namespace: namespace.clone(),
                name: metric_name,
                dimensions: dimensions.clone(),
            };
            ensure!(data.iter().all(|d| d.id != id), "{id} is there twice");
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
    fn a_record_gives_its_numbers_with_their_dimensions() {
        let record = Record::read(LINE).unwrap().unwrap();
        assert_eq!(record.data.len(), 1);
        assert_eq!(record.data[0].id.to_string(), "n Latency route=/orders");
        let mut store = Store::default();
        record.store(&mut store, 1_700_000_000_000);
        let series = store.get(&record.data[0].id).unwrap();
        let sum = super::super::sample::Statistic::Sum;
        assert_eq!(series.statistic(sum, 0, 1), None);
        assert_eq!(series.statistic(sum, 1, 2), Some(0.002));
    }

    #[test]
    fn each_broken_rule_is_named() {
        for (from, to, message) in [
            ("1700000061500", "1700000061.5", "Timestamp is no integer"),
            ("1700000061500", "1700000061.5e3", "Timestamp is no integer"),
            ("0.002}", "\"-\"}", "Latency is no number"),
            ("0.002}", "-}", "not JSON"),
            ("\"Latency\":0.002", "\"x\":1", "no member Latency"),
            ("\"/orders\"", "7", "route is no string"),
            ("\"/orders\"", "\"\"", "route has 0 characters"),
            ("[[\"route\"]]", "[]", "Dimensions is empty"),
            ("\"Seconds\"", "\"Hours\"", "unit \"Hours\""),
            ("\"n\"", "\"\"", "Namespace has 0 characters"),
        ] {
            let broken = LINE.replace(from, to);
            assert_ne!(broken, LINE, "{from}");
            let error = format!("{:#}", Record::read(&broken).unwrap_err());
            assert!(error.contains(message), "{error} instead of {message}");
        }
    }

    #[test]
    fn other_json_is_no_record() {
        assert_eq!(Record::read(r#"{"message":"ready"}"#).unwrap(), None);
    }
}
