# The resources of a Terraform plan, for all rules.
#
# The input is the JSON of `terraform show -json PLAN`. `ops plan-review` evaluates these files with regorus. OPA and conftest can
# also read them. The results:
#
#   rules[NAME]   the requirement of the rule
#   deny          where a plan breaks a rule: {rule, address, detail}, and {topic, text} if a reviewer needs a sentence
#   warn          what a person must judge: {level, topic, address, text}. Without a text, it is the level of the change
#                 that `ops plan-review` describes at this address
#   leaks         where the plan contains a key: {path, what}. It cannot be allowed
package sum_api

import rego.v1

managed contains resource if {
	some resource in input.resource_changes
	resource.mode == "managed"
}

# The resources that exist after the apply.
staying contains resource if {
	some resource in managed
	not "delete" in resource.change.actions
}

staying contains resource if {
	some resource in managed
	"create" in resource.change.actions
}

# The ones of these that change.
changing contains resource if {
	some resource in staying
	resource.change.actions != ["no-op"]
}

# The resources whose current object the apply destroys, with or without a replacement.
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

# All values of a variable, because a container can have the same variable twice.
values(container, name) := {entry.value | some entry in container.environment; entry.name == name}
