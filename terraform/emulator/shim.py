"""moto server with the few calls added that this stack makes and moto 5.2.1 lacks.

    python shim.py -H 127.0.0.1 -p PORT

What is added, and what one would see without it:
  cloudwatch   PutCompositeAlarm is missing; the provider retries for minutes. It is stored like any alarm, which moto's
               own handler can read.
  application-autoscaling
               tags of a scalable target are neither stored nor listed; the apply hangs.
  logs         saved queries cannot be put, listed or deleted; the apply hangs.
  ecs          a service forgets zone rebalancing, managed tags, exec, the grace period and its deployment configuration;
               the second plan is never empty, or is empty although it read nothing back. No task of it ever runs; here as
               many as are desired, else the wait for a steady state never ends. ListServiceDeployments and
               DescribeServiceRevisions are missing; a rollback asks them. A stopped task does not say when; the runbook asks.
  budgets      a notification's subscribers and a budget's tags cannot be read; the apply fails.
  ec2          a security group rule forgets its description unless its other side is an address range; the second plan
               is never empty.
  ssm          a value is given out although its key is disabled (keys.py).
  s3           conditions of a bucket's policy are ignored, so "no plain HTTP" refuses everybody. Clients reach AWS by HTTPS.

It emulates the interface, not the service: no IAM, no alarm is ever evaluated, no task ever runs. docs/deploy.md lists
what therefore stays unproven.

Every call of Terraform's is written to the file named by EMULATOR_CALLS, with the resources that it names (calls.py): that is how
terraform/permissions knows what a plan and an apply need. While the file named by EMULATOR_ROLLBACK exists, ECS behaves as if its circuit
breaker had rolled the deployment back: that is how the script sees an apply fail for it. While the file named by EMULATOR_DEPLOYING exists, ECS says
that a deployment is under way: so whoever waits for one can be seen to wait.
"""

import inspect
import json
import os
import sys
import threading
import time
import uuid

import moto
import moto.server
from moto.applicationautoscaling.responses import ApplicationAutoScalingResponse
from moto.budgets.responses import BudgetsResponse
from moto.cloudwatch.responses import CloudWatchResponse
from moto.core.responses import ActionResult
from moto.ec2.models.security_groups import SecurityGroupRule
from moto.ecs.models import EC2ContainerServiceBackend
from moto.ecs.responses import EC2ContainerServiceResponse
from moto.logs.responses import LogsResponse
from moto.s3.models import FakeBucket

from calls import Recorder
from keys import refuse_disabled_keys

VERSION = "5.2.1"


def add_composite_alarms():
    CloudWatchResponse.put_composite_alarm = CloudWatchResponse.put_metric_alarm


def add_autoscaling_tags():
    tags = {}
    register = ApplicationAutoScalingResponse.register_scalable_target

    def register_and_tag(self):
        answer = register(self)
        arn = json.loads(answer).get("ScalableTargetARN")
        tags.setdefault(arn, {}).update(self._get_param("Tags") or {})
        return answer

    def tag(self):
        tags.setdefault(self._get_param("ResourceARN"), {}).update(self._get_param("Tags") or {})
        return "{}"

    def untag(self):
        for key in self._get_param("TagKeys") or []:
            tags.get(self._get_param("ResourceARN"), {}).pop(key, None)
        return "{}"

    def list_tags(self):
        return json.dumps({"Tags": tags.get(self._get_param("ResourceARN"), {})})

    ApplicationAutoScalingResponse.register_scalable_target = register_and_tag
    ApplicationAutoScalingResponse.tag_resource = tag
    ApplicationAutoScalingResponse.untag_resource = untag
    ApplicationAutoScalingResponse.list_tags_for_resource = list_tags


def add_saved_queries():
    queries = {}

    def put(self):
        query_id = self._get_param("queryDefinitionId") or str(uuid.uuid4())
        queries[query_id] = {
            "queryDefinitionId": query_id,
            "name": self._get_param("name"),
            "queryString": self._get_param("queryString"),
            "logGroupNames": self._get_param("logGroupNames") or [],
        }
        return json.dumps({"queryDefinitionId": query_id})

    def describe(self):
        prefix = self._get_param("queryDefinitionNamePrefix") or ""
        found = [q for q in queries.values() if q["name"].startswith(prefix)]
        return json.dumps({"queryDefinitions": found})

    def delete(self):
        return json.dumps({"success": queries.pop(self._get_param("queryDefinitionId"), None) is not None})

    LogsResponse.put_query_definition = put
    LogsResponse.describe_query_definitions = describe
    LogsResponse.delete_query_definition = delete


