# Protection of keys, deployments and the load balancer, and the alarms.
package sum_api

import rego.v1

rules["keys-stay"] := "No plan writes the keys. Only ops key writes them, and the value in Terraform has no key."

rules["deployments-roll-back"] := "ECS stops a failing deployment and rolls it back."

rules["alarms-are-heard"] := "No alarm is removed, and every alarm that sends messages keeps sending them."

rules["events-are-kept"] := "An event that cannot be delivered goes to a queue."

rules["balancer-is-protected"] := "Deletion protection of the load balancer is on."

deny contains {
	"rule": "keys-stay", "address": resource.address, "detail": "the value is written again",
	"topic": "data", "text": "every client loses its keys",
} if {
	some resource in staying
	resource.type == "aws_ssm_parameter"
	is_object(resource.change.before)
	resource.change.after.value_wo_version != resource.change.before.value_wo_version
}

deny contains {
	"rule": "deployments-roll-back", "address": resource.address, "detail": "deployment_circuit_breaker",
	"topic": "availability", "text": "a failing deployment is no longer stopped and rolled back",
} if {
	some resource in staying
	resource.type == "aws_ecs_service"
	not rolls_back(resource.change.after)
}

rolls_back(service) if {
	some breaker in service.deployment_circuit_breaker
	breaker.enable
	breaker.rollback
}

alarm_types := {"aws_cloudwatch_metric_alarm", "aws_cloudwatch_composite_alarm"}

deny contains {
	"rule": "alarms-are-heard", "address": resource.address, "detail": "the alarm is removed",
	"topic": "limits", "text": "this alarm no longer exists",
} if {
	some resource in destroyed
	resource.type in alarm_types
}

warn contains {"level": "caution", "topic": "limits", "address": resource.address, "text": "this alarm is replaced, and starts without data"} if {
	some resource in ending - destroyed
	resource.type in alarm_types
}

deny contains {
	"rule": "alarms-are-heard", "address": resource.address, "detail": "it no longer sends messages",
	"topic": "limits", "text": sprintf("notifies fewer topics: 0 instead of %d", [listeners(resource.change.before)]),
} if {
	some resource in staying
	resource.type in alarm_types
	listeners(resource.change.before) > 0
	not listeners(resource.change.after) > 0
	not resource.change.after_unknown.alarm_actions == true
}

# An alarm with disabled actions sends no messages.
listeners(alarm) := count(alarm.alarm_actions) if {
	is_array(alarm.alarm_actions)
	not alarm.actions_enabled == false
}

deny contains {
	"rule": "events-are-kept", "address": resource.address, "detail": "dead_letter_config",
	"topic": "limits", "text": "an event that cannot be delivered is lost",
} if {
	some resource in staying
	resource.type == "aws_cloudwatch_event_target"
	not count(resource.change.after.dead_letter_config) > 0
	not resource.change.after_unknown.dead_letter_config == true
}

deny contains {
	"rule": "balancer-is-protected", "address": resource.address, "detail": "enable_deletion_protection",
	"topic": "data", "text": "deletion protection is turned off",
} if {
	some resource in staying
	resource.type == "aws_lb"
	not resource.change.after.enable_deletion_protection == true
}
