"""Hooks of Schemathesis: who sends a request, and which refusals follow from rules that no document can express.

The file that PLAN names comes from `contract/src/schemathesis.rs`.
"""

import fnmatch
import itertools
import json
import os

import schemathesis

with open(os.environ["PLAN"], encoding="utf-8") as file:
    PLAN = json.load(file)

# All requests of one caller would only meet the limits of this caller, so the callers take turns.
TURNS = itertools.cycle(PLAN["callers"])
# The callers of operations that end a session.
FRESH = PLAN["fresh"]
# The creator of each resource, by its path.
CREATORS = PLAN["creators"]
SIDES = itertools.cycle([0, 1])


def plan(case):
    return PLAN["operations"][case.operation.definition.raw["operationId"]]


def caller(case):
    if plan(case)["ends"]:
        return FRESH[0]
    path = f"{case.formatted_path}/"
    creators = (one for known, one in CREATORS.items() if path.startswith(f"{known}/"))
    return next(creators, None) or next(TURNS)


@schemathesis.auth(refresh_interval=None)
class Credentials:
    def get(self, case, _context):
        return caller(case)

    def set(self, case, headers, _context):
        header = plan(case)["credentials"]
        if header is not None:
            case.headers = {**(case.headers or {}), header: headers[header]}


@schemathesis.hook
def before_load_schema(_context, document):
    """Replaces the examples of the document by the valid cases of the other tests, which have the ids of real resources."""
    for item in document["paths"].values():
        for operation in item.values():
            if "operationId" in operation:
                valid = PLAN["operations"][operation["operationId"]]
                add_examples(operation, item.get("parameters", []), valid)
                remove_stream_schemas(operation)


def add_examples(operation, shared, valid):
    own = operation.get("parameters", [])
    given = [one for one in shared + own if one.get("name") in valid["parameters"]]
    given = [{**one, "example": valid["parameters"][one["name"]]} for one in given]
    operation["parameters"] = [one for one in own if one.get("name") not in valid["parameters"]] + given
    if valid["bodies"]:
        examples = {str(number): {"value": body} for number, body in enumerate(valid["bodies"])}
        operation["requestBody"]["content"]["application/json"]["examples"] = examples


def remove_stream_schemas(operation):
    """Before OpenAPI 3.2, Schemathesis reads the schema of a stream as the one of each event."""
    for response in operation["responses"].values():
        response.get("content", {}).get("text/event-stream", {}).pop("schema", None)


@schemathesis.hook
def before_call(_context, case, _kwargs):
    """Separates parameters that must not be given together."""
    for pair in plan(case)["exclusive"]:
        if isinstance(case.query, dict) and case.query.keys() >= set(pair):
            del case.query[pair[next(SIDES)]]


@schemathesis.hook
def after_call(_context, case, response):
    sent = response.request.headers
    if response.status_code in (200, 204, 429) and len(FRESH) > 1 and sent.items() & FRESH[0].items():
        del FRESH[0]
    for path in response.headers.get("location", []):
        CREATORS.update({path: one for one in PLAN["callers"] if sent.items() & one.items()})


@schemathesis.hook
def filter_failure(_context, failure, case, response):
    """Accepts a 422 if the document can express none of the rules that it names, and a 404 for what is made later."""
    if response.status_code == 404 and failure.title == "Created resource not found":
        return not plan(case)["later"]
    if response.status_code != 422 or failure.title != "Schema-valid request rejected":
        return True
    rules = plan(case)["unexpressed"]
    errors = response.json().get("errors", [])
    texts = [f"{error.get('pointer', error.get('parameter'))} {error['detail']}" for error in errors]
    known = [any(fnmatch.fnmatchcase(text, rule) for rule in rules) for text in texts]
    return not known or not all(known)
