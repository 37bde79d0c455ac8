"""The moto server, with the calls of this stack that moto 5.2.1 lacks.

    python shim.py -H 127.0.0.1 -p PORT

The additions, and the effect without each:
  cloudwatch   moto has no PutCompositeAlarm, and the provider retries for minutes. The shim stores it like a metric alarm, which
               moto's handler can read.
  application-autoscaling
               moto does not store or list the tags of a scalable target, and the apply hangs.
  logs         moto cannot put, list or delete saved queries, and the apply hangs.
  ecs          moto does not keep the zone rebalancing, managed tags, exec, grace period and deployment configuration of a service.
               The second plan is then not empty, or is empty without having read them. moto runs no task of a service, and the
               wait for a steady state does not end. The shim reports the desired number. moto has no ListServiceDeployments and
               DescribeServiceRevisions, which a rollback uses, and no stop time of a stopped task, which the runbook uses.
  budgets      moto cannot return the subscribers of a notification and the tags of a budget, and the apply fails.
  ec2          moto keeps the description of a security group rule only if the peer is an address range. The second plan is then
               not empty.
  ssm          moto returns a value although its key is disabled (keys.py).
  s3           moto ignores the conditions of a bucket policy, so "no plain HTTP" denies all requests. Clients reach AWS by HTTPS.

It emulates the interface, not the service: there is no IAM, no alarm is evaluated and no task runs. docs/deploy.md lists what this
does not prove.

Files:
  EMULATOR_CALLS      The shim writes every call of Terraform to this file, with its resources (calls.py). terraform/permissions reads
                      the needs of a plan and an apply from it.
  EMULATOR_ROLLBACK   While this file exists, ECS behaves as if its circuit breaker rolled the deployment back. A test uses it to
                      check that the apply fails.
  EMULATOR_DEPLOYING  While this file exists, ECS reports a deployment in progress. Tests use it to check that programs wait for it.
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
    """Ends when standard input ends, because the parent process has ended."""
    threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()


def keep_service_deployments(rollback_path):
    """A deployment and a revision for each new task definition of a service. It succeeds unless ECS rolls it back."""
    kept = {}  # by the service's ARN, oldest first

    def recording(call):
        def wrapped(self):
            definition = self._get_param("taskDefinition")  # read first, because a rollback removes it from the parameters
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
        sys.exit(f"shim.py needs moto {VERSION}, but found {moto.__version__}: read the changes of moto, then update both pins")
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
