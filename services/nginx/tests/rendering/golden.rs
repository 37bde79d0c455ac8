//! The rendering of each service, kept as `nginx.conf` in its folder, so that a reviewer sees what a change means for
//! nginx.

use super::{root, shown};
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
    let update = env::var_os("UPDATE_GOLDEN").is_some();
    let documents = documents();
    let mut differ = Vec::new();
    for document in &documents {
        let text = rendering(document);
        let file = document.with_file_name("nginx.conf");
        if update {
            fs::write(&file, &text).unwrap();
        } else if fs::read_to_string(&file).unwrap_or_default() != text {
            differ.push(file);
        }
    }
    assert!(documents.len() >= 2, "{documents:?}");
    assert!(differ.is_empty(), "UPDATE_GOLDEN=1 cargo test -p sidecar rewrites {differ:?}");
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
