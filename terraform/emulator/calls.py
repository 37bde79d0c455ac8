"""Records every call of Terraform as IAM sees it: one JSON object per line.

    {"call": "ecs:UpdateService", "resources": ["arn:aws:ecs:…"], "region": "us-east-1", "tags": {…}, "boundary": "arn:aws:iam::…"}

`call` is the operation. Its permission can have another name. `resources` are the ARNs in the request and, if the operation creates
something, those in the response; ["*"] if there are none. Only names, ids and tags are recorded, and no other values.
terraform/permissions compares these lines with the policies of the workflows' roles.
"""

import io
import json
import re
from urllib.parse import parse_qsl

import botocore.session

from resources import ARN, EC2_ID, EC2_KINDS, leaves, named

ACCOUNT = "123456789012"  # moto's

# The service names of signatures are those of IAM, except for CloudWatch.
SERVICES = {"monitoring": "cloudwatch"}

# Operations that create a resource. Only the response contains its ARN.
MAKES = re.compile(r"^(Create|Register|Request|Authorize)")


class Recorder:
    """A WSGI application that forwards each request and records those of Terraform, but not those of probe.py."""

    def __init__(self, application, path):
        self.application = application
        self.path = path
        self.rest = RestOperations()
        self.aliased = {}  # alias: key, for calls that contain only the alias

    def __call__(self, environ, start_response):
        scope = environ.get("HTTP_AUTHORIZATION", "").partition("Credential=")[2].split("/")
        if len(scope) < 4 or "Terraform" not in environ.get("HTTP_USER_AGENT", ""):
            return self.application(environ, start_response)
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        service = SERVICES.get(scope[3], scope[3])
        operation, parameters = self.understand(service, environ, body.decode("utf-8", "replace"))
        answer = b"".join(self.application(environ, start_response))
        self.write(service, operation, parameters, scope[2], answer.decode("utf-8", "replace"))
        return [answer]

    def understand(self, service, environ, body):
        target = environ.get("HTTP_X_AMZ_TARGET")
        if target:
            return target.rpartition(".")[2], json.loads(body or "{}")
        if body.startswith("Action="):
            parameters, tags = {}, {}
            for name, value in parse_qsl(body):
                tag = re.search(r"\bTags?\.(?:member\.)?(\d+)\.(Key|Value)$", name)
                if tag:
                    tags.setdefault(tag[1], {})[tag[2]] = value
                    continue
                # Names.member.1, TagSpecification.1.Tag.1.Key, VpcId.1: the last part that is not a number names the value.
                parts = [part for part in name.split(".") if not part.isdigit() and part != "member"]
                parameters.setdefault(parts[-1], []).append(value)
            parameters = {name: values[0] if len(values) == 1 else values for name, values in parameters.items()}
            return parameters.pop("Action"), {**parameters, "Tags": list(tags.values())}
        return self.rest.find(service, environ["REQUEST_METHOD"], environ["PATH_INFO"], environ.get("QUERY_STRING", ""))

    def write(self, service, operation, parameters, region, answer):
        resources = named(service, operation, parameters, region, ACCOUNT)
        if service == "kms" and operation == "CreateAlias":
            self.aliased[parameters["AliasName"]] = parameters["TargetKeyId"]
        if service == "kms" and operation == "DeleteAlias":
            resources += named(service, operation, {"KeyId": self.aliased.pop(parameters["AliasName"], "*")}, region, ACCOUNT)
        if MAKES.match(operation):
            resources += ARN.findall(answer)
            if service == "ec2":
                resources += [f"arn:aws:ec2:{region}:{ACCOUNT}:{EC2_KINDS[i.partition('-')[0]]}/{i}" for i in re.findall(r">([a-z]+-[0-9a-f]+)<", answer) if EC2_ID.match(i)]
        line = {"call": f"{service}:{operation}", "resources": list(dict.fromkeys(resources)) or ["*"], "region": region}
        tags = tags_of(parameters)
        if tags:
            line["tags"] = tags
        if "PermissionsBoundary" in parameters:
            line["boundary"] = parameters["PermissionsBoundary"]
        with open(self.path, "a", encoding="utf-8") as calls:
            calls.write(json.dumps(line) + "\n")


def tags_of(parameters):
    """The tags of a request. Services use different names for them."""
    given = parameters.get("Tags") or parameters.get("tags")
    if isinstance(given, dict):
        return given
    if isinstance(given, list):
        return {tag.get("Key", tag.get("key", tag.get("TagKey"))): tag.get("Value", tag.get("value", tag.get("TagValue"))) for tag in given}
    return {}


class RestOperations:
    """Finds the operation of S3 and Route 53 requests, which only have method, path and query. botocore has the table."""

    def __init__(self):
        self.session = botocore.session.Session()
        self.known = {}

    def operations(self, service):
        if service not in self.known:
            model = self.session.get_service_model(service)
            self.known[service] = [self.pattern(name, model.operation_model(name).http) for name in model.operation_names]
        return self.known[service]

    @staticmethod
    def pattern(name, http):
        path, _, query = http["requestUri"].partition("?")
        path = re.sub(r"\\\{(\w+)(\\\+)?\\\}", lambda m: f"(?P<{m[1]}>{'.+' if m[2] else '[^/]+'})", re.escape(path.rstrip("/")))
        return name, http["method"], re.compile(f"^{path}/?$"), {part.partition("=")[0] for part in query.split("&") if part}

    def find(self, service, method, path, query):
        asked = {name for name, _ in parse_qsl(query, keep_blank_values=True)}
        matching = []
        for name, its_method, pattern, needs in self.operations(service):
            match = pattern.match(path)
            if its_method == method and match and needs <= asked:
                matching.append((len(needs), len(match.groupdict()), name, match.groupdict()))
        if not matching:
            return f"{method} {path}?{query}", {}
        # The match with the most query parameters, then the one with the fewest variable parts in the path.
        _, _, name, parameters = max(matching, key=lambda found: (found[0], -found[1]))
        if service == "route53" and "Id" in parameters:
            parameters["ChangeId" if name == "GetChange" else "HostedZoneId"] = parameters.pop("Id").rpartition("/")[2]
        return name, parameters
