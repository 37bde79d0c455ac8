"""Compares the needed calls with the policies. There are three kinds of findings:

    scope   a statement limits an action to a resource, but AWS does not support this
    key     a condition uses a key that the action does not support
    call    no policy of the caller allows a call
"""

import re
from collections import Counter
from dataclasses import dataclass

from authorization import CORRECTIONS, definition, kinds, knows_key, overlap
from evaluate import allows, applies, holds, listed, statements

ISSUER = "token.actions.githubusercontent.com"
PROVIDER = f"arn:aws:iam::123456789012:oidc-provider/{ISSUER}"
ROOT = "arn:aws:iam::123456789012:root"
# The caller that assumes a role, and the principal that the role's trust policy must contain.
TRUSTED = {ISSUER: PROVIDER, "engineer": ROOT}


@dataclass(frozen=True)
class Finding:
    kind: str
    where: str
    what: str

    def __str__(self):
        return f"{self.kind:<6} {self.where}: {self.what}"


def lint(documents):
    """The findings that do not depend on a call: scope and key."""
    for address, document in documents.by_address.items():
        for number, statement in enumerate(statements(document), 1):
            if statement["Effect"] == "Allow":
                where = f"{address}, statement {statement.get('Sid', number)}"
                for action in listed(statement["Action"]):
                    if "*" not in action:
                        yield from lint_action(where, action, statement)


def lint_action(where, action, statement):
    if definition(action) is None:
        yield Finding("call", where, f"{action} is not an action in AWS's reference, so it allows nothing")
        return
    patterns, known = listed(statement.get("Resource", "*")), kinds(action)
    if not any(overlap(pattern, arn) for pattern in patterns for arn, _ in known.values()) and "*" not in patterns:
        contradicts = CORRECTIONS["no_resource"].get(action)
        source = f" ({contradicts['source']})" if contradicts else ""
        yield Finding("scope", where, f"{action} is limited to {', '.join(patterns)}, but AWS supports it only for {', '.join(a for a, _ in known.values()) or '*'}{source}")
    for operator, keys in statement.get("Condition", {}).items():
        for key in keys:
            if not knows_key(action, key, patterns):
                yield Finding("key", where, f"{action} does not support {key} ({operator}) on {', '.join(patterns)}")


class Judge:
    """Decides whether all relevant documents allow a call."""

    def __init__(self, documents):
        self.documents = documents
        self.roles = {who: f"sum-api-{who}" for who in ("plan", "publish", "apply", "plan-trial", "apply-trial", "on-call")} | {who: f"sum-api-production-{who}" for who in ("execution", "task")}

    def attached(self, who):
        """The policies of a caller. People who change keys have those of the engineer on call, and a policy that is not attached to a
        role."""
        if who == "keys":
            return [*self.attached("on-call"), "bootstrap aws_iam_policy.keys"]
        return self.documents.of_role.get(self.roles[who], [])

    def panels(self, call):
        """The groups of documents that must each allow the call: (name, addresses, principal)."""
        if call.who in TRUSTED:
            yield "trust policy", [self.documents.trust[call.resource]] if call.resource in self.documents.trust else [], TRUSTED[call.who]
            return
        if call.who in self.roles or call.who == "keys":
            yield "its policies", self.attached(call.who), None
            boundary = self.documents.boundary.get(self.roles.get(call.who))
            if boundary:
                yield "boundary", [boundary], None
            if call.resource in self.documents.resource and call.action.startswith("kms:"):
                yield "key policy", [self.documents.resource[call.resource]], ROOT
        elif call.who != "anybody":
            owner = re.match(r"arn:aws:s3:::[^/]+", call.resource)
            address = self.documents.resource.get(owner[0] if owner else call.resource)
            yield "policy of the resource", [address] if address else [], call.who
        if call.endpoint:
            yield f"policy of the endpoint {call.endpoint}", [self.documents.resource[f"endpoint {call.endpoint}"]], call.who

    def refusals(self, call):
        for name, addresses, principal in self.panels(call):
            papers = [self.documents.by_address[a] for a in addresses]
            if not allows(papers, call.action, call.resource, call.context, principal, call.certain):
                yield f"{name}: {self.reason(papers, call, principal)}"

    @staticmethod
    def reason(papers, call, principal):
        with_action = [s for p in papers for s in statements(p) if s["Effect"] == "Allow" and any(re.fullmatch(a.replace("*", ".*"), call.action, re.I) for a in listed(s["Action"]))]
        if not with_action:
            return "no statement has the action"
        unconditional = [s for s in with_action if applies({**s, "Condition": {}}, call.action, call.resource, call.context, principal, call.certain)]
        if not unconditional:
            return f"only on {', '.join(dict.fromkeys(r for s in with_action for r in listed(s.get('Resource', '*'))))}"
        unmet = [f"{operator} {key} is not met, the request has {call.context.get(key, 'no such key')}" for s in unconditional for operator, keys in s.get("Condition", {}).items() for key, wanted in keys.items() if not holds(operator, key, listed(wanted), call.context)]
        return "; ".join(dict.fromkeys(unmet)) or "it is denied"


def refused(documents, calls):
    """The calls that are not allowed. Calls that differ only in the action are one finding. Ids of the recording are omitted."""
    judge, found = Judge(documents), {}
    for call in calls:
        for refusal in judge.refusals(call):
            resource = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|(?<=[-/])[0-9a-f]{16,17}\b", "ID", call.resource)
            resource = re.sub(r"sum-api(-|/)(production|trial)", r"sum-api\1*", resource)
            key = (call.who, resource, re.sub(r"production|trial", "*", re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "ID", refusal)))
            found.setdefault(key, Counter())[(call.action, call.origin)] += 1
    for (who, resource, refusal), asked in found.items():
        origins = list(dict.fromkeys(origin for _, origin in asked))
        yield Finding("call", who, f"{', '.join(dict.fromkeys(action for action, _ in asked))} on {resource} ({'; '.join(origins[:2])}{'; …' if len(origins) > 2 else ''}): {refusal}")