def run_as_many_tasks_as_desired():
    create = EC2ContainerServiceResponse.create_service

    def create_running(self):
        os.environ["MOTO_ECS_SERVICE_RUNNING"] = str(self._get_param("desiredCount") or 0)
        return create(self)

    EC2ContainerServiceResponse.create_service = create_running


def say_when_a_task_stopped():
    stop = EC2ContainerServiceBackend.stop_task

    def stop_now(self, *args, **kwargs):
        task = stop(self, *args, **kwargs)
        task.stopped_at = time.time()
        return task

    EC2ContainerServiceBackend.stop_task = stop_now


def keep_service_settings():
    kept = {
        "availabilityZoneRebalancing": "availability_zone_rebalancing",
        "enableECSManagedTags": "enable_ecs_managed_tags",
        "enableExecuteCommand": "enable_execute_command",
        "healthCheckGracePeriodSeconds": "health_check_grace_period_seconds",
        "deploymentConfiguration": "deployment_configuration",
    }

    def keeping(call):
        def wrapped(self):
            answer = call(self)
            for parameter, attribute in kept.items():
                value = self._get_param(parameter)
                if value is not None:
                    setattr(answer.result["service"], attribute, value)
            return answer

        return wrapped

    EC2ContainerServiceResponse.create_service = keeping(EC2ContainerServiceResponse.create_service)
    EC2ContainerServiceResponse.update_service = keeping(EC2ContainerServiceResponse.update_service)


def keep_rule_descriptions():
    start = SecurityGroupRule.__init__
    parameters = inspect.signature(start)

    def start_described(self, *args, **kwargs):
        start(self, *args, **kwargs)
        given = parameters.bind(self, *args, **kwargs).arguments
        others = [given.get("source_group") or {}, given.get("prefix_list_id") or {}]
        self.described = next((other["Description"] for other in others if other.get("Description")), None)

    SecurityGroupRule.__init__ = start_described
    SecurityGroupRule.description = property(lambda self: self.ip_range.get("Description") or self.described)


def let_callers_come_by_https():
    permission = FakeBucket.get_permission

    def permission_by_https(self, action, resource):
        policy, self.policy = self.policy, None
        try:
            if policy is not None:
                document = json.loads(policy)
                plain = {"Bool": {"aws:SecureTransport": "false"}}
                document["Statement"] = [s for s in document["Statement"] if s.get("Condition") != plain]
                self.policy = json.dumps(document).encode() if document["Statement"] else None
            return permission(self, action, resource)
        finally:
            self.policy = policy

    FakeBucket.get_permission = permission_by_https


def add_budget_details():
    tags = {}
    create = BudgetsResponse.create_budget

    def create_tagged(self):
        name = self._get_param("Budget")["BudgetName"]
        tags[f"arn:aws:budgets::{self.current_account}:budget/{name}"] = self._get_param("ResourceTags") or []
        return create(self)

    def subscribers(self):
        budget = self.backend.budgets[self._get_param("AccountId")][self._get_param("BudgetName")]
        wanted = self._get_param("Notification")
        found = next(n.subscribers for n in budget.notifications if all(n.details.get(name) == value for name, value in wanted.items()))
        return json.dumps({"Subscribers": found})

    BudgetsResponse.create_budget = create_tagged
    BudgetsResponse.describe_subscribers_for_notification = subscribers
    BudgetsResponse.list_tags_for_resource = lambda self: json.dumps({"ResourceTags": tags.get(self._get_param("ResourceARN"), [])})


def record_calls(path):
    application = moto.server.DomainDispatcherApplication
    moto.server.DomainDispatcherApplication = lambda create: Recorder(application(create), path)


