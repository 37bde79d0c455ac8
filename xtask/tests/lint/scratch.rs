//! A tree with nothing but what a seed plants.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use tempfile::TempDir;
use xtask::command::command;
use xtask::lint::Tree;

pub(crate) struct Scratch {
    pub(crate) tree: Tree,
    _folder: TempDir,
}

impl Scratch {
    pub(crate) fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let (root, logs) = (folder.path().join("tree"), folder.path().join("logs"));
        fs::create_dir(&root).unwrap();
        let scratch = Self { tree: Tree { home: xtask::root(), root, logs }, _folder: folder };
        scratch.run("git", &["init", "--quiet"]);
        scratch
    }

    /// Runs a program in the tree, which has to succeed; what it prints.
    pub(crate) fn run(&self, program: &str, arguments: &[&str]) -> String {
        let mut command = command(program);
        let output = command
            .args(arguments)
            .current_dir(&self.tree.root)
            .stderr(Stdio::inherit())
            .output()
            .unwrap();
        assert!(output.status.success(), "{program} {arguments:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    pub(crate) fn file(&self, name: &str, text: &str) {
        let path = self.tree.root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// A file of this repository.
    pub(crate) fn copy(&self, name: &str) {
        self.file(name, &fs::read_to_string(self.tree.home.join(name)).unwrap());
    }

    /// One text in place of another, which has to be in the file.
    pub(crate) fn replace(&self, name: &str, old: &str, new: &str) {
        let text = fs::read_to_string(self.tree.root.join(name)).unwrap();
        assert!(text.contains(old), "{old} is not in {name}");
        self.file(name, &text.replace(old, new));
    }

    /// A workflow for `on` with one job, of these members and steps.
    pub(crate) fn workflow(&self, on: &str, member: &str, steps: &str) {
        self.file(
            ".github/workflows/seed.yml",
            &format!(
                "name: seed\non: {on}\npermissions: {{}}\njobs:\n  seed:\n    name: seed\n    {member}\n    runs-on: ubuntu-24.04\n    steps:\n{steps}\n"
            ),
        );
    }

    /// A ruleset that requires the check `seed`, of a workflow for `on` with this member.
    pub(crate) fn required(&self, on: &str, member: &str) {
        self.workflow(on, member, "      - run: true");
        self.file(
            ".github/ruleset.json",
            r#"{"rules":[{"type":"required_status_checks","parameters":{"required_status_checks":[{"context":"seed"}]}}]}"#,
        );
    }

    /// A document that every check passes, with the defect that a filter of jq makes of it. `item` is its one path,
    /// `thing` its one schema.
    pub(crate) fn document(&self, defect: &str) {
        let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lint/openapi.json");
        let names = r#"def item: .paths["/things/{id}"]; def thing: .components.schemas.Thing; "#;
        let changed = self.run("jq", &[&[names, defect].concat(), document.to_str().unwrap()]);
        self.file("services/seed/openapi.json", &changed);
    }

    pub(crate) fn commit(&self, message: &str) {
        self.run("git", &["add", "--all"]);
        let author = ["-c", "user.name=seed", "-c", "user.email=seed@example.com"];
        let commit = ["commit", "--quiet", "--allow-empty", "--message", message];
        self.run("git", &[&author[..], &commit[..]].concat());
    }
}
