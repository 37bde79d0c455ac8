//! Converts the stand-in's statistics into the states of ELB targets.

use anyhow::Context as _;

/// State of a target, as `DescribeTargetHealth` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// The slot holds no target.
    Unused,
    /// It gets requests.
    Healthy,
    /// Health checks fail, or not enough checks have passed yet.
    Unhealthy,
    /// Deregistered. Its requests in flight can finish.
    Draining,
}

/// One line of the statistics.
#[derive(Debug, Clone)]
pub struct Row {
    /// Backend.
    pub group: String,
    /// Server.
    pub name: String,
    /// State.
    pub state: State,
    /// Requests in flight.
    pub sessions: u64,
}

/// Parses `show stat`: a comment line with the column names, then comma-separated values.
pub(super) fn parse(text: &str) -> anyhow::Result<Vec<Row>> {
    let mut lines = text.lines();
    let header: Vec<_> =
        lines.next().context("no statistics")?.trim_start_matches("# ").split(',').collect();
    let column = |name: &str| {
        header
            .iter()
            .position(|h| *h == name)
            .with_context(|| format!("the statistics have no {name}"))
    };
    let (group, name, status, sessions) =
        (column("pxname")?, column("svname")?, column("status")?, column("scur")?);
    Ok(lines
        .filter(|line| !line.is_empty())
        .map(|line| {
            let values: Vec<_> = line.split(',').collect();
            let value = |index: usize| values.get(index).copied().unwrap_or_default();
            Row {
                group: value(group).to_owned(),
                name: value(name).to_owned(),
                state: state(value(status)),
                sessions: value(sessions).parse().unwrap_or(0),
            }
        })
        .collect())
}

fn state(status: &str) -> State {
    match status.split_whitespace().next() {
        Some("UP" | "no") => State::Healthy,
        Some("DOWN" | "NOLB") => State::Unhealthy,
        Some("DRAIN") => State::Draining,
        _ => State::Unused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_finds_columns_by_name() {
        let rows = parse("# pxname,svname,scur,status\ntargets,t1,3,UP 1/2\ntargets,t2,0,DOWN 1/2\ntargets,t3,1,DRAIN\ntargets,t4,,MAINT\n").unwrap();
        let states: Vec<_> = rows.iter().map(|r| (r.state, r.sessions)).collect();
        assert_eq!(
            states,
            [(State::Healthy, 3), (State::Unhealthy, 0), (State::Draining, 1), (State::Unused, 0)]
        );
    }
}
