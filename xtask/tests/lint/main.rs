//! Plants one defect for each check in a scratch tree, and sees the check find it: a linter that passes everything passes
//! this repository too.

#![expect(clippy::unwrap_used, reason = "an unwrap that fails fails its test")]

mod scratch;

use std::fs;

use scratch::Scratch;
use xtask::lint::{CHECKS, Outcome};

/// One test for each defect: what is planted in an empty tree must fail a check, with these words in its log.
macro_rules! seeds {
    ($($name:ident: $check:literal finds $says:literal in $plant:expr;)*) => {
        const SEEDED: &[&str] = &[$($check),*];
        $(#[test] fn $name() { find($check, $says, $plant); })*
    };
}

fn find(name: &str, says: &str, plant: impl Fn(&Scratch)) {
    let check = CHECKS.iter().find(|check| check.name == name).expect("there is no such check");
    let scratch = Scratch::new();
    plant(&scratch);
    let outcome = scratch.tree.check(check).unwrap();
    let log = fs::read_to_string(scratch.tree.log(check)).unwrap();
    match outcome {
        // Any other reason means that the check does not look at what is planted.
        Outcome::Skipped(reason) if reason.contains("is not installed") => {
            println!("SKIPPED: seed of {name}: {reason}");
        }
        Outcome::Failed => assert!(log.contains(says), "{log}"),
        outcome => panic!("{name}: {outcome:?}: {log}"),
    }
}

/// tests/advisories.rs has those of the check `advisories`.
#[test]
fn every_check_has_a_seed() {
    let without: Vec<_> =
        CHECKS.iter().map(|check| check.name).filter(|name| !SEEDED.contains(name)).collect();
    assert_eq!(without, ["advisories"]);
}

/// A workflow for pull requests with these steps.
fn steps(steps: &str) -> impl Fn(&Scratch) {
    move |tree| tree.workflow("pull_request", "timeout-minutes: 5", steps)
}

/// A workflow with this member in its job, and a ruleset that requires its check.
fn required(on: &str, member: &str) -> impl Fn(&Scratch) {
    move |tree| tree.required(on, member)
}

/// A document with a defect, as a filter of jq.
fn document(defect: &str) -> impl Fn(&Scratch) {
    move |tree| tree.document(defect)
}

fn file(name: &str, text: &str) -> impl Fn(&Scratch) {
    move |tree| tree.file(name, text)
}

const IMAGE: &str = "services/nginx/Dockerfile";
const RENDERING: &str = "contract/parcels/nginx.conf";

/// The image and a rendering of the sidecar, with one text in place of another.
fn sidecar(name: &str, old: &str, new: &str) -> impl Fn(&Scratch) {
    move |tree| {
        tree.copy(IMAGE);
        tree.copy(RENDERING);
        tree.replace(name, old, new);
    }
}

/// A release with the document, a commit without it, and then a document with this change, or none.
fn change(defect: &str) -> impl Fn(&Scratch) {
    move |tree| {
        tree.document(".");
        tree.commit("first");
        tree.run("git", &["tag", "v1.0.0"]);
        tree.run("git", &["rm", "--quiet", "-r", "services"]);
        tree.file("README.md", "no document\n");
        tree.commit("without the document");
        if !defect.is_empty() {
            tree.document(defect);
        }
    }
}

seeds! {
    output_of_no_step: "actionlint" finds "missing"
        in steps("      - run: echo \"${{ steps.missing.outputs.x }}\"");
    script_without_quotes: "workflow-scripts" finds "SC2086"
        in steps("      - run: rm -rf $HOME/x");
    title_in_a_script: "zizmor" finds "template-injection"
        in steps("      - run: echo \"${{ github.event.pull_request.title }}\"");
    action_without_a_digest: "zizmor" finds "unpinned-uses"
        in steps("      - uses: actions/checkout@v7");
    verification_without_a_login: "registry-login" finds "job seed uses a registry without a login"
        in steps("      - run: gh attestation verify oci://r/x@sha256:1 --repo o/r");
    push_without_a_login: "registry-login" finds "job seed uses a registry without a login"
        in steps("      - run: docker push r/x");
    signature_without_a_login: "registry-login" finds "job seed uses a registry without a login"
        in steps("      - uses: actions/attest@v4\n        with: { push-to-registry: true }");
    push_by_ops_without_a_login: "registry-login" finds "job seed uses a registry without a login"
        in steps("      - run: cargo ops release push");
    login_after_a_verification: "registry-login" finds "job seed uses a registry without a login"
        in steps("      - run: cargo ops release verify x\n      - run: cargo ops release login x");
    required_check_with_a_filter: "required-checks" finds "filters pull_request by paths"
        in required("{ pull_request: { paths: [terraform/**] }, merge_group: }", "timeout-minutes: 5");
    required_check_that_no_queue_runs: "required-checks" finds "seed.yml does not run for merge_group"
        in required("[pull_request]", "timeout-minutes: 5");
    required_check_that_may_be_skipped: "required-checks" finds "can be skipped (needs)"
        in required("{ pull_request: , merge_group: }", "needs: other");
    required_check_that_nothing_runs: "required-checks" finds "0 jobs of this name run for pull requests"
        in required("push", "timeout-minutes: 5");
    role_that_trusts_another_workflow: "workflow-roles" finds "job seed: no role trusts this workflow in environment production" in |tree| {
        tree.copy("terraform/bootstrap/variables.tf");
        let steps = "      - uses: aws-actions/configure-aws-credentials@v6";
        tree.workflow("pull_request", "environment: production", steps);
    };
    unknown_member_of_a_step: "schemas" finds "seed.yml" in steps("      - runs: echo");

    list_without_an_end: "yamllint" finds "syntax error" in file("bad.yml", "a: [1,2\n");
    variable_without_quotes: "shellcheck" finds "SC2086" in file("bad.sh", "#!/bin/sh\necho $1\n");
    shell_by_its_first_line: "shellcheck" finds "SC2164" in file(".ci/run", "#!/usr/bin/env bash\ncd x\n");
    image_without_a_tag: "hadolint" finds "DL3006" in file("Dockerfile", "FROM debian\nRUN cd /tmp\n");
    link_to_nothing: "links" finds "missing.md" in file("bad.md", "[text](missing.md)\n");
    // The check reads this file too, so no refused word is in one piece here.
    archaic_word_in_a_document: "prose" finds "=> again" in file("bad.md", concat!("It starts an", "ew.\n"));
    for_in_the_sense_of_because: "prose" finds "=> because" in file("bad.rs", concat!("// It stops, f", "or it is slow.\n"));
    licence_that_nobody_decided_on: "cargo-deny" finds "licenses FAILED" in |tree| {
        tree.file("Cargo.toml", "[package]\nname = \"seed\"\nversion = \"0.1.0\"\nlicense = \"GPL-3.0-only\"\n[lib]\npath = \"lib.rs\"\n");
        tree.file("lib.rs", "");
        tree.run("cargo", &["generate-lockfile", "--quiet", "--offline"]);
    };
    nginx_with_a_known_hole: "gixy" finds "CVE" in sidecar(IMAGE, "nginx-unprivileged:1.30.6", "nginx-unprivileged:1.30.0");
    decoded_path_to_the_service: "gixy" finds "proxy_pass http://api$uri"
        in sidecar(RENDERING, "proxy_pass http://api$request_uri", "proxy_pass http://api$uri");

    unknown_type: "openapi" finds "simpleTypes" in document(r#"thing.properties.kind.type = "strng""#);
    response_without_a_description: "openapi" finds "response/required" in document(r#"del(item.get.responses["200"].description)"#);
    reference_to_another_document: "openapi" finds "outside of the document" in document(r#"thing.properties.kind = {"$ref": "https://example.com/kind.json"}"#);
    undeclared_path_parameter: "openapi" finds "path-parameters-defined" in document("del(item.parameters)");
    parameter_declared_twice: "openapi" finds "operation-parameters-unique" in document("item.parameters += item.parameters");
    example_of_a_body: "openapi" finds "no-invalid-media-type-examples" in document(r#"item.get.responses["200"].content["application/json"].examples.one.value.kind = 1"#);
    example_of_a_parameter: "openapi" finds "no-invalid-parameter-examples" in document("item.parameters[0].example = 1");
    example_of_a_schema: "openapi" finds "no-invalid-schema-examples" in document(r#"thing.examples = [{"kind": 1}]"#);
    reference_to_nothing: "openapi" finds "no-unresolved-refs" in document(r##"thing.properties.kind = {"$ref": "#/components/schemas/Kind"}"##);
    unused_component: "openapi" finds "no-unused-components" in document(r#".components.schemas.Kind = {"type": "string"}"#);
    enum_with_a_duplicate: "openapi" finds "no-duplicated-enum-values" in document(r#"thing.properties.kind.enum = ["a", "a"]"#);
    enum_of_another_type: "openapi" finds "no-enum-type-mismatch" in document(r"thing.properties.kind.enum = [1]");
    combination_of_one_schema: "openapi" finds "no-illogical-composition-keywords" in document(r#"thing.properties.kind = {"oneOf": [{"type": "string"}]}"#);
    minimum_of_two_kinds: "openapi" finds "no-mixed-number-range-constraints" in document(r#"thing.properties.size = {"type": "integer", "minimum": 1, "exclusiveMinimum": 0}"#);
    required_member_that_is_not_described: "openapi" finds "no-required-schema-properties-undefined" in document(r#"thing.required = ["colour"]"#);
    keyword_of_another_type: "openapi" finds "no-schema-type-mismatch" in document(r#"thing.items = {"type": "string"}"#);
    operation_without_a_summary: "openapi" finds "operation-summary" in document("del(item.get.summary)");
    problem_without_a_body: "openapi" finds "operation-4xx-problem-details-rfc7807" in document(r#"del(item.get.responses["404"].content)"#);
    server_with_an_unknown_variable: "openapi" finds "no-undefined-server-variable" in document(r#".servers = [{"url": "/{version}"}]"#);
    unknown_member: "openapi-platform" finds "/get/securty: is not known here" in document("item.get.securty = []");
    ambiguous_path: "openapi-platform" finds "can match a path that /things/{id} matches too" in document(r#".paths["/things/{name}"] = item"#);
    path_with_an_empty_segment: "openapi-platform" finds "must be a path of segments" in document(r#".paths["/things/"] = item"#);

    path_removed_since_the_commit_before: "openapi-breaking" finds "/paths/~1things~1{id}: the path was removed" in |tree| {
        tree.document(".");
        tree.commit("first");
        tree.commit("second");
        tree.document(r#".paths["/others/{id}"] = item | del(item)"#);
    };
    type_changed_since_the_release: "openapi-breaking" finds "properties/kind/type: in responses: `type` was string, is integer"
        in change(r#"thing.properties.kind.type = "integer""#);
    service_removed_since_the_release: "openapi-breaking" finds "removed; deprecate" in change("");

    // The guard reads this file too, so no secret is in one piece here.
    state: "guard" finds "holds state" in file("terraform.tfstate", "{}\n");
    private_key: "guard" finds "private key" in file("notes.txt", concat!("-----BEGIN RSA ", "PRIVATE KEY-----\n"));
    account: "guard" finds "account id" in file("notes.txt", concat!("arn:aws:iam::9876", "54321098:role/x\n"));
    account_in_a_registry: "guard" finds "account id" in file("notes.txt", concat!("9876", "54321098.dkr.ecr.us-east-1\n"));
    account_alone: "guard" finds "account id" in file("notes.txt", concat!("in 9876", "54321098 or 123456789012\n"));
    access_key: "guard" finds "access key" in file("notes.txt", concat!("AKIA", "ABCDEFGHIJKLMNOP\n"));
    token: "guard" finds "token of GitHub" in file("notes.txt", concat!("ghp_", "abcdefghijklmnopqrstuvwxyz0123456789\n"));
    api_key: "guard" finds "API key" in file("notes.txt", concat!("API_KEY=9f", "83hd72kdh38dhw83\n"));
    path_of_one_machine: "guard" finds "path of one machine" in file("notes.txt", concat!("see /", "home/somebody/x\n"));
}
