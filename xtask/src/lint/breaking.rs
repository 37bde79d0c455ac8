//! Finds changes of the OpenAPI documents that break callers of the last release.

use std::env;
use std::fs;

use anyhow::{Context as _, ensure};

use super::tree::Job;
use super::{NOTHING, Outcome};
use crate::command::output;

pub(super) fn check(job: &mut Job<'_>) -> anyhow::Result<Outcome> {
    let released = match released(job)? {
        Ok(commit) => commit,
        Err(reason) => return Ok(Outcome::Skipped(reason.to_owned())),
    };
    let folder = job.tree.logs.join("openapi");
    let _ = fs::remove_dir_all(&folder);
    let (old, new) = (folder.join("old"), folder.join("new"));
    fs::create_dir_all(&old)?;
    fs::create_dir_all(&new)?;

    let listed = git(job, &["ls-tree", "-r", "--name-only", &released])?;
    let documents: Vec<&str> = listed.lines().filter(|file| is_document(file)).collect();
    if documents.is_empty() {
        return Ok(Outcome::Skipped(NOTHING.to_owned()));
    }
    for file in &documents {
        let target = old.join(file);
        fs::create_dir_all(target.parent().context("a document is in a folder")?)?;
        fs::write(target, git(job, &["show", &format!("{released}:{file}")])?)?;
    }
    for file in job.files.iter().filter(|file| is_document(file)) {
        let target = new.join(file);
        fs::create_dir_all(target.parent().context("a document is in a folder")?)?;
        fs::copy(job.tree.root.join(file), target)?;
    }
    let line = "{ops} openapi breaking";
    let passed = job.passes(job.command(line).arg(&old).arg(&new))?;
    Ok(Outcome::from_verdict(passed, documents.len()))
}

/// `services/FOLDER/openapi.json` or `contract/FOLDER/openapi.json`.
fn is_document(file: &str) -> bool {
    let parts: Vec<&str> = file.split('/').collect();
    matches!(parts[..], ["services" | "contract", _, "openapi.json"])
}

/// The commit of the last release. Before the first release, the commit where this branch started. The inner error is
/// the reason for a skip.
fn released(job: &Job<'_>) -> anyhow::Result<Result<String, &'static str>> {
    let commit =
        |name: &str| git(job, &["rev-parse", "--verify", "--quiet", &format!("{name}^{{commit}}")]);
    let base = env::var("BASE").ok().filter(|base| !base.is_empty());
    if let Some(base) = &base {
        ensure!(commit(base).is_ok(), "BASE is {base}, which is not a commit");
    }
    if git(job, &["rev-parse", "--is-shallow-repository"])? == "true" {
        return Ok(Err("this is a shallow clone: it may lack the tags and the history"));
    }
    if let Ok(tag) = git(job, &["describe", "--tags", "--match", "v*", "--abbrev=0"]) {
        return Ok(Ok(tag));
    }
    let base = base.or_else(|| git(job, &["merge-base", "HEAD", "origin/main"]).ok());
    let head = commit("HEAD").ok();
    let base = base.filter(|base| commit(base).ok() != head).unwrap_or_else(|| "HEAD^".to_owned());
    Ok(commit(&base).map_err(|_| "there is no earlier commit"))
}

fn git(job: &Job<'_>, arguments: &[&str]) -> anyhow::Result<String> {
    let text = output(job.command("git").args(arguments))?;
    Ok(text.trim_end_matches('\n').to_owned())
}
