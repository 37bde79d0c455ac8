//! Runs planted steps as `make test` does. Checks the counts, the failures, and the additional failures in CI.

#![expect(clippy::unwrap_used, reason = "an unwrap that fails fails its test")]

use std::fs;
use std::path::Path;
use std::sync::Mutex;

use tempfile::TempDir;
use xtask::command::command;
use xtask::test::{Counts, Lane, Step, run_steps};

/// A repository with a licence, the list of skips of this repository, and one more accepted skip.
fn repository() -> TempDir {
    let folder = TempDir::new().unwrap();
    let root = xtask::root();
    for name in [".gitignore", "LICENSE"] {
        fs::copy(root.join(name), folder.path().join(name)).unwrap();
    }
    let listed = fs::read_to_string(root.join("scripts/skips.txt")).unwrap();
    fs::create_dir(folder.path().join("scripts")).unwrap();
    let seed = "seed | seed: nothing like … here | a seed\n";
    fs::write(folder.path().join("scripts/skips.txt"), listed + seed).unwrap();
    let git = |arguments: &[&str]| {
        let identity = ["-c", "user.name=seed", "-c", "user.email=seed@example.com"];
        let status =
            command("git").args(identity).args(arguments).current_dir(folder.path()).status();
        assert!(status.unwrap().success());
    };
    git(&["init", "--quiet"]);
    git(&["add", "--all"]);
    git(&["commit", "--quiet", "--message", "seed"]);
    folder
}

/// Runs these steps. Returns the output and the counts.
fn run(root: &Path, ci: bool, steps: &[Step]) -> (String, Counts) {
    let printed = Mutex::new(String::new());
    let counts =
        run_steps(root, steps, &[], ci, &|text| printed.lock().unwrap().push_str(text)).unwrap();
    (printed.into_inner().unwrap(), counts)
}

/// Runs one step and checks the sum of its counts and a line of the output.
fn check(ci: bool, step_command: &'static str, sum: [u32; 3], line: &str) {
    let step = Step { name: "seed", lane: Lane::Main, command: step_command };
    let (printed, counts) = run(repository().path(), ci, &[step]);
    assert_eq!([counts.passed, counts.failed, counts.skipped], sum, "{printed}");
    assert!(printed.contains(line), "{printed}");
    assert!(
        printed.ends_with(&format!("{} passed, {} failed, {} skipped\n", sum[0], sum[1], sum[2]))
    );
}

#[test]
fn step_without_skips_passes() {
    check(true, "true", [1, 0, 0], "seed            1 passed   0 failed   0 skipped     0 s\n");
}

#[test]
fn failed_step_shows_the_end_of_its_log() {
    check(false, "echo why; exit 3", [0, 1, 0], "\n    why\n");
}

#[test]
fn step_with_zero_checks_fails() {
    let command = "echo 'test result: ok. 0 passed; 0 failed; 0 ignored'";
    check(false, command, [0, 1, 0], "\n    the step ran no checks\n");
}

#[test]
fn listed_skip_that_does_not_occur_is_reported() {
    check(
        true,
        "true",
        [1, 0, 0],
        "\nlisted, but not skipped here: seed | seed: nothing like … here\n",
    );
}

#[test]
fn unlisted_skip_fails_in_ci_and_is_counted() {
    let complaint = "\nFAILED  seed skipped what scripts/skips.txt does not list: seed: planted\n";
    check(true, "echo 'SKIPPED: seed: planted'", [0, 1, 1], complaint);
}

#[test]
fn unlisted_skip_passes_outside_ci_and_is_shown() {
    check(false, "echo 'SKIPPED: seed: planted'", [0, 0, 1], "\n    SKIPPED: seed: planted\n");
}

#[test]
fn listed_skip_passes_in_ci() {
    check(
        true,
        "echo 'SKIPPED: seed: nothing like a seed here'",
        [0, 0, 1],
        "\n    SKIPPED: seed: nothing like a seed here\n",
    );
}

#[test]
fn ignored_test_fails_in_ci() {
    let command = "echo 'test result: ok. 3 passed; 0 failed; 2 ignored; 0 measured'";
    check(true, command, [3, 1, 2], " does not list: 2 ignored tests\n");
}

#[test]
fn skip_without_a_name_fails_in_ci() {
    check(
        true,
        "echo '3 passed, 0 failed, 1 skipped'",
        [3, 1, 1],
        " does not list: 1 skips without a name\n",
    );
}

#[test]
fn leftover_file_fails_in_ci() {
    check(true, "touch left", [1, 1, 0], "\nFAILED  the work tree is not clean: ?? left\n");
}

#[test]
fn leftover_ignored_folder_fails_in_ci() {
    let complaint = "\nFAILED  the work tree is not clean: !! docs/\n";
    check(true, "mkdir -p docs/__pycache__; touch docs/__pycache__/x", [1, 1, 0], complaint);
}

#[test]
fn changed_file_fails_in_ci() {
    check(true, "echo >>LICENSE", [1, 1, 0], "\nFAILED  the work tree is not clean:  M LICENSE\n");
}

#[test]
fn invalid_line_in_the_list_of_skips_fails_in_ci() {
    let command = "echo 'no skip' >>scripts/skips.txt";
    check(
        true,
        command,
        [1, 1, 0],
        "\nFAILED  scripts/skips.txt: not `step | skip | reason`: no skip\n",
    );
}

/// Each step waits for the other, so they end only if they run in parallel.
#[test]
fn lanes_run_in_parallel_and_their_counts_are_added() {
    let wait = |mine, others| -> &'static str {
        format!(
            "touch .run/{mine}; timeout 20 sh -c 'until [ -e .run/{others} ]; do sleep 0.01; done'"
        )
        .leak()
    };
    let steps = [
        Step { name: "one", lane: Lane::Main, command: wait("one", "two") },
        Step { name: "two", lane: Lane::Drill, command: wait("two", "one") },
    ];
    let (printed, counts) = run(repository().path(), false, &steps);
    assert_eq!(counts, Counts { passed: 2, failed: 0, skipped: 0 }, "{printed}");
    assert!(printed.ends_with("2 passed, 0 failed, 0 skipped\n"), "{printed}");
}

#[test]
fn steps_of_one_lane_run_in_order() {
    let steps = [
        Step { name: "one", lane: Lane::Deploy, command: "sleep 0.2; touch .run/one" },
        Step { name: "two", lane: Lane::Deploy, command: "[ -e .run/one ]" },
    ];
    let (printed, counts) = run(repository().path(), false, &steps);
    assert_eq!(counts.passed, 2, "{printed}");
}

#[test]
fn failure_in_one_lane_fails_the_run() {
    let steps = [
        Step { name: "one", lane: Lane::Terraform, command: "false" },
        Step { name: "two", lane: Lane::Main, command: "true" },
    ];
    let (printed, counts) = run(repository().path(), false, &steps);
    assert_eq!(counts, Counts { passed: 1, failed: 1, skipped: 0 }, "{printed}");
}
