# The losses when a resource is destroyed.
package sum_api

import rego.v1

rules["keep-what-holds-data"] := "The plan does not destroy keys, logs, images or their encryption keys."

rules["keep-the-way-in"] := "The plan does not destroy resources between a caller and a task."

# By the type of the resource: what is lost.
holds_data := {
	"aws_cloudwatch_log_group": "the service's logs",
	"aws_ecr_repository": "the images, so no rollback is possible",
	"aws_kms_key": "all data that it encrypted, after its waiting time",
	"aws_route53_zone": "the zone, and its name servers, which other zones refer to",
	"aws_s3_bucket": "the load balancer's logs",
	"aws_ssm_parameter": "the API keys",
}

way_in := {
	"aws_ecs_cluster": "no task runs until the next cluster has started them",
	"aws_ecs_service": "no task answers until the next service is steady",
	"aws_lb": "callers cannot reach the service, and the DNS name of the load balancer changes",
	"aws_lb_listener": "the load balancer does not answer on this port",
	"aws_lb_target_group": "the load balancer has no target for requests",
	"aws_route53_record": "the name does not resolve",
	"aws_vpc": "all resources in it are replaced",
}

deny contains {
	"rule": "keep-what-holds-data", "address": resource.address, "detail": resource.type,
	"topic": "data", "text": sprintf("lost: %s", [loss]),
} if {
	some resource in ending
	loss := holds_data[resource.type]
}

deny contains {
	"rule": "keep-the-way-in", "address": resource.address, "detail": resource.type,
	"topic": "availability", "text": loss,
} if {
	some resource in ending
	loss := way_in[resource.type]
}

# Losses that no rule forbids: level, topic, text.
losses := {
	"aws_acm_certificate": ["danger", "availability", "callers see another certificate"],
	"aws_cloudwatch_event_rule": ["caution", "limits", "an event is no longer forwarded"],
	"aws_cloudwatch_event_target": ["caution", "limits", "an event is no longer forwarded"],
	"aws_cloudwatch_log_metric_filter": ["danger", "limits", "a metric ends, and alarms on it no longer fire"],
	"aws_lb_listener_rule": ["danger", "availability", "the load balancer answers 404 to every route"],
	"aws_sns_topic": ["danger", "limits", unheard],
	"aws_sns_topic_policy": ["danger", "limits", unheard],
	"aws_sns_topic_subscription": ["danger", "limits", unheard],
	"aws_sqs_queue": ["caution", "data", "the events that could not be delivered"],
	"aws_subnet": ["danger", "availability", "tasks and load balancers in it move"],
	"aws_vpc_endpoint": ["danger", "availability", "tasks that start until then cannot reach this AWS API"],
}

unheard := "alarms no longer reach the subscribers"

# A replacement of these is not a loss.
losses_for_good := {
	"aws_appautoscaling_policy": ["caution", "availability", "the service no longer scales by this measure"],
	"aws_appautoscaling_target": ["caution", "availability", "the number of tasks no longer follows the load"],
	"aws_budgets_budget": ["caution", "limits", "messages about the costs of the account end"],
	"aws_route53_health_check": ["caution", "limits", "the health check from the internet ends"],
	"aws_wafv2_web_acl": ["danger", "limits", "the firewall in front of the load balancer is removed"],
	"aws_wafv2_web_acl_association": ["danger", "limits", "the firewall in front of the load balancer is removed"],
}

warn contains {"level": level, "topic": topic, "address": resource.address, "text": text} if {
	some resource in ending
	[level, topic, text] := losses[resource.type]
}

warn contains {"level": level, "topic": topic, "address": resource.address, "text": text} if {
	some resource in destroyed
	[level, topic, text] := losses_for_good[resource.type]
}

warn contains {"level": "danger", "topic": "access", "address": resource.address, "text": "HTTPS ends: keys are sent unencrypted"} if {
	some resource in destroyed
	resource.type == "aws_lb_listener"
	resource.change.before.protocol == "HTTPS"
}

warn contains {
	"level": "caution", "topic": "data", "address": resource.address,
	"text": "Terraform no longer manages it; it still exists and costs money",
} if {
	some resource in managed
	resource.change.actions == ["forget"]
}

warn contains {"level": "danger", "topic": "data", "address": resource.address, "text": "the encryption key is no longer rotated"} if {
	some resource in changing
	resource.type == "aws_kms_key"
	resource.change.before.enable_key_rotation == true
	resource.change.after.enable_key_rotation == false
}
