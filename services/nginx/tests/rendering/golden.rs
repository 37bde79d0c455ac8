//! The rendering of each service, kept in `golden`, so that a reviewer sees what a change means for nginx.

use super::{root, shown};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{env, fs};

/// Settings of a task behind a load balancer, so that the renderings show both these and the defaults. `gixy` reads both.
const BEHIND_A_BALANCER: &[(&str, &str)] = &[
    ("API_KEY", "web:test-key-one,web:test-key-two,batch:test-key-three"),
    ("REQUIRE_API_KEY", "false"),
    ("TRUSTED_PROXIES", "10.0.0.0/20,10.0.16.0/20"),
    ("WORKER_PROCESSES", "2"),
];

fn rendering(document: &Path) -> String {
    let defaults = document != super::parcels();
    shown(document, if defaults { &[] } else { BEHIND_A_BALANCER })
}

/// Every document of the repository: of each service, and of the throw-away service.
fn documents() -> Vec<PathBuf> {
    let services = fs::read_dir(root().join("services")).unwrap();
    let mut found: Vec<PathBuf> = services
        .map(|entry| entry.unwrap().path().join("openapi.json"))
        .chain([super::parcels()])
        .filter(|path| path.exists())
        .collect();
    found.sort();
    found
}

#[test]
fn each_rendering_is_the_one_that_was_reviewed() {
    let golden = root().join("services/nginx/golden");
    let update = env::var_os("UPDATE_GOLDEN").is_some();
    let (mut names, mut differ) = (BTreeSet::new(), Vec::new());
    for document in documents() {
        let text = rendering(&document);
        let first = text.lines().next().unwrap();
        let name = first.strip_prefix("# The sidecar of ").and_then(|rest| rest.split(':').next());
        let file = golden.join(name.unwrap()).with_extension("conf");
        names.insert(file.clone());
        if update {
            fs::write(&file, &text).unwrap();
        } else if fs::read_to_string(&file).unwrap_or_default() != text {
            differ.push(file);
        }
    }
    assert!(names.len() >= 2, "{names:?}");
    assert!(differ.is_empty(), "UPDATE_GOLDEN=1 cargo test -p sidecar rewrites {differ:?}");
    let kept: BTreeSet<PathBuf> =
        fs::read_dir(golden).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(kept, names, "one file for each service");
}

#[test]
fn a_rendering_ends_with_a_line_end_and_has_no_line_of_the_template() {
    for document in documents() {
        let text = rendering(&document);
        assert!(text.ends_with("}\n") && !text.ends_with("\n\n"));
        for mark in ["{{", "{%", "%}", "{#"] {
            assert!(!text.contains(mark), "{mark}");
        }
    }
}
