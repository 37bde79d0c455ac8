# What is lost when a resource goes.
package sum_api

import rego.v1

rules["keep-what-holds-data"] := "Nothing is destroyed that holds keys, logs, images or what decrypts them."

rules["keep-the-way-in"] := "Nothing is destroyed on the way from a caller to a task."

# By the type of the resource.
holds_data := {
	"aws_cloudwatch_log_group": "the service's logs",
	"aws_ecr_repository": "the images, and with them every way back",
	"aws_kms_key": "whatever it encrypted, after its waiting time",
	"aws_route53_zone": "the zone, and the name servers that others were told",
	"aws_s3_bucket": "the load balancer's logs",
	"aws_ssm_parameter": "the API keys",
}

way_in := {
	"aws_ecs_cluster": "no task runs until the next cluster has started them",
	"aws_ecs_service": "no task answers until the next service is steady",
	"aws_lb": "nobody reaches the service, and the balancer's DNS name changes",
	"aws_lb_listener": "the load balancer does not answer on this port",
	"aws_lb_target_group": "the load balancer has nowhere to send requests",
	"aws_route53_record": "the name does not resolve",
	"aws_vpc": "everything in it is made anew",
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

# What no rule forbids: level, topic, text.
losses := {
	"aws_acm_certificate": ["danger", "availability", "callers see another certificate"],
	"aws_cloudwatch_event_rule": ["caution", "limits", "an event is no longer passed on"],
	"aws_cloudwatch_event_target": ["caution", "limits", "an event is no longer passed on"],
	"aws_cloudwatch_log_metric_filter": ["danger", "limits", "a metric ends, and every alarm on it falls silent"],
	"aws_lb_listener_rule": ["danger", "availability", "the load balancer answers 404 to every route"],
	"aws_sns_topic": ["danger", "limits", unheard],
	"aws_sns_topic_policy": ["danger", "limits", unheard],
	"aws_sns_topic_subscription": ["danger", "limits", unheard],
	"aws_sqs_queue": ["caution", "data", "the events that could not be delivered"],
	"aws_subnet": ["danger", "availability", "what runs in it is moved"],
	"aws_vpc_endpoint": ["danger", "availability", "tasks that start meanwhile reach no AWS API"],
}

unheard := "alarms no longer reach whoever listened here"

# A replacement is no loss of these.
losses_for_good := {
	"aws_appautoscaling_policy": ["caution", "availability", "the service no longer scales by this measure"],
	"aws_appautoscaling_target": ["caution", "availability", "the number of tasks no longer follows the load"],
	"aws_budgets_budget": ["caution", "limits", "nobody is told any longer what the account costs"],
	"aws_route53_health_check": ["caution", "limits", "nobody asks from outside any longer"],
	"aws_wafv2_web_acl": ["danger", "limits", "the firewall in front of the load balancer goes"],
	"aws_wafv2_web_acl_association": ["danger", "limits", "the firewall in front of the load balancer goes"],
}

warn contains {"level": level, "topic": topic, "address": resource.address, "text": text} if {
	some resource in ending
	[level, topic, text] := losses[resource.type]
}

warn contains {"level": level, "topic": topic, "address": resource.address, "text": text} if {
	some resource in destroyed
	[level, topic, text] := losses_for_good[resource.type]
}

warn contains {"level": "danger", "topic": "access", "address": resource.address, "text": "HTTPS ends: keys travel readable"} if {
	some resource in destroyed
	resource.type == "aws_lb_listener"
	resource.change.before.protocol == "HTTPS"
}

warn contains {
	"level": "caution", "topic": "data", "address": resource.address,
	"text": "Terraform forgets it; it goes on costing and serving, looked after by nobody",
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
