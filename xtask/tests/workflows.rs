//! Checks that the image passes the commit, which the workflow `build` sets, to the compiler.

use std::fs;

#[test]
fn dockerfile_passes_the_commit_to_the_compiler() {
    let text = fs::read_to_string(xtask::root().join("services/Dockerfile")).unwrap();
    let mut lines = text.lines().skip_while(|line| *line != "ARG SERVICE_REVISION=unknown").skip(1);
    assert!(lines.next().unwrap().starts_with("RUN "));
    assert!(lines.next().unwrap().contains("cargo build"));
}
