//! The changes of terraform/ for the tests of the plan review.

/// One change: edits of a copy of terraform/, or other arguments of `terraform plan`.
pub(super) struct Change {
    /// The name of its plan and of its review.
    pub(super) name: &'static str,
    /// A file of the copy, a text that it contains once, and the replacement.
    pub(super) edits: &'static [(&'static str, &'static str, &'static str)],
    /// Arguments of `terraform plan`.
    pub(super) arguments: &'static [&'static str],
}

const fn edited(
    name: &'static str,
    edits: &'static [(&'static str, &'static str, &'static str)],
) -> Change {
    Change { name, edits, arguments: &[] }
}

const fn planned(name: &'static str, arguments: &'static [&'static str]) -> Change {
    Change { name, edits: &[], arguments }
}

const VARIABLES: &str = "terraform.tfvars.example";
const TASK: &str = "service/task_definition.tf";
const ALARMS: &str = "service/alarms.tf";

const OPEN_TO_THE_WORLD: &str = r#"resource "aws_vpc_security_group_ingress_rule" "debug" {
  security_group_id = aws_security_group.tasks.id
  description       = "Debugging."
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "-1"
}

resource "aws_vpc_security_group_ingress_rule" "tasks_from_alb" {"#;

const UNHEALTHY_TARGET: &str = r#"    unhealthy-target = {
      says       = "A task fails its health check, and ECS has not replaced it."
      comparison = "GreaterThanOrEqualToThreshold", threshold = 1, periods = 5, datapoints = 4, period = 60
      metric     = ["AWS/ApplicationELB", "UnHealthyHostCount", local.dimensions.target], statistic = "Maximum"
    }
"#;

/// Each change has a review in `golden/` of the tests, and a line in `expected.json`.
pub(super) const CHANGES: [Change; 19] = [
    planned("nothing", &[]),
    planned("create_everything", &["-state=none.tfstate"]),
    planned("destroy", &["-destroy"]),
    planned("keep_logs_longer", &["-var=log_retention_days=545"]),
    planned("move_network", &["-var=vpc_cidr=10.43.0.0/16"]),
    planned("rename_environment", &["-var=environment=live"]),
    edited(
        "deploy",
        &[(
            VARIABLES,
            "sha256:1111111111111111111111111111111111111111111111111111111111111111",
            "sha256:3333333333333333333333333333333333333333333333333333333333333333",
        )],
    ),
    edited(
        "rewrite_keys",
        &[
            ("service/secrets.tf", "value_wo_version = 1", "value_wo_version = 2"),
            ("service/secrets.tf", "[value_wo_version, description]", "[description]"),
        ],
    ),
    edited(
        "raise_limit",
        &[(
            VARIABLES,
            "domain_name =",
            "rate_limit = { rate = 5000, burst = 5000 }\n    domain_name =",
        )],
    ),
    edited(
        "shrink",
        &[(
            VARIABLES,
            "domain_name =",
            "scaling = { min = 2, max = 2, requests_per_target = 6000 }\n    task_size = { cpu = 1024, memory = 2048 }\n    domain_name =",
        )],
    ),
    edited(
        "open_to_the_world",
        &[(
            "service/security_groups.tf",
            r#"resource "aws_vpc_security_group_ingress_rule" "tasks_from_alb" {"#,
            OPEN_TO_THE_WORLD,
        )],
    ),
    edited(
        "wide_task_role",
        &[(
            "service/iam.tf",
            "\"ssm:GetParameter\"]\n      Resource = parameter",
            "\"ssm:*\"]\n      Resource = \"*\"",
        )],
    ),
    edited(
        "key_in_environment",
        &[(
            TASK,
            "    RUNTIME_DIR  ",
            "    API_KEY = \"web:a-key-that-is-only-a-test\"\n    RUNTIME_DIR  ",
        )],
    ),
    edited(
        "unchecked_api",
        &[(
            TASK,
            "LOG_FORMAT         = \"json\"",
            "REQUIRE_API_KEY = \"false\"\n    LOG_FORMAT = \"json\"",
        )],
    ),
    edited(
        "stop_too_early",
        &[(
            "service/timing.json",
            "\"container_stop_seconds\": 30",
            "\"container_stop_seconds\": 10",
        )],
    ),
    edited(
        "writable_root",
        &[(TASK, "readonlyRootFilesystem = true", "readonlyRootFilesystem = false")],
    ),
    edited(
        "no_rollback",
        &[(
            "service/ecs.tf",
            "    enable   = true\n    rollback = true",
            "    enable   = false\n    rollback = false",
        )],
    ),
    edited(
        "plain_http",
        &[
            (VARIABLES, "domain_name =", "insecure_http = true\n    # domain_name ="),
            (VARIABLES, "zone_id  ", "# zone_id  "),
        ],
    ),
    edited(
        "deafen_alarms",
        &[
            (ALARMS, UNHEALTHY_TARGET, ""),
            (ALARMS, "evaluation_periods  = 3\n", "evaluation_periods  = 30\n"),
            (ALARMS, "alarm_actions       = [var.topics[\"page\"]]", "alarm_actions       = []"),
        ],
    ),
];
