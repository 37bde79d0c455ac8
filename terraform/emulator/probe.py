"""Reads the emulated AWS, or changes it without Terraform. The endpoint comes from AWS_ENDPOINT_URL.

    probe.py zone NAME             creates a hosted zone and prints its id
    probe.py parameter NAME        prints type and value of a parameter
    probe.py task-definition NAME  prints, as JSON, the task definition that service NAME of cluster NAME runs
    probe.py drift NAME            disables a security setting of load balancer NAME
    probe.py left NAME             prints the resources whose name contains NAME, one per line; nothing if there are none
"""

import json
import sys

import boto3


def zone(name):
    answer = boto3.client("route53").create_hosted_zone(Name=name, CallerReference=name)
    print(answer["HostedZone"]["Id"].rsplit("/", 1)[-1])


def parameter(name):
    found = boto3.client("ssm").get_parameter(Name=name, WithDecryption=True)["Parameter"]
    print(found["Type"], found["Value"])


def task_definition(name):
    ecs = boto3.client("ecs")
    service = ecs.describe_services(cluster=name, services=[name])["services"][0]
    found = ecs.describe_task_definition(taskDefinition=service["taskDefinition"])["taskDefinition"]
    print(json.dumps(found, default=str))


def drift(name):
    elb = boto3.client("elbv2")
    arn = elb.describe_load_balancers(Names=[name])["LoadBalancers"][0]["LoadBalancerArn"]
    elb.modify_load_balancer_attributes(
        LoadBalancerArn=arn,
        Attributes=[{"Key": "routing.http.drop_invalid_header_fields.enabled", "Value": "false"}],
    )


def left(name):
    session = boto3.session.Session()
    found = [lb["LoadBalancerName"] for lb in session.client("elbv2").describe_load_balancers()["LoadBalancers"]]
    found += [tg["TargetGroupName"] for tg in session.client("elbv2").describe_target_groups()["TargetGroups"]]
    ecs = session.client("ecs")
    clusters = ecs.describe_clusters(clusters=ecs.list_clusters()["clusterArns"])["clusters"]
    found += [c["clusterName"] for c in clusters if c["status"] != "INACTIVE"]  # ECS lists deleted clusters for some time
    found += [g["logGroupName"] for g in session.client("logs").describe_log_groups()["logGroups"]]
    found += [r["RoleName"] for r in session.client("iam").list_roles()["Roles"]]
    found += [b["Name"] for b in session.client("s3").list_buckets()["Buckets"]]
    found += [p["Name"] for p in session.client("ssm").describe_parameters()["Parameters"]]
    found += [a["AliasName"] for a in session.client("kms").list_aliases()["Aliases"]]
    found += [a["AlarmName"] for a in session.client("cloudwatch").describe_alarms()["MetricAlarms"]]
    found += [t["TopicArn"] for t in session.client("sns").list_topics()["Topics"]]
    found += [r["Name"] for r in session.client("events").list_rules()["Rules"]]
    route53 = session.client("route53")
    checks = [c["Id"] for c in route53.list_health_checks()["HealthChecks"]]
    found += [tag["Value"] for check in checks for tag in route53.list_tags_for_resource(ResourceType="healthcheck", ResourceId=check)["ResourceTagSet"]["Tags"]]
    found += session.client("sqs").list_queues().get("QueueUrls", [])
    account = session.client("sts").get_caller_identity()["Account"]
    found += [b["BudgetName"] for b in session.client("budgets").describe_budgets(AccountId=account)["Budgets"]]
    ec2 = session.client("ec2")
    found += [g["GroupName"] for g in ec2.describe_security_groups()["SecurityGroups"]]
    for kind in (ec2.describe_vpcs()["Vpcs"], ec2.describe_subnets()["Subnets"], ec2.describe_vpc_endpoints()["VpcEndpoints"]):
        found += [tag["Value"] for item in kind if item.get("State") != "deleted" for tag in item.get("Tags", [])]
    print("\n".join(sorted({item for item in found if name in item or name.replace("-", "/", 1) in item})))


if __name__ == "__main__":
    commands = {"zone": zone, "parameter": parameter, "task-definition": task_definition, "drift": drift, "left": left}
    if len(sys.argv) != 3 or sys.argv[1] not in commands:
        sys.exit(__doc__)
    commands[sys.argv[1]](sys.argv[2])
