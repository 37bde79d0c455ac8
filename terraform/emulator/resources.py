"""The resources of an AWS call, as the ARNs that IAM compares with a policy.

A request names a resource by an ARN, by a name or by an id. IAM always compares an ARN. The tables below convert names and ids.
They contain the resources of this stack. terraform/permissions fails if a call needs a resource that they lack. An id that AWS
chooses becomes `*`, and a policy must then allow every id.
"""

import re

# service, parameter: the ARN after `arn:aws:SERVICE:REGION:ACCOUNT:`. {} is the value.
NAMES = {
    "application-autoscaling": {"ResourceId": "scalable-target/*"},
    "cloudwatch": {"AlarmName": "alarm:{}", "AlarmNames": "alarm:{}"},
    "ecr": {"repositoryName": "repository/{}"},
    "ecs": {
        "cluster": "cluster/{}",
        "clusterName": "cluster/{}",
        "clusters": "cluster/{}",
        "family": "task-definition/{}:*",
        "taskDefinition": "task-definition/{}",
        "tasks": "task/*/{}",
    },
    "events": {"Name": "rule/{}", "Rule": "rule/{}"},
    "kms": {"KeyId": "key/{}", "TargetKeyId": "key/{}", "AliasName": "{}"},
    # IAM compares log groups with a trailing `:*`, except for tags.
    "logs": {"logGroupName": "log-group:{}:*", "logGroupNames": "log-group:{}:*", "logGroupNamePrefix": "log-group:{}:*"},
    "sns": {"Name": "{}"},
    "sqs": {"QueueName": "{}"},
    "ssm": {"Name": "parameter{}", "ResourceId": "parameter{}"},
}

# As above, for ARNs without a region or without an account.
GLOBAL_NAMES = {
    "budgets": {"BudgetName": "arn:aws:budgets::{account}:budget/{}"},
    "cloudwatch": {"DashboardName": "arn:aws:cloudwatch::{account}:dashboard/{}", "DashboardNames": "arn:aws:cloudwatch::{account}:dashboard/{}"},
    "iam": {"RoleName": "arn:aws:iam::{account}:role/{}"},
    "route53": {"HealthCheckId": "arn:aws:route53:::healthcheck/{}", "HostedZoneId": "arn:aws:route53:::hostedzone/{}", "ChangeId": "arn:aws:route53:::change/{}"},
    "s3": {"Bucket": "arn:aws:s3:::{}"},
}

# The kind of an EC2 resource, by the prefix of its id.
EC2_KINDS = {
    "acl": "network-acl",
    "eni": "network-interface",
    "fl": "vpc-flow-log",
    "igw": "internet-gateway",
    "rtb": "route-table",
    "sg": "security-group",
    "sgr": "security-group-rule",
    "subnet": "subnet",
    "vpc": "vpc",
    "vpce": "vpc-endpoint",
}
EC2_ID = re.compile(r"^(%s)-[0-9a-f]{8,}$" % "|".join(EC2_KINDS))

# The command line has --log-group-name for logGroupName in the API.
def plain(name):
    return name.replace("-", "").lower()


PLAIN = {service: {plain(name): "arn:aws:" + service + ":{region}:{account}:" + end for name, end in names.items()} for service, names in NAMES.items()}
for service, names in GLOBAL_NAMES.items():
    PLAIN.setdefault(service, {}).update({plain(name): arn for name, arn in names.items()})

ARN = re.compile(r"arn:aws:[a-z0-9-]+:[a-z0-9-]*:[0-9]*:[A-Za-z0-9_./:@*=+,-]+")


def leaves(value, name=""):
    """Yields every (name, text) of a nested request. The elements of a list have the name of the list."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, key)
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner, name)
    elif value is not None:
        yield name, str(value)


def named(service, operation, parameters, region, account):
    """The ARNs in the parameters of a request, in their order."""
    here = f"arn:aws:{service}:{region}:{account}:"
    found = []
    for name, text in leaves(parameters):
        if text.startswith("arn:"):
            found.append(text)
        elif plain(name) in PLAIN.get(service, {}):
            found.append(PLAIN[service][plain(name)].format(text, region=region, account=account))
        elif service == "sqs" and plain(name) == "queueurl":
            # The URL ends in the queue's name, unless only the shell knows it.
            found.append(here + ("*" if text.startswith("$") else text.rpartition("/")[2]))
        elif service == "ec2" and EC2_ID.match(text):
            found.append(f"{here}{EC2_KINDS[text.partition('-')[0]]}/{text}")
    return found + composed(service, operation, parameters, here)


def composed(service, operation, parameters, here):
    """The ARNs that are put together from two parameters."""
    found = []
    if service == "ecs":
        cluster = str(parameters.get("cluster", "default")).rpartition("/")[2]
        for service_name in [parameters.get("serviceName"), parameters.get("service"), *listed(parameters.get("services"))]:
            if service_name and not service_name.startswith("arn:"):
                found.append(f"{here}service/{cluster}/{service_name}")
    if service == "wafv2" and "Name" in parameters:
        kind = "ipset" if operation.endswith("IPSet") else "webacl"
        found.append(f"{here}regional/{kind}/{parameters['Name']}/{parameters.get('Id', '*')}")
        for rule in listed(parameters.get("Rules")):
            group = rule.get("Statement", {}).get("ManagedRuleGroupStatement")
            if group:
                found.append(f"{here}regional/managedruleset/{group['Name']}/*")
    if operation in {"CreateLoadBalancer", "CreateTargetGroup"}:
        kind = "loadbalancer/app" if operation == "CreateLoadBalancer" else "targetgroup"
        found.append(f"{here}{kind}/{parameters['Name']}/*")
    if service == "s3" and parameters.get("Key"):
        found.append(f"arn:aws:s3:::{parameters['Bucket']}/{parameters['Key']}")
    return found


def listed(value):
    return value if isinstance(value, list) else [] if value is None else [value]
