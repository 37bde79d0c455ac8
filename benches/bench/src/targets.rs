//! Compares the targets with the measured figures.

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::section::Section;
use crate::table::Table;

/// One of `benches/targets.json`.
#[derive(Deserialize)]
struct Target {
    what: String,
    /// Section and figure.
    figure: (String, String),
    /// A second figure that the first is divided by.
    over: Option<(String, String)>,
    at_most: Option<f64>,
    at_least: Option<f64>,
    /// The reason for a missed target. The page shows it only then.
    #[serde(default)]
    held_by: String,
}

/// The table of targets, and the numbers of met and missed targets.
pub fn table() -> Result<(Table, usize, usize)> {
    let targets: Vec<Target> = serde_json::from_str(include_str!("../../targets.json"))?;
    let mut table = Table::new(&["target", "wanted", "measured", "", "limited by"]);
    let (mut met, mut missed) = (0, 0);
    for target in targets {
        let read = |(section, name): &(String, String)| Section::read(section)?.figure(name);
        let figure = read(&target.figure).and_then(|figure| match &target.over {
            None => Some(figure),
            Some(over) => Some(figure / read(over)?),
        });
        let least = target.at_least.map(|bound| (bound, format!("at least {bound}")));
        let most = target.at_most.map(|bound| (bound, format!("at most {bound}")));
        let (bound, wanted) = least.or(most).context("a target has a bound")?;
        let passes =
            |figure| if target.at_least.is_some() { figure >= bound } else { figure <= bound };
        let (verdict, held_by) = match figure {
            None => ("not measured", ""),
            Some(figure) if passes(figure) => ("met", ""),
            Some(_) => ("**missed**", &*target.held_by),
        };
        met += usize::from(verdict == "met");
        missed += usize::from(verdict == "**missed**");
        let shown = figure.map_or("–".into(), |figure| format!("{figure:.2}"));
        table.row([&target.what, &wanted, &shown, verdict, held_by]);
    }
    Ok((table, met, missed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_has_one_bound() {
        let targets: Vec<Target> =
            serde_json::from_str(include_str!("../../targets.json")).unwrap();
        assert_eq!(targets.len(), 12);
        assert!(targets.iter().all(|target| target.at_most.is_some() != target.at_least.is_some()));
    }
}
