# The task definition: what both containers must have and must not have. `make rehearse` starts this task.

mock_provider "aws" {
  source          = "../tests/mocks"
  override_during = plan
}

variables {
  document = jsondecode(file("../../services/sum/openapi.json"))
}

run "task" {
  command = plan

  assert {
    condition     = aws_ecs_task_definition.this.network_mode == "awsvpc" && tolist(aws_ecs_task_definition.this.requires_compatibilities) == tolist(["FARGATE"])
    error_message = "The task must run on Fargate and have its own address."
  }

  assert {
    condition     = aws_ecs_task_definition.this.cpu == "256" && aws_ecs_task_definition.this.memory == "512" && aws_ecs_task_definition.this.runtime_platform[0].cpu_architecture == "X86_64" && output.platform == "linux/amd64"
    error_message = "The task must have the size and the architecture of the variables."
  }

  assert {
    condition     = [for c in jsondecode(aws_ecs_task_definition.this.container_definitions) : c.name] == ["api", "nginx"]
    error_message = "The task must have only the containers api and nginx."
  }

  assert {
    condition     = alltrue([for c in jsondecode(aws_ecs_task_definition.this.container_definitions) : c.essential])
    error_message = "Both containers must be essential, because the task needs both."
  }

  assert {
    condition     = alltrue([for c in jsondecode(aws_ecs_task_definition.this.container_definitions) : c.readonlyRootFilesystem])
    error_message = "Both root filesystems must be read-only."
  }

  assert {
    condition     = alltrue([for c in jsondecode(aws_ecs_task_definition.this.container_definitions) : !c.privileged && c.linuxParameters.capabilities == { drop = ["ALL"] }])
    error_message = "Both containers must drop all capabilities and add none."
  }

  assert {
    condition     = { for c in jsondecode(aws_ecs_task_definition.this.container_definitions) : c.name => c.user } == { api = "65532:65532", nginx = "101:101" }
    error_message = "Both containers must run as their own unprivileged users."
  }

  assert {
    condition     = alltrue([for c in jsondecode(aws_ecs_task_definition.this.container_definitions) : c.linuxParameters.initProcessEnabled])
    error_message = "Both containers must have an init process."
  }

  assert {
    condition     = alltrue([for c in jsondecode(aws_ecs_task_definition.this.container_definitions) : can(regex("@sha256:[0-9a-f]{64}$", c.image))])
    error_message = "Both images must be named by digest."
  }

  assert {
    condition = alltrue([for c in jsondecode(aws_ecs_task_definition.this.container_definitions) :
      c.healthCheck.command[0] == "CMD" && length(setintersection(c.healthCheck.command, ["sh", "/bin/sh", "bash", "/bin/bash", "-c"])) == 0
    ])
    error_message = "Health checks must not need a shell."
  }

  assert {
    condition = alltrue([for c in jsondecode(aws_ecs_task_definition.this.container_definitions) :
      c.logConfiguration.logDriver == "awslogs"
      && c.logConfiguration.options["mode"] == "non-blocking"
      && c.logConfiguration.options["max-buffer-size"] == "25m"
      && c.logConfiguration.options["awslogs-group"] == aws_cloudwatch_log_group.service.name
      && c.logConfiguration.options["awslogs-region"] == "us-east-1"
      && c.logConfiguration.options["awslogs-stream-prefix"] == c.name
    ])
    error_message = "Both containers must log to the service's group with their own prefix, in non-blocking mode."
  }

  assert {
    condition     = !contains(keys(jsondecode(aws_ecs_task_definition.this.container_definitions)[0]), "portMappings")
    error_message = "The API must not have a port mapping: only nginx must reach it."
  }

  assert {
    condition     = !contains(keys(jsondecode(aws_ecs_task_definition.this.container_definitions)[0]), "secrets")
    error_message = "The API must not get the keys as a secret: it reads them itself."
  }

  assert {
    condition = alltrue([for pair in [
      { name = "LISTEN", value = "127.0.0.1:8080" },
      { name = "REQUIRE_API_KEY", value = "true" },
      { name = "API_KEY_PARAMETER", value = "/sum-api/production/api-key" },
      { name = "LOG_FORMAT", value = "json" },
    ] : contains(jsondecode(aws_ecs_task_definition.this.container_definitions)[0].environment, pair)])
    error_message = "The API must listen on loopback, check keys, and read them from the parameter."
  }

  assert {
    condition     = jsondecode(aws_ecs_task_definition.this.container_definitions)[0].healthCheck.command == ["CMD", "/service", "healthcheck"]
    error_message = "The API's health check must be its own command."
  }

  assert {
    condition     = [for p in jsondecode(aws_ecs_task_definition.this.container_definitions)[1].portMappings : "${p.containerPort}:${p.hostPort}/${p.protocol}"] == ["8081:8081/tcp"]
    error_message = "nginx must have the one port mapping, 8081."
  }

  assert {
    condition     = jsondecode(aws_ecs_task_definition.this.container_definitions)[1].secrets == [{ name = "API_KEY", valueFrom = "arn:aws:ssm:us-east-1:123456789012:parameter/sum-api/production/api-key" }]
    error_message = "nginx must get only API_KEY as a secret, from the parameter."
  }

  assert {
    condition     = !contains([for e in jsondecode(aws_ecs_task_definition.this.container_definitions)[1].environment : e.name], "API_KEY")
    error_message = "API_KEY must not be in the environment of a task definition."
  }

  assert {
    condition     = jsondecode(aws_ecs_task_definition.this.container_definitions)[1].dependsOn == [{ containerName = "api", condition = "HEALTHY" }]
    error_message = "nginx must start after the API is healthy, so that it stops before the API."
  }

  assert {
    condition = jsondecode(aws_ecs_task_definition.this.container_definitions)[1].linuxParameters.tmpfs == [{
      containerPath = "/run/sidecar"
      size          = 64
      mountOptions  = ["rw", "noexec", "nosuid", "nodev", "mode=1777"]
    }]
    error_message = "nginx must have a writable directory in memory, whether or not Fargate applies an owner."
  }

  assert {
    condition     = aws_ecs_task_definition.this.skip_destroy
    error_message = "An old revision must stay registered: a rollback needs it."
  }

  assert {
    condition = alltrue([for pair in [
      { name = "LISTEN", value = "0.0.0.0:8081" },
      { name = "API_ADDRESS", value = "127.0.0.1:8080" },
      { name = "REQUIRE_API_KEY", value = "true" },
      { name = "RUNTIME_DIR", value = "/run/sidecar" },
      { name = "RATE_LIMIT", value = "5" },
      { name = "RATE_LIMIT_BURST", value = "5" },
      { name = "TRUSTED_PROXIES", value = "10.42.0.0/20,10.42.16.0/20" },
    ] : contains(jsondecode(aws_ecs_task_definition.this.container_definitions)[1].environment, pair)])
    error_message = "nginx must have its addresses, its limits, and the load balancer's subnets as the only trusted proxies."
  }
}

