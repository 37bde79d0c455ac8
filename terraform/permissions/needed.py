"""The permissions that the project needs: for Terraform from the calls that the emulator recorded, for all others from data/*.json.

One Call is one action on one resource by one identity, with the context that IAM has for the request. Additional needs of a
Terraform call (tags, roles to pass, service-linked roles) become separate Calls.
"""

import json
import re
from dataclasses import dataclass, field

from authorization import data, definition, dependents, kinds, overlap

OPERATIONS = data("operations.json")["operations"]
ALSO_NEEDED = data("also_needed.json")
# The phases of the recording, and the roles whose rights must be enough for each.
PHASES = {"plan": ("plan", "apply"), "apply": ("apply",), "destroy": ("apply",)}
# The default network is the second environment, trial, with its own roles.
OF_NETWORK = {"private": "", "default-vpc": "-trial"}


@dataclass
class Call:
    who: str
    action: str
    resource: str
    origin: str
    context: dict = field(default_factory=dict)
    certain: bool = True  # False: the resource is a pattern, and a part of it must be allowed
    endpoint: str | None = None  # the interface endpoint of a task's call


class Problem(Exception):
    """The tables lack a call. This is an error of the check, not of a policy."""


class Recording:
    """The calls of one life of the stack: plan, apply, second plan, destroy."""

    def __init__(self, path, network):
        self.path, self.network = path, network
        self.tags = {}  # ARN: its tags
        self.boundary = {}  # role: its boundary
        self.fresh = set()  # KMS keys that were created in this phase; their tags may not work yet

    def calls(self):
        phase = None
        for line in self.path.read_text().splitlines():
            # The proof creates a hosted zone in the emulator instead of that of the example.
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
        """The possible contexts of the request in IAM. A new KMS key has two, with and without its tags: a tag can take five
        minutes to work. https://docs.aws.amazon.com/kms/latest/developerguide/tag-authorization.html"""
        known = {"aws:RequestedRegion": entry["region"]}
        known.update({f"aws:RequestTag/{name}": value for name, value in entry.get("tags", {}).items()})
        if resource in self.boundary:
            known["iam:PermissionsBoundary"] = self.boundary[resource]
        making = definition(action) and action.partition(":")[2].startswith("Create") and "tags" in entry
        tagged = {} if making else {f"aws:ResourceTag/{name}": value for name, value in self.tags.get(resource, {}).items()}
        if resource in self.fresh and action.startswith("kms:"):
            # CreateKey sets the tags of a key that has no tags yet.
            return [known] if entry["call"] == "kms:CreateKey" else [known, {**known, **tagged}]
        return [{**known, **tagged}]

    def needs(self, entry):
        """Yields the (action, resource, context, certain) that one recorded call needs."""
        call = entry["call"]
        for action in OPERATIONS.get(call, [call]):
            yield from held(action, entry["resources"], call)
        asked = set()
        for also in ALSO_NEEDED["needs"]:
            if call in also["calls"]:
                asked.update(also["actions"])
                for action in also["actions"]:
                    for resource in [also["resource"]] if "resource" in also else [r for r in entry["resources"] if overlap(also["of"], r)]:
                        yield action, resource, told(also.get("context", {}), entry["resources"]), not resource.endswith(":key/*")
        tagging = ALSO_NEEDED["tagging"]["actions"].get(call.partition(":")[0])
        if "tags" in entry and tagging and tagging != call:
            asked.add(tagging)
            # A log group has two forms. Tags use the form without `:*`.
            made = [r.removesuffix(":*") for r in entry["resources"]]
            yield from held(tagging, [r for r in made if "*" not in r], call)
        ignored = ALSO_NEEDED["not_needed"].get(call, {}).get("actions", [])
        for action in sorted(dependents(OPERATIONS.get(call, [call])[0]) - asked - set(ignored)):
            yield from held(action, entry["resources"], call, required=False)


def told(context, resources):
    """The context, with the ARN of the call's parameter instead of "the parameter"."""
    parameter = next((r for r in resources if ":parameter/" in r), "none")
    return {key: parameter if value == "the parameter" else value for key, value in context.items()}


def held(action, resources, origin, required=True):
    """The action on the resources that it supports, or on `*` if it supports no resources."""
    if definition(action) is None:
        raise Problem(f"{origin}: AWS's reference has no action {action}: add the name of its permission to data/operations.json")
    known = kinds(action)
    if not known:
        yield action, "*", {}, True
        return
    found = [r for r in resources if any(overlap(pattern, r) for pattern, _ in known.values())]
    for kind, (pattern, must) in known.items():
        if not must or not required or choice(action, kind) or any(overlap(pattern, r) for r in resources):
            continue
        if kind in ALSO_NEEDED["implied"].get(action, []):
            yield action, pattern, {}, False
        else:
            raise Problem(f"{origin}: {action} needs a {kind}, but {resources} contains none: add it to emulator/resources.py")
    # If the call names no supported resource, it cannot be limited to one.
    for resource in found or ["*"]:
        yield action, resource, {}, bool(found) or required


def choice(action, kind):
    """Whether the kind is one of several kinds of load balancer. The reference marks each as required, but a call has one."""
    return action.startswith("elasticloadbalancing:") and "/" in kind


def others(documents, keys):
    """The calls that are no commands: those of a newer provider, the backend, the tasks and the services."""
    for name in ("newer_provider.json", "others.json"):
        for entry in data(name):
            for who in entry["who"]:
                for action in entry["actions"]:
                    for resource in entry["resources"]:
                        context = {"aws:RequestedRegion": "us-east-1", "aws:PrincipalAccount": "123456789012", **entry.get("context", {})}
                        yield Call(who, action, keys.get(resource, resource), entry["why"], context, True, entry.get("endpoint"))
