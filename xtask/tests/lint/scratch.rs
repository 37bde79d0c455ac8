//! A tree that contains only the planted files.

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

    /// Runs a program in the tree, which must succeed. Returns its output.
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

    /// Copies a file of this repository.
    pub(crate) fn copy(&self, name: &str) {
        self.file(name, &fs::read_to_string(self.tree.home.join(name)).unwrap());
    }

    /// Replaces a text, which the file must contain.
    pub(crate) fn replace(&self, name: &str, old: &str, new: &str) {
        let text = fs::read_to_string(self.tree.root.join(name)).unwrap();
        assert!(text.contains(old), "{old} is not in {name}");
        self.file(name, &text.replace(old, new));
    }

    /// Writes a workflow for `on` with one job that has this member and these steps.
    pub(crate) fn workflow(&self, on: &str, member: &str, steps: &str) {
        self.file(
            ".github/workflows/seed.yml",
            &format!(
                "name: seed\non: {on}\npermissions: {{}}\njobs:\n  seed:\n    name: seed\n    {member}\n    runs-on: ubuntu-24.04\n    steps:\n{steps}\n"
            ),
        );
    }

    /// Writes a ruleset that requires the check `seed`, and a workflow for `on` with this member.
    pub(crate) fn required(&self, on: &str, member: &str) {
        self.workflow(on, member, "      - run: true");
        self.file(
            ".github/ruleset.json",
            r#"{"rules":[{"type":"required_status_checks","parameters":{"required_status_checks":[{"context":"seed"}]}}]}"#,
        );
    }

    /// Writes a valid document with a defect from a jq filter. `item` is its only path, `thing` its only schema.
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