def roll_back_on_request(path):
    """While the file exists a service keeps its task definition, as after a rollback by the circuit breaker."""
    update = EC2ContainerServiceResponse.update_service

    def update_or_not(self):
        if os.path.exists(path):
            self._get_params().pop("taskDefinition", None)
        return update(self)

    EC2ContainerServiceResponse.update_service = update_or_not


def deploy_until_told(path):
    """While the file exists, the newest deployment of a service is in progress."""
    describe = EC2ContainerServiceResponse.describe_services

    def describe_deploying(self):
        answer = describe(self)
        state = "IN_PROGRESS" if os.path.exists(path) else "COMPLETED"
        for service in answer.result["services"]:
            service.deployments[0]["rolloutState"] = state
        return answer

    EC2ContainerServiceResponse.describe_services = describe_deploying


def end_with_parent():
    """Ends when standard input does: the process at the other end is gone, whatever ended it."""
    threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()


def keep_service_deployments(rollback_path):
    """A deployment and a revision for each new task definition of a service. It succeeds unless ECS rolls it back."""
    kept = {}  # by the service's ARN, oldest first

    def recording(call):
        def wrapped(self):
            definition = self._get_param("taskDefinition")  # read first: a rollback takes it out of the parameters
            answer = call(self)
            service = answer.result["service"]
            if definition or self._get_param("forceNewDeployment"):
                found = self.ecs_backend.describe_task_definition(definition or service.task_definition)
                made = kept.setdefault(service.arn, [])
                made.append({
                    "serviceDeploymentArn": f"{service.arn.replace(':service/', ':service-deployment/')}/{len(made)}",
                    "targetServiceRevisionArn": f"{service.arn.replace(':service/', ':service-revision/')}/{len(made)}",
                    "status": "ROLLBACK_SUCCESSFUL" if rollback_path and os.path.exists(rollback_path) else "SUCCESSFUL",
                    "createdAt": time.time(),
                    "definition": found,
                })
            return answer

        return wrapped

    def list_deployments(self):
        service = self.ecs_backend._get_service(self._get_param("cluster"), self._get_param("service"))
        wanted = self._get_param("status")
        found = [d for d in kept.get(service.arn, []) if not wanted or d["status"] in wanted]
        return ActionResult({"serviceDeployments": found[::-1]})

    def describe_revisions(self):
        wanted = self._get_param("serviceRevisionArns")
        found = [d for made in kept.values() for d in made if d["targetServiceRevisionArn"] in wanted]
        return ActionResult({"failures": [], "serviceRevisions": [{
            "serviceRevisionArn": d["targetServiceRevisionArn"],
            "taskDefinition": d["definition"].arn,
            "containerImages": [{"containerName": c["name"], "image": c["image"]} for c in d["definition"].container_definitions],
        } for d in found]})

    EC2ContainerServiceResponse.create_service = recording(EC2ContainerServiceResponse.create_service)
    EC2ContainerServiceResponse.update_service = recording(EC2ContainerServiceResponse.update_service)
    EC2ContainerServiceResponse.list_service_deployments = list_deployments
    EC2ContainerServiceResponse.describe_service_revisions = describe_revisions


if __name__ == "__main__":
    if moto.__version__ != VERSION:
        sys.exit(f"shim.py completes moto {VERSION}, and this is {moto.__version__}: read the changes, then move both pins")
    for complete in (
        add_composite_alarms, add_autoscaling_tags, add_saved_queries, run_as_many_tasks_as_desired, say_when_a_task_stopped,
        keep_service_settings, keep_rule_descriptions, let_callers_come_by_https, add_budget_details, refuse_disabled_keys,
    ):
        complete()
    if os.environ.get("EMULATOR_STDIN") == "until-closed":
        end_with_parent()
    if os.environ.get("EMULATOR_CALLS"):
        record_calls(os.environ["EMULATOR_CALLS"])
    if os.environ.get("EMULATOR_ROLLBACK"):
        roll_back_on_request(os.environ["EMULATOR_ROLLBACK"])
    if os.environ.get("EMULATOR_DEPLOYING"):
        deploy_until_told(os.environ["EMULATOR_DEPLOYING"])
    keep_service_deployments(os.environ.get("EMULATOR_ROLLBACK"))
    moto.server.main(sys.argv[1:])
