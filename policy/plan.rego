# What the rules below share: the resources of a Terraform plan, seen from their end.
#
# The input is the JSON of `terraform show -json PLAN`. `ops plan-review` evaluates these files with
# regorus; OPA and conftest read them as well.
package sum_api

import rego.v1

# Every managed resource that will exist after the apply.
staying contains resource if {
	some resource in input.resource_changes
	resource.mode == "managed"
	not "delete" in resource.change.actions
}

staying contains resource if {
	some resource in input.resource_changes
	resource.mode == "managed"
	"create" in resource.change.actions
}

# Every resource whose present object will be destroyed, whether another takes its place or not.
ending contains resource if {
	some resource in input.resource_changes
	resource.mode == "managed"
	"delete" in resource.change.actions
}

containers contains {"address": resource.address, "container": container} if {
	some resource in staying
	resource.type == "aws_ecs_task_definition"
	is_string(resource.change.after.container_definitions)
	some container in json.unmarshal(resource.change.after.container_definitions)
}

# Every value of a variable: nothing forbids a container to name one twice, and then each counts.
values(container, name) := {entry.value | some entry in container.environment; entry.name == name}
