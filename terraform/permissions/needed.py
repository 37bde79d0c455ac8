"""Which permissions the project needs: of Terraform, as the emulator recorded its calls, and of everybody else, from data/*.json.

One Call is one action on one resource by one identity, with what IAM would know about the request. What a call of Terraform's
needs besides (tags, roles to pass, service-linked roles) becomes Calls of its own.
"""

import json
import re
from dataclasses import dataclass, field

from authorization import data, definition, dependents, kinds, overlap

OPERATIONS = data("operations.json")["operations"]
BESIDES = data("besides.json")
# The phases of the recorded life, and whose rights must do for each.
PHASES = {"plan": ("plan", "apply"), "apply": ("apply",), "destroy": ("apply",)}
# The default network is proved as the second environment, trial, with roles of its own.
OF_NETWORK = {"private": "", "default-vpc": "-trial"}


@dataclass
class Call:
    who: str
    action: str
    resource: str
    origin: str
    context: dict = field(default_factory=dict)
    certain: bool = True  # False: the resource is a pattern of which some part must be allowed
    endpoint: str | None = None  # the interface endpoint that a task's call passes


class Problem(Exception):
    """The tables do not understand a call: an error of this check, not of a policy."""


class Recording:
    """The calls of one life of the stack: plan, apply, second plan, destroy."""

    def __init__(self, path, network):
        self.path, self.network = path, network
        self.tags = {}  # ARN: its tags
        self.boundary = {}  # role: its boundary
        self.fresh = set()  # keys of KMS made in this phase, whose tags may not count yet

    def calls(self):
        phase = None
        for line in self.path.read_text().splitlines():
            # The proof makes a hosted zone in the emulator in place of the example's.
            entry = json.loads(re.sub(r"(:hostedzone/)\w+", r"\1Z0123456789EXAMPLE", line))
            if "phase" in entry:
                phase, self.fresh = entry["phase"], set()
                continue
            self.remember(entry)
            for who in (f"{role}{OF_NETWORK[self.network]}" for role in PHASES[phase]):
                for action, resource, context, certain in self.needs(entry):
                    for known in self.contexts(entry, action, resource):
                        yield Call(who, action, resource, f"terraform {phase}, {self.network}", {**known, **context}, certain)

    def remember(self, entry):
        for resource in entry["resources"]:
            if "tags" in entry:
                self.tags.setdefault(resource, entry["tags"])
        if entry["call"] == "kms:CreateKey":
            self.fresh.update(entry["resources"])
        if "boundary" in entry:
            self.boundary.update({r: entry["boundary"] for r in entry["resources"] if ":role/" in r})

    def contexts(self, entry, action, resource):
        """What IAM may know about the request. Two answers for a key of KMS that has just been made: it may take five minutes
        until a tag counts. https://docs.aws.amazon.com/kms/latest/developerguide/tag-authorization.html"""
        known = {"aws:RequestedRegion": entry["region"]}
        known.update({f"aws:RequestTag/{name}": value for name, value in entry.get("tags", {}).items()})
        if resource in self.boundary:
            known["iam:PermissionsBoundary"] = self.boundary[resource]
        making = definition(action) and action.partition(":")[2].startswith("Create") and "tags" in entry
        tagged = {} if making else {f"aws:ResourceTag/{name}": value for name, value in self.tags.get(resource, {}).items()}
        if resource in self.fresh and action.startswith("kms:"):
            # CreateKey tags a key that has no tags yet.
            return [known] if entry["call"] == "kms:CreateKey" else [known, {**known, **tagged}]
        return [{**known, **tagged}]

    def needs(self, entry):
        """Every (action, resource, context, certain) that one recorded call needs."""
        call = entry["call"]
        for action in OPERATIONS.get(call, [call]):
            yield from held(action, entry["resources"], call)
        asked = set()
        for besides in BESIDES["needs"]:
            if call in besides["calls"]:
                asked.update(besides["actions"])
                for action in besides["actions"]:
                    for resource in [besides["resource"]] if "resource" in besides else [r for r in entry["resources"] if overlap(besides["of"], r)]:
                        yield action, resource, told(besides.get("context", {}), entry["resources"]), not resource.endswith(":key/*")
        tagging = BESIDES["tagging"]["actions"].get(call.partition(":")[0])
        if "tags" in entry and tagging and tagging != call:
            asked.add(tagging)
            # Of a log group's two forms, tags have the one without `:*`.
            made = [r.removesuffix(":*") for r in entry["resources"]]
            yield from held(tagging, [r for r in made if "*" not in r], call)
        ignored = BESIDES["not_needed"].get(call, {}).get("actions", [])
        for action in sorted(dependents(OPERATIONS.get(call, [call])[0]) - asked - set(ignored)):
            yield from held(action, entry["resources"], call, required=False)


def told(context, resources):
    """The context with the ARN of the parameter that the call names in the place of "the parameter"."""
    parameter = next((r for r in resources if ":parameter/" in r), "none")
    return {key: parameter if value == "the parameter" else value for key, value in context.items()}


def held(action, resources, origin, required=True):
    """The action on those of the resources that it knows; on `*` when it knows none."""
    if definition(action) is None:
        raise Problem(f"{origin}: AWS's reference has no action {action}; does it belong into data/operations.json?")
    known = kinds(action)
    if not known:
        yield action, "*", {}, True
        return
    found = [r for r in resources if any(overlap(pattern, r) for pattern, _ in known.values())]
    for kind, (pattern, must) in known.items():
        if not must or not required or choice(action, kind) or any(overlap(pattern, r) for r in resources):
            continue
        if kind in BESIDES["implied"].get(action, []):
            yield action, pattern, {}, False
        else:
            raise Problem(f"{origin}: {action} needs a {kind}, and none of {resources} is one; emulator/resources.py must learn it")
    # A call that names none of the resources it could be held to can be held to none.
    for resource in found or ["*"]:
        yield action, resource, {}, bool(found) or required


def choice(action, kind):
    """Kinds of load balancer: the reference marks each as required, and a call has one."""
    return action.startswith("elasticloadbalancing:") and "/" in kind


def others(documents, keys):
    """The calls that are nobody's command: a newer provider's, the backend's, the tasks', the services'."""
    for name in ("newer_provider.json", "others.json"):
        for entry in data(name):
            for who in entry["who"]:
                for action in entry["actions"]:
                    for resource in entry["resources"]:
                        context = {"aws:RequestedRegion": "us-east-1", "aws:PrincipalAccount": "123456789012", **entry.get("context", {})}
                        yield Call(who, action, keys.get(resource, resource), entry["why"], context, True, entry.get("endpoint"))
