//! Tests the images of a rollback, from ECS's record and from arguments, and the check of its plan.

use std::fs;

use serde_json::{Value, json};

use super::{aws, calls, release, text};

const SERVICE: [&str; 4] = ["--cluster", "c", "--service", "s"];

fn image(name: &str, digit: char) -> String {
    format!("r/sum-api/{name}@sha256:{}", digit.to_string().repeat(64))
}

fn containers(digit: char) -> Value {
    json!([
        { "containerName": "api", "image": image("api", digit) },
        { "containerName": "nginx", "image": image("nginx", 'e') }
    ])
}

/// The responses of ECS for deployments, each a digit and a status, oldest first.
fn record(deployments: &[(char, &str)]) -> Vec<(&'static str, String)> {
    let brief = |(number, (_, status)): (usize, &(char, &str))| {
        json!({
            "serviceDeploymentArn": format!("deployment/{number}"),
            "targetServiceRevisionArn": format!("revision/{number}"),
            "status": status,
            "createdAt": format!("2026-11-{:02}T09:00:00+00:00", number + 1),
        })
    };
    // The order of the response is not documented.
    let mut briefs: Vec<_> = deployments.iter().enumerate().map(brief).collect();
    briefs.reverse();
    let revision = |(number, (digit, _)): (usize, &(char, &str))| json!({ "serviceRevisionArn": format!("revision/{number}"), "taskDefinition": "t:1", "containerImages": containers(*digit) });
    let revisions: Vec<_> = deployments.iter().enumerate().map(revision).collect();
    let defined = json!([{ "name": "api", "image": image("api", 'a') }, { "name": "nginx", "image": image("nginx", 'e') }]);
    vec![
        ("list-service-deployments.json", json!({ "serviceDeployments": briefs }).to_string()),
        ("describe-service-revisions.json", json!({ "serviceRevisions": revisions }).to_string()),
        ("describe-services.json", json!({ "services": [{ "status": "ACTIVE", "taskDefinition": "t:9" }], "failures": [] }).to_string()),
        ("describe-task-definition.json", json!({ "taskDefinition": { "containerDefinitions": defined } }).to_string()),
    ]
}

fn lines(api: char, nginx: char) -> String {
    format!("api_image={}\nnginx_image={}\n", image("api", api), image("nginx", nginx))
}

fn find(answers: &[(&str, String)], more: &[&str]) -> (bool, String, String) {
    let folder = aws(answers);
    let output = release(folder.path(), &[&["find"], &SERVICE[..], more].concat());
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    (output.status.success(), stdout, text(&output))
}

#[test]
fn last_good_images_are_found_without_digests() {
    for (deployments, good) in [
        (vec![('a', "SUCCESSFUL"), ('b', "SUCCESSFUL")], 'a'),
        (vec![('a', "SUCCESSFUL"), ('b', "ROLLBACK_SUCCESSFUL")], 'a'),
        (
            vec![
                ('a', "SUCCESSFUL"),
                ('b', "SUCCESSFUL"),
                ('c', "SUCCESSFUL"),
                ('b', "SUCCESSFUL"),
            ],
            'a',
        ),
    ] {
        let (found, printed, said) = find(&record(&deployments), &[]);
        assert!(found, "{said}");
        assert_eq!(printed, lines(good, 'e'), "{deployments:?}");
        assert!(said.contains("leaving sha256:"), "{said}");
    }
}

#[test]
fn all_pages_of_the_record_are_read() {
    let mut answers = record(&[('a', "SUCCESSFUL"), ('b', "SUCCESSFUL")]);
    let page = |number: usize, token: Option<&str>| {
        json!({ "nextToken": token, "serviceDeployments": [{ "status": "SUCCESSFUL", "createdAt": number,
            "serviceDeploymentArn": "d", "targetServiceRevisionArn": format!("revision/{number}") }] })
        .to_string()
    };
    answers.push(("list-service-deployments.1.json", page(1, Some("more"))));
    answers.push(("list-service-deployments.2.json", page(0, None)));
    let folder = aws(&answers);
    let output = release(folder.path(), &[&["find"], &SERVICE[..]].concat());
    assert_eq!(String::from_utf8_lossy(&output.stdout), lines('a', 'e'), "{}", text(&output));
    assert!(calls(folder.path()).contains("--next-token more"));
}

#[test]
fn revision_without_images_uses_its_task_definition() {
    let mut answers = record(&[('b', "SUCCESSFUL"), ('c', "SUCCESSFUL")]);
    answers[1].1 = json!({ "serviceRevisions": [
        { "serviceRevisionArn": "revision/0", "taskDefinition": "t:1" },
        { "serviceRevisionArn": "revision/1", "taskDefinition": "t:2", "containerImages": containers('c') }
    ] })
    .to_string();
    let (found, printed, said) = find(&answers, &[]);
    assert!(found, "{said}");
    assert_eq!(printed, lines('a', 'e'));
}

