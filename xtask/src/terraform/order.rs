//! Dependencies that only the order of an apply shows. Compares terraform/tests/order.psv with `terraform graph`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use anyhow::{Context as _, ensure};

use super::seeds::rows;
use super::{ROOTS, Root, Setup};

pub(super) fn run(setup: &Setup<'_>) -> anyhow::Result<()> {
    let folder = setup.work.join("order/terraform");
    let root = setup.terraform.ready(&setup.repository.join(ROOTS[1]), &folder)?;
    let name = "order: every resource waits for the resources that AWS requires first";
    setup.checks.check(name, || check(&root));
    Ok(())
}

/// Fails if the graph of the root has no path for a row.
pub(super) fn check(root: &Root) -> anyhow::Result<()> {
    let table = rows(&fs::read_to_string(root.folder.join("tests/order.psv"))?);
    ensure!(table.len() >= 12, "order.psv: only {} rows were found", table.len());
    let missing = missing(&root.run(&["graph"])?, &table)?;
    ensure!(missing.is_empty(), "{}", missing.join("\n"));
    Ok(())
}

fn missing(graph: &str, table: &[Vec<String>]) -> anyhow::Result<Vec<String>> {
    let mut next: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (from, to) in graph.lines().filter_map(|line| line.split_once(" -> ")) {
        next.entry(from.trim().trim_matches('"')).or_default().push(to.trim_matches(['"', ';']));
    }
    let mut missing = Vec::new();
    for row in table {
        let (from, to) = (row.first().context("no row")?, row.get(1).context("no dependency")?);
        let (mut seen, mut queue) = (BTreeSet::new(), vec![from.as_str()]);
        while let Some(node) = queue.pop() {
            if seen.insert(node) {
                queue.extend(next.get(node).into_iter().flatten());
            }
        }
        if !seen.contains(to.as_str()) {
            missing.push(format!("nothing makes {from} wait for {to}"));
        }
    }
    Ok(missing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_can_have_several_steps() {
        let graph = "digraph {\n  \"a\" -> \"b\";\n  \"b\" -> \"c\";\n  \"c\" -> \"b\";\n}\n";
        let table = rows("a | c | why\nb | a | why\n");
        assert_eq!(missing(graph, &table).unwrap(), ["nothing makes b wait for a"]);
    }
}
