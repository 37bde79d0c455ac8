# The module with a different document than that of `sum`: eleven paths, three of them templates, keys and tokens.

mock_provider "aws" {
  source          = "../tests/mocks"
  override_during = plan
}

variables {
  document = jsondecode(file("../../contract/parcels/openapi.json"))
}

run "parcels" {
  command = plan

  assert {
    condition = { for priority, rule in aws_lb_listener_rule.service : priority => one(one(rule.condition).path_pattern).values } == {
      "10" = toset(["/account", "/healthz", "/help/pages/*", "/openapi.json", "/parcels"])
      "11" = toset(["/parcels/mine", "/parcels/*", "/quote", "/readyz", "/tokens"])
    }
    error_message = "A rule has at most five values: the paths must be in two rules, with `*` from the first parameter on."
  }

  assert {
    condition     = aws_lb_target_group.nginx.port == 8091 && aws_lb_target_group.nginx.health_check[0].path == "/readyz?shallow=1"
    error_message = "Port and health check must be those of the document, with the query of the load balancer."
  }

  assert {
    condition     = aws_lb.this.name == "parcels-production" && aws_cloudwatch_log_group.service.name == "/parcels/production/service" && aws_ssm_parameter.api_key[0].name == "/parcels/production/api-key"
    error_message = "The names must be those of the document."
  }

  assert {
    condition = alltrue([for pair in ["LISTEN=127.0.0.1:8090", "LISTEN=0.0.0.0:8091", "API_ADDRESS=127.0.0.1:8090"] :
      contains(flatten([for c in jsondecode(aws_ecs_task_definition.this.container_definitions) : [for e in c.environment : "${e.name}=${e.value}"]]), pair)
    ])
    error_message = "Both containers must listen on the ports of the document."
  }

  # `address` is not declared. Its default is equal to `client`.
  assert {
    condition     = local.nginx_environment.RATE_LIMIT == "5" && !contains(keys(local.nginx_environment), "RATE_LIMITS")
    error_message = "Equal limits in the document must set RATE_LIMIT and nothing else."
  }

  assert {
    condition     = [for dimensions in flatten([for a in aws_cloudwatch_metric_alarm.this : [for q in a.metric_query : [for m in q.metric : jsonencode(m.dimensions) if m.namespace == "parcels"]]]) : dimensions] == [for n in range(19) : jsonencode({ service = "parcels-production" })]
    error_message = "Alarms over all routes must watch the service, for any number of routes."
  }
}

run "operator_changes_limits" {
  command = plan

  variables {
    rate_limit  = { rate = 50, burst = 100 }
    rate_limits = { quote = { rate = 1, burst = 2 }, parcels = { rate = 30, burst = 10 } }
  }

  assert {
    condition     = local.nginx_environment.RATE_LIMIT == "50" && local.nginx_environment.RATE_LIMIT_BURST == "100" && local.nginx_environment.RATE_LIMITS == "parcels=30:10,quote=1:2"
    error_message = "The sidecar must get the operator's limits."
  }
}

run "limits_that_differ" {
  command = plan

  variables {
    document = merge(jsondecode(file("../../contract/parcels/openapi.json")), { x-service = merge(jsondecode(file("../../contract/parcels/openapi.json"))["x-service"], {
      limits = { client = { by = "client", rate = 20, burst = 40 }, address = { by = "address", rate = 5, burst = 5 } }
    }) })
  }

  assert {
    condition     = !contains(keys(local.nginx_environment), "RATE_LIMIT")
    error_message = "RATE_LIMIT sets both limits, so it must not be set if they differ in the document."
  }
}

run "long_path_is_cut" {
  command = plan

  variables {
    document = merge(jsondecode(file("../../contract/parcels/openapi.json")), { paths = merge(jsondecode(file("../../contract/parcels/openapi.json")).paths, {
      "/${join("/", [for n in range(30) : "part${n}"])}" = { get = { operationId = "long", security = [] } }
    }) })
  }

  assert {
    condition     = length([for pattern in local.path_patterns : pattern if length(pattern) == 128 && startswith(pattern, "/part0/") && endswith(pattern, "*")]) == 1
    error_message = "The pattern of a path with more than 128 characters must be its beginning."
  }
}

run "waf_limits_paths_with_key" {
  command = plan

  variables {
    enable_waf = true
    document = merge(jsondecode(file("../../contract/parcels/openapi.json")), { paths = merge(jsondecode(file("../../contract/parcels/openapi.json")).paths, {
      "/labels/{id}" = { get = { operationId = "label", security = [{ ApiKey = [] }] } }
    }) })
  }

  assert {
    condition     = local.waf_paths == { "/labels/" = "STARTS_WITH", "/quote" = "EXACTLY" } && length(one(one([for r in aws_wafv2_web_acl.this[0].rule : r if r.name == "no-key"]).statement[0].rate_based_statement).scope_down_statement[0].and_statement[0].statement[0].or_statement[0].statement) == 2
    error_message = "WAF must count requests without a key to each path that needs one. It must not count /tokens, which also accepts tokens."
  }
}