#[test]
fn missing_rollback_target_is_an_error() {
    for (deployments, words) in [
        (vec![('a', "SUCCESSFUL")], "nothing to go back to"),
        (vec![('a', "SUCCESSFUL"), ('a', "SUCCESSFUL")], "nothing to go back to"),
        (vec![], "no record"),
        (vec![('a', "SUCCESSFUL"), ('b', "IN_PROGRESS")], "a deployment is under way"),
    ] {
        let (found, printed, said) = find(&record(&deployments), &[]);
        assert!(!found && printed.is_empty() && said.contains(words), "{said}");
    }
    let mut answers = record(&[]);
    answers[2].1 = json!({ "services": [], "failures": [{ "reason": "MISSING" }] }).to_string();
    let (found, _, said) = find(&answers, &["--api", &format!("sha256:{}", "b".repeat(64))]);
    assert!(!found && said.contains("there is no service"), "{said}");
}

#[test]
fn given_digests_need_no_record() {
    let running = &record(&[])[2..];
    let digest = format!("sha256:{}", "b".repeat(64));
    let (_, printed, _) = find(running, &["--api", &digest]);
    assert_eq!(printed, lines('b', 'e'));
    let (_, printed, _) = find(running, &["--api", &digest, "--nginx", &image("nginx", 'd')]);
    assert_eq!(printed, lines('b', 'd'));
    let (found, printed, said) = find(running, &["--api", "latest"]);
    assert!(!found && printed.is_empty() && said.contains("is no digest"), "{said}");
}

/// Checks a plan that replaces the task definition and updates the service, after a change by the test.
fn check(change: impl FnOnce(&mut Value)) -> (bool, String) {
    // The provider returns an empty mode when the configuration sets none.
    let definition = |digit: char, ipc: Value| {
        let container = |name: &str| json!({ "name": name, "image": image(name, digit), "environment": [{ "name": "RATE_LIMIT", "value": "5" }] });
        json!({ "container_definitions": json!([container("api"), container("nginx")]).to_string(), "cpu": "256", "ipc_mode": ipc, "enable_fault_injection": false, "revision": 7 })
    };
    let mut plan = json!({ "format_version": "1.2", "resource_changes": [
        { "address": "module.sum[0].aws_ecs_task_definition.this", "mode": "managed", "type": "aws_ecs_task_definition",
          "change": { "actions": ["delete", "create"], "before": definition('b', json!("")), "after": definition('a', Value::Null), "after_unknown": { "revision": true, "enable_fault_injection": true } } },
        { "address": "module.sum[0].aws_ecs_service.this", "mode": "managed", "type": "aws_ecs_service",
          "change": { "actions": ["update"], "before": { "task_definition": "t:7", "desired_count": 3 }, "after": { "desired_count": 3 }, "after_unknown": { "task_definition": true } } },
        { "address": "module.sum[0].aws_lb.this", "mode": "managed", "type": "aws_lb", "change": { "actions": ["no-op"], "before": {}, "after": {} } }
    ] });
    change(&mut plan);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("plan.json");
    fs::write(&file, plan.to_string()).unwrap();
    let output = release(folder.path(), &["check", file.to_str().unwrap()]);
    (output.status.success(), text(&output))
}

#[test]
fn plan_may_only_change_images() {
    let (good, said) = check(|_| {});
    assert!(good && said.contains("`api`: `r/sum-api/api@sha256:bbb"), "{said}");
    assert!(said.contains("`nginx`: "), "{said}");
    let (good, said) = check(|plan| {
        plan["resource_changes"] = json!([]);
    });
    assert!(good && said.contains("nothing changes"), "{said}");

    let limit = |plan: &mut Value| {
        let after = &mut plan["resource_changes"][0]["change"]["after"]["container_definitions"];
        *after = json!(after.as_str().unwrap().replace(r#""value":"5""#, r#""value":"5000""#));
    };
    let (good, said) = check(limit);
    assert!(!good && said.contains("container_definitions.api.environment.RATE_LIMIT"), "{said}");
    let (good, said) = check(|plan| {
        plan["resource_changes"][0]["change"]["after"]["cpu"] = json!("512");
    });
    assert!(!good && said.contains("module.sum[0].aws_ecs_task_definition.this: cpu"), "{said}");
    let (good, said) = check(|plan| {
        plan["resource_changes"][0]["change"]["after_unknown"]["container_definitions"] =
            json!(true);
    });
    assert!(
        !good && said.contains("module.sum[0].aws_ecs_task_definition.this: container_definitions"),
        "{said}"
    );
    let (good, said) = check(|plan| {
        plan["resource_changes"][1]["change"]["after"]["desired_count"] = json!(1);
    });
    assert!(!good && said.contains("module.sum[0].aws_ecs_service.this: desired_count"), "{said}");
    let (good, said) = check(|plan| {
        plan["resource_changes"][1]["change"]["actions"] = json!(["delete", "create"]);
    });
    assert!(!good && said.contains("module.sum[0].aws_ecs_service.this"), "{said}");
    let (good, said) = check(|plan| {
        plan["resource_changes"][2]["change"]["actions"] = json!(["update"]);
    });
    assert!(!good && said.contains("module.sum[0].aws_lb.this"), "{said}");
    let (good, said) = check(|plan| {
        plan["resource_changes"][1]["address"] = json!("module.other.aws_ecs_service.this");
    });
    assert!(!good && said.contains("module.other.aws_ecs_service.this"), "{said}");
}
