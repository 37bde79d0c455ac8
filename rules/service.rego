# What must survive a change of the service, and who hears when something does not.
package sum_api

import rego.v1

rules["keys-stay"] := "No plan writes the keys: the command ops key does, and the value that Terraform would write has no key."

rules["deployments-roll-back"] := "A failing deployment is stopped and rolled back by itself."

rules["alarms-are-heard"] := "No alarm goes, and every alarm that pages or notifies tells somebody."

rules["events-are-kept"] := "An event that cannot be delivered goes to a queue."

rules["balancer-is-protected"] := "The load balancer refuses to be deleted."

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
	"rule": "alarms-are-heard", "address": resource.address, "detail": "the alarm goes",
	"topic": "limits", "text": "this alarm no longer exists",
} if {
	some resource in destroyed
	resource.type in alarm_types
}

warn contains {"level": "caution", "topic": "limits", "address": resource.address, "text": "this alarm is made anew, and starts without data"} if {
	some resource in ending - destroyed
	resource.type in alarm_types
}

deny contains {
	"rule": "alarms-are-heard", "address": resource.address, "detail": "it told somebody, and no longer does",
	"topic": "limits", "text": sprintf("tells 0 when it fires, no longer %d", [listeners(resource.change.before)]),
} if {
	some resource in staying
	resource.type in alarm_types
	listeners(resource.change.before) > 0
	not listeners(resource.change.after) > 0
	not resource.change.after_unknown.alarm_actions == true
}

# An alarm whose actions are off tells nobody.
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
	"topic": "data", "text": "deletion protection goes off",
} if {
	some resource in staying
	resource.type == "aws_lb"
	not resource.change.after.enable_deletion_protection == true
}