run "operation_has_own_objectives" {
  command = plan

  variables {
    document = merge(jsondecode(file("../../contract/parcels/openapi.json")), { paths = merge(jsondecode(file("../../contract/parcels/openapi.json")).paths, {
      "/labels" = { get = { operationId = "labels", security = [], "x-objectives" = { availability = 99, latency = { target = 95, within = "1s" }, window = "28d" } } }
    }) })
  }

  assert {
    condition     = length(aws_cloudwatch_composite_alarm.slo) == 12 && aws_cloudwatch_composite_alarm.slo["slo-latency-labels-fast"].alarm_rule == "ALARM(\"parcels-production-slo-latency-labels-fast-long\") AND ALARM(\"parcels-production-slo-latency-labels-fast-short\")"
    error_message = "The objectives of the operation must have their own alarms."
  }

  assert {
    condition = alltrue(flatten([for objective in ["availability", "latency"] : [for q in aws_cloudwatch_metric_alarm.this["slo-${objective}-labels-slow-long"].metric_query :
      [for m in q.metric : m.namespace == "parcels" && m.dimensions == tomap({ service = "parcels-production", operation = "labels" })]
    ]]))
    error_message = "These alarms must use the sidecar's metrics of the operation."
  }

  assert {
    condition     = [for q in aws_cloudwatch_metric_alarm.this["slo-latency-labels-slow-long"].metric_query : one(q.metric).stat if q.id == "in_time"] == ["PR(:1)"]
    error_message = "A time in seconds must be converted correctly."
  }
}

run "service_without_keys" {
  command = plan

  variables {
    document = merge(jsondecode(file("../../contract/parcels/openapi.json")), { paths = { for path, item in jsondecode(file("../../contract/parcels/openapi.json")).paths : path => item if !contains(["/quote", "/tokens"], path) } })
  }

  assert {
    condition     = length(aws_ssm_parameter.api_key) == 0 && length(aws_iam_role_policy.task) == 0 && length(aws_iam_role_policy.task_decrypt) == 0 && length(aws_iam_role_policy.execution_decrypt) == 0
    error_message = "Without keys, there must be no parameter and no right to read one."
  }

  assert {
    condition     = !strcontains(aws_ecs_task_definition.this.container_definitions, "API_KEY")
    error_message = "Without keys, the containers must have no key settings."
  }
}

run "more_containers" {
  command = plan

  variables {
    settings = { DATABASE_HOST = "db.internal" }
    secrets  = { DATABASE_PASSWORD = "arn:aws:ssm:us-east-1:123456789012:parameter/parcels/production/database" }
    containers = [{
      name           = "worker"
      command        = ["/parcels", "worker"]
      health_command = ["CMD", "/service", "healthcheck"]
      settings       = { WORKERS = "2" }
      secrets        = { DATABASE_PASSWORD = "arn:aws:ssm:us-east-1:123456789012:parameter/parcels/production/database" }
    }]
  }

  assert {
    condition     = [for c in jsondecode(aws_ecs_task_definition.this.container_definitions) : c.name] == ["api", "worker", "nginx"]
    error_message = "The task must also have the worker."
  }

  assert {
    condition = alltrue([for c in jsondecode(aws_ecs_task_definition.this.container_definitions) :
      c.readonlyRootFilesystem && !c.privileged && c.user == "65532:65532" && c.image == var.api_image && c.linuxParameters.capabilities == { drop = ["ALL"] } && !contains(keys(c), "portMappings")
      && c.secrets == [{ name = "DATABASE_PASSWORD", valueFrom = "arn:aws:ssm:us-east-1:123456789012:parameter/parcels/production/database" }]
    if c.name != "nginx"])
    error_message = "The worker must have the restrictions of the API, and both must get the secret by reference."
  }

  assert {
    condition = (
      contains(jsondecode(aws_ecs_task_definition.this.container_definitions)[0].environment, { name = "DATABASE_HOST", value = "db.internal" })
      && jsondecode(aws_ecs_task_definition.this.container_definitions)[1].command == ["/parcels", "worker"]
      && jsondecode(aws_ecs_task_definition.this.container_definitions)[1].logConfiguration.options["awslogs-stream-prefix"] == "worker"
    )
    error_message = "The containers must have settings, command and log prefix."
  }

  assert {
    condition     = [for s in jsondecode(aws_iam_role_policy.execution.policy).Statement : s.Resource if s.Sid == "InjectTheSecrets"] == [["arn:aws:ssm:us-east-1:123456789012:parameter/parcels/production/database"]]
    error_message = "ECS must be allowed to read only this secret."
  }
}
