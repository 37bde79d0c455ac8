"""The policies, from the states of terraform/bootstrap and terraform after an apply to the emulator.

States and not plans are used, because plans contain unknown ARNs.
"""

import json
import re


class Documents:
    """The policy documents by address, and the roles and resources that they apply to."""

    def __init__(self, folder):
        self.by_address = {}  # address: document
        self.of_role = {}  # role: addresses of its policies
        self.boundary = {}  # role: address of its boundary
        self.trust = {}  # role: address of its trust policy
        self.roles = {}  # GitHub environment: role
        self.resource = {}  # ARN or endpoint: address of the resource's own policy
        for root in ("bootstrap", "private", "default-vpc"):
            self.read(root, json.loads((folder / root / "state.json").read_text()))

    def read(self, root, state):
        root_module = state["values"]["root_module"]
        modules = [root_module, *root_module.get("child_modules", [])]
        resources = [r for module in modules for r in module.get("resources", []) if r["mode"] == "managed"]
        arns = {}
        for r in resources:
            address, kind, values = f"{root} {r['address']}", r["type"], r["values"]
            if kind == "aws_iam_policy":
                self.by_address[address] = json.loads(values["policy"])
                arns[values["arn"]] = address
            elif kind == "aws_iam_role_policy":
                self.by_address[address] = json.loads(values["policy"])
                self.of_role.setdefault(values["role"], []).append(address)
            elif kind == "aws_iam_role":
                self.trust[values["name"]] = f"{address} (trust)"
                trust = self.by_address[self.trust[values["name"]]] = json.loads(values["assume_role_policy"])
                self.roles.update({name: values["name"] for name in re.findall(r":environment:([\w-]+)", json.dumps(trust))})
            elif kind == "aws_vpc_endpoint":
                self.keep(address, f"endpoint {values['service_name'].split('.', 3)[-1]}", values["policy"])
            elif kind == "aws_kms_key":
                self.keep(address, values["arn"], values["policy"])
            elif kind == "aws_s3_bucket_policy":
                self.keep(address, f"arn:aws:s3:::{values['bucket']}", values["policy"])
            elif kind == "aws_sqs_queue_policy":
                self.keep(address, f"arn:aws:sqs:us-east-1:123456789012:{values['queue_url'].rpartition('/')[2]}", values["policy"])
            elif kind == "aws_sns_topic_policy":
                self.keep(address, values["arn"], values["policy"])
        self.arns = {**getattr(self, "arns", {}), **arns}
        for r in resources:
            values = r["values"]
            if r["type"] == "aws_iam_role_policy_attachment":
                self.of_role.setdefault(values["role"], []).append(arns[values["policy_arn"]])
            if r["type"] == "aws_iam_role" and values.get("permissions_boundary"):
                self.boundary[values["name"]] = self.arns[values["permissions_boundary"]]

    def keep(self, address, resource, policy):
        self.by_address[address] = json.loads(policy)
        self.resource[resource] = address
