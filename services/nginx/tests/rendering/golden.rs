//! The rendering of each service is checked in as `nginx.conf` in its folder, so that a review shows how a change
//! affects nginx.

use super::{root, shown};
use std::path::{Path, PathBuf};
use std::{env, fs};

/// Settings of a task behind a load balancer. The renderings use these and the defaults. `gixy` checks both.
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

/// Every document of the repository: those of the services, and that of the sample service.
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
fn renderings_equal_checked_in_files() {
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
fn rendering_ends_with_newline_and_has_no_template_syntax() {
    for document in documents() {
        let text = rendering(&document);
        assert!(text.ends_with("}\n") && !text.ends_with("\n\n"));
        for mark in ["{{", "{%", "%}", "{#"] {
            assert!(!text.contains(mark), "{mark}");
        }
    }
}
