"""Decides, as IAM does, whether policy documents allow a call.

It supports the condition operators of the project's policies. Any other operator is an error. An explicit Deny wins. Without a
Deny, an Allow is needed. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

import fnmatch

from authorization import covers, overlap


def listed(value):
    return value if isinstance(value, list) else [value]


def statements(document):
    return listed(document["Statement"])


def allows(documents, action, resource, context, principal=None, certain=True):
    """Whether the documents together allow the action on the resource. `certain` is False if the resource is a pattern and only a part
    of it must be allowed."""
    fitting = [s for document in documents for s in statements(document) if applies(s, action, resource, context, principal, certain)]
    return any(s["Effect"] == "Allow" for s in fitting) and not any(s["Effect"] == "Deny" for s in fitting)


def applies(statement, action, resource, context, principal, certain):
    if not any(covers(each.lower(), action.lower()) for each in listed(statement["Action"])):
        return False
    if "Resource" in statement and not any((covers if certain else overlap)(each, resource) for each in listed(statement["Resource"])):
        return False
    if "Principal" in statement and not is_principal(statement["Principal"], principal):
        return False
    return all(holds(operator, key, listed(wanted), context) for operator, keys in statement.get("Condition", {}).items() for key, wanted in keys.items())


def is_principal(named, principal):
    return named == "*" or any(each in ("*", principal) for who in named.values() for each in listed(who))


def holds(operator, key, wanted, context):
    """Whether one line of a Condition is true. A key that the request does not have makes it false, except for negations and …IfExists."""
    found = context.get(key)
    if operator == "Null":
        return (found is None) == (wanted == ["true"])
    base = operator.removesuffix("IfExists")
    if found is None:
        return base != operator or base in ("StringNotEquals", "StringNotLike", "ArnNotLike")
    values = [str(each) for each in wanted]
    tests = {
        "StringEquals": lambda: found in values,
        "StringNotEquals": lambda: found not in values,
        "StringLike": lambda: any(fnmatch.fnmatchcase(found, each) for each in values),
        "ArnLike": lambda: any(fnmatch.fnmatchcase(found, each) for each in values),
        "ArnEquals": lambda: any(fnmatch.fnmatchcase(found, each) for each in values),
        "Bool": lambda: found.lower() in values,
    }
    if base not in tests:
        raise ValueError(f"the condition operator {operator} is not supported: add it to evaluate.py")
    return tests[base]()
