# What the rules share: the resources of a Terraform plan.
#
# The input is the JSON of `terraform show -json PLAN`. `ops plan-review` evaluates these files with regorus; OPA and conftest
# read them as well. What the rules say:
#
#   rules[NAME]   what the rule demands
#   deny          where a plan breaks a rule: {rule, address, detail}, and {topic, text} when a reviewer needs a sentence
#   warn          what a person has to judge: {level, topic, address, text}. Without a text it is the level of the change
#                 that `ops plan-review` describes at this address
#   leaks         where a key stands in the plan: {path, what}; nobody can allow it
package sum_api

import rego.v1

managed contains resource if {
	some resource in input.resource_changes
	resource.mode == "managed"
}

# Every resource that will exist after the apply.
staying contains resource if {
	some resource in managed
	not "delete" in resource.change.actions
}

staying contains resource if {
	some resource in managed
	"create" in resource.change.actions
}

# Those of them to which something happens.
changing contains resource if {
	some resource in staying
	resource.change.actions != ["no-op"]
}

# Every resource whose present object will be destroyed, whether another takes its place or not.
ending contains resource if {
	some resource in managed
	"delete" in resource.change.actions
}

destroyed contains resource if {
	some resource in ending
	not "create" in resource.change.actions
}

containers contains {"address": resource.address, "container": container} if {
	some resource in staying
	resource.type == "aws_ecs_task_definition"
	is_string(resource.change.after.container_definitions)
	some container in json.unmarshal(resource.change.after.container_definitions)
}

# Every value of a variable: nothing forbids a container to name one twice, and then each counts.
values(container, name) := {entry.value | some entry in container.environment; entry.name == name}
