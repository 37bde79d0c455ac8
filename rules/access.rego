# Access to the service.
package sum_api

import rego.v1

rules["only-through-the-balancer"] := "Only ports 80 and 443 are open to everybody."

rules["internal-stays-internal"] := "An internal load balancer stays internal."

rules["no-wildcard-rights"] := "A role's policy contains full action names; none ends in a star."

rules["no-strangers"] := "No trust policy allows everybody to assume a role."

rules["modern-tls"] := "HTTPS listeners use only TLS 1.2 and 1.3 with forward secrecy."

rules["https-only"] := "Plain HTTP redirects to HTTPS, so that no key is sent unencrypted."

rules["keys-are-encrypted"] := "Keys are stored as SecureString."

rules["no-shell"] := "No shell can be opened in a running container."

anywhere := {"0.0.0.0/0", "::/0"}

web := {80, 443}

deny contains {"rule": "only-through-the-balancer", "address": opening.address, "detail": "open to everybody"} if {
	some opening in openings
	opening.cidr in anywhere
	not web_port(opening.rule)
}

openings contains {"address": resource.address, "cidr": resource.change.after[attribute], "rule": resource.change.after} if {
	some resource in staying
	resource.type == "aws_vpc_security_group_ingress_rule"
	some attribute in ["cidr_ipv4", "cidr_ipv6"]
}

deny contains {
	"rule": "internal-stays-internal", "address": resource.address, "detail": "internal",
	"topic": "access", "text": "the load balancer gets public addresses",
} if {
	some resource in managed
	resource.type == "aws_lb"
	is_object(resource.change.before)
	resource.change.before.internal == true
	resource.change.after.internal == false
}

# The inline rules of a security group.
openings contains {"address": resource.address, "cidr": cidr, "rule": object.union(block, {"ip_protocol": block.protocol})} if {
	some resource in staying
	resource.type in {"aws_security_group", "aws_default_security_group"}
	some block in resource.change.after.ingress
	some attribute in ["cidr_blocks", "ipv6_cidr_blocks"]
	some cidr in block[attribute]
}

web_port(rule) if {
	rule.ip_protocol == "tcp"
	rule.from_port == rule.to_port
	rule.from_port in web
}

warn contains {"level": level, "address": resource.address} if {
	some resource in changing
	resource.type == "aws_vpc_security_group_egress_rule"
	some attribute in ["cidr_ipv4", "cidr_ipv6"]
	resource.change.after[attribute] in anywhere
	level := {true: "danger", false: "caution"}[resource.change.after.ip_protocol == "-1"]
}

warn contains {"level": "caution", "address": resource.address} if {
	some resource in changing
	resource.type in {"aws_vpc_security_group_ingress_rule", "aws_vpc_security_group_egress_rule"}
	resource.change.after.ip_protocol == "-1"
}

# The statements of an IAM policy, which is a string. The review shows a policy that is only known after the apply.
statements(text) := [policy.Statement] if {
	is_string(text)
	policy := json.unmarshal(text)
	is_object(policy.Statement)
}

statements(text) := policy.Statement if {
	is_string(text)
	policy := json.unmarshal(text)
	is_array(policy.Statement)
}

listed(value) := value if is_array(value)
listed(value) := [value] if is_string(value)

deny contains {"rule": "no-wildcard-rights", "address": resource.address, "detail": action} if {
	some resource in staying
	resource.type in {"aws_iam_role_policy", "aws_iam_policy"}
	some statement in statements(resource.change.after.policy)
	statement.Effect == "Allow"
	some action in listed(statement.Action)
	endswith(action, "*")
}

deny contains {"rule": "no-strangers", "address": resource.address, "detail": "anybody"} if {
	some resource in staying
	resource.type == "aws_iam_role"
	some statement in statements(resource.change.after.assume_role_policy)
	statement.Effect == "Allow"
	stranger(statement.Principal)
}

stranger(principal) if principal == "*"

stranger(principal) if {
	is_object(principal)
	some who in principal
	"*" in listed(who)
}

deny contains {"rule": "modern-tls", "address": resource.address, "detail": resource.change.after.ssl_policy} if {
	some resource in staying
	resource.type == "aws_lb_listener"
	resource.change.after.protocol == "HTTPS"
	not startswith(resource.change.after.ssl_policy, "ELBSecurityPolicy-TLS13-1-2-Res-")
	not startswith(resource.change.after.ssl_policy, "ELBSecurityPolicy-TLS13-1-3-")
}

deny contains {
	"rule": "https-only", "address": resource.address, "detail": "port 80 does not redirect",
	"topic": "access", "text": "port 80 serves requests instead of redirecting to HTTPS",
} if {
	some resource in staying
	resource.type == "aws_lb_listener"
	resource.change.after.protocol == "HTTP"
	some action in resource.change.after.default_action
	action.type != "redirect"
}

deny contains {
	"rule": "keys-are-encrypted", "address": resource.address, "detail": resource.change.after.type,
	"topic": "access", "text": "the keys are stored unencrypted",
} if {
	some resource in staying
	resource.type == "aws_ssm_parameter"
	resource.change.after.type != "SecureString"
}

deny contains {
	"rule": "no-shell", "address": resource.address, "detail": "enable_execute_command",
	"topic": "access", "text": "allows a shell in the running containers",
} if {
	some resource in staying
	resource.type == "aws_ecs_service"
	resource.change.after.enable_execute_command
}

warn contains {
	"level": "danger", "topic": "access", "address": resource.address,
	"text": sprintf("grants rights outside of this stack's policies (%s)", [resource.type]),
} if {
	some resource in changing
	resource.type in {"aws_iam_access_key", "aws_iam_role_policy_attachment", "aws_iam_user", "aws_iam_user_policy"}
}
