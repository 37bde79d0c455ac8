# What must survive a change, and who hears when something does not.
package sum_api

import rego.v1

rules["keep-what-holds-data"] := "Nothing is destroyed that holds keys, logs, images or what decrypts them."

rules["keep-the-way-in"] := "Nothing is destroyed on the way from a caller to a task."

rules["keys-do-not-fall-back"] := "The version of the keys never falls: an older value of the variable would bring back a key that was taken away."

rules["deployments-roll-back"] := "A failing deployment is stopped and rolled back by itself."

rules["alarms-are-heard"] := "No alarm goes, and every alarm that pages or notifies tells somebody."

rules["balancer-is-protected"] := "The load balancer refuses to be deleted."

holds_data := {"aws_cloudwatch_log_group", "aws_ecr_repository", "aws_kms_key", "aws_route53_zone", "aws_s3_bucket", "aws_ssm_parameter"}

way_in := {"aws_ecs_cluster", "aws_ecs_service", "aws_lb", "aws_lb_listener", "aws_lb_target_group", "aws_route53_record", "aws_vpc"}

deny contains {"rule": "keep-what-holds-data", "address": resource.address, "detail": resource.type} if {
	some resource in ending
	resource.type in holds_data
}

deny contains {"rule": "keep-the-way-in", "address": resource.address, "detail": resource.type} if {
	some resource in ending
	resource.type in way_in
}

deny contains {"rule": "keys-do-not-fall-back", "address": resource.address, "detail": sprintf("version %d after %d", [resource.change.after.value_wo_version, resource.change.before.value_wo_version])} if {
	some resource in staying
	resource.type == "aws_ssm_parameter"
	is_object(resource.change.before)
	resource.change.after.value_wo_version < resource.change.before.value_wo_version
}

deny contains {"rule": "deployments-roll-back", "address": resource.address, "detail": "deployment_circuit_breaker"} if {
	some resource in staying
	resource.type == "aws_ecs_service"
	not rolls_back(resource.change.after)
}

rolls_back(service) if {
	some breaker in service.deployment_circuit_breaker
	breaker.enable
	breaker.rollback
}

deny contains {"rule": "alarms-are-heard", "address": resource.address, "detail": "the alarm goes"} if {
	some resource in ending
	resource.type in {"aws_cloudwatch_metric_alarm", "aws_cloudwatch_composite_alarm"}
	not "create" in resource.change.actions
}

deny contains {"rule": "alarms-are-heard", "address": resource.address, "detail": "it told somebody, and no longer does"} if {
	some resource in staying
	resource.type in {"aws_cloudwatch_metric_alarm", "aws_cloudwatch_composite_alarm"}
	told_somebody(resource.change.before)
	not told_somebody(resource.change.after)
	not resource.change.after_unknown.alarm_actions == true
}

told_somebody(alarm) if {
	is_array(alarm.alarm_actions)
	count(alarm.alarm_actions) > 0
}

deny contains {"rule": "balancer-is-protected", "address": resource.address, "detail": "enable_deletion_protection"} if {
	some resource in staying
	resource.type == "aws_lb"
	not resource.change.after.enable_deletion_protection == true
}