run "task_follows_variables" {
  command = plan

  variables {
    cpu_architecture = "ARM64"
    task_size        = { cpu = 512, memory = 1024 }
    rate_limit       = { rate = 50, burst = 100 }
    network          = { private = false, vpc_id = "vpc-default", balancer_subnet_ids = ["subnet-a"], balancer_subnet_cidrs = ["172.31.0.0/20", "172.31.0.0/20"], task_subnet_ids = ["subnet-a"] }
  }

  assert {
    condition     = aws_ecs_task_definition.this.cpu == "512" && aws_ecs_task_definition.this.memory == "1024" && aws_ecs_task_definition.this.runtime_platform[0].cpu_architecture == "ARM64" && output.platform == "linux/arm64"
    error_message = "The task must have the size and the architecture of the variables."
  }

  assert {
    condition = alltrue([for pair in [
      { name = "RATE_LIMIT", value = "50" },
      { name = "RATE_LIMIT_BURST", value = "100" },
      { name = "TRUSTED_PROXIES", value = "172.31.0.0/20,172.31.0.0/20" },
    ] : contains(jsondecode(aws_ecs_task_definition.this.container_definitions)[1].environment, pair)])
    error_message = "nginx must have the limits of the variables and trust the ranges of the default subnets."
  }
}
