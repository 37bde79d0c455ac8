"""Draws arch_diagram.png: a request's way, and what stands around it. Run by `make diagram`.

`--dot` prints the graph and writes no file. The test compares it with architecture.dot, because the
bytes of a picture differ between versions of graphviz and the graph does not.
"""

import re
import sys

from diagrams import Cluster, Diagram, Edge
from diagrams.aws.compute import EC2ContainerRegistry
from diagrams.aws.general import Users
from diagrams.aws.management import CloudwatchAlarm, CloudwatchLogs, SystemsManagerParameterStore
from diagrams.aws.network import ElbApplicationLoadBalancer, Endpoint
from diagrams.aws.security import IAMRole
from diagrams.onprem.ci import GithubActions
from diagrams.onprem.network import Nginx
from diagrams.programming.language import Rust

INK = "#232f3e"
REQUEST = "#c7511f"  # the way of a request, the one thick line
SECRET = "#b0084d"
WATCH = "#067f68"
DEPLOY = "#4d27aa"
FONT = "Helvetica"
SIZE = "24"  # readable when the picture is scaled to the width of a README


def icon(kind, label):
    lines = label.count("\n") + 1
    return kind(label, nodeid=re.sub(r"\W+", "-", label), width="1.5", height=str(1.55 + 0.37 * lines), imagepos="tc", fontsize=SIZE, fontname=FONT, fontcolor=INK)


def edge(label="", color=INK, style="solid", width="2", **more):
    return Edge(label=label, color=color, style=style, penwidth=width, fontcolor=color, fontname=FONT, fontsize=SIZE, **more)


def box(name, color):
    look = {"bgcolor": color, "pencolor": "#aab7c4", "fontname": FONT, "fontsize": "26", "fontcolor": INK, "margin": "38", "penwidth": "1.5"}
    return Cluster(name, graph_attr=look)


class Architecture(Diagram):
    """The library draws when the `with` block ends, and leaves its source file behind without graphviz."""

    def __exit__(self, *error):
        if "--dot" not in sys.argv:
            super().__exit__(*error)
        elif error[0] is None:
            # Icons come from wherever the library is installed.
            print(re.sub(r'image="[^"]*/resources/', 'image="', self.dot.source))


GRAPH = {
    # A ground of its own: the picture reads the same on a light page and on a dark one.
    "bgcolor": "#ffffff",
    "fontname": FONT,
    "pad": "0.6",
    "nodesep": "0.45",
    "ranksep": "1.45",
    "ordering": "out",  # of what leaves one thing, the first stands at the top
    "compound": "true",
    "splines": "spline",
    "dpi": "96",
}
NEAR = {"constraint": "false"}  # two things of one box, one below the other

with Architecture("", filename="arch_diagram", show=False, direction="LR", graph_attr=GRAPH):
    callers = icon(Users, "callers\nX-Api-Key")

    with box("AWS account", "#f7f9fb"):
        with box("VPC: two zones, no way out to the internet", "#eef5ee"):
            balancer = icon(ElbApplicationLoadBalancer, "load balancer\nends TLS")
            with box("ECS task on Fargate (two or more)", "#fff6e5") as task:
                nginx = icon(Nginx, "nginx :8081\nkeys, limits")
                api = icon(Rust, "API :8080\nthe exact sum")
            endpoints = icon(Endpoint, "VPC endpoints")

        with box("Secrets", "#fbeef3"):
            parameter = icon(SystemsManagerParameterStore, "keys in SSM\nunder KMS")

        with box("Watching", "#e9f6f3"):
            logs = icon(CloudwatchLogs, "logs, metrics")
            alarms = icon(CloudwatchAlarm, "alarms: page,\nnotify, runbook")

        with box("Images", "#f0edf9"):
            registry = icon(EC2ContainerRegistry, "ECR")

    with box("Pipeline, without stored credentials", "#f0edf9"):
        pipeline = icon(GithubActions, "build, sign,\nreview")
        role = icon(IAMRole, "roles\nby OIDC")

    callers >> edge("HTTPS", REQUEST, width="5") >> balancer
    balancer >> edge("HTTP", REQUEST, width="5") >> nginx
    nginx >> edge("loopback", REQUEST, width="5") >> api

    api >> edge(style="dashed") >> endpoints
    endpoints >> edge("at start", SECRET, style="dashed", headport="w", tailport="e") >> parameter
    endpoints >> edge("JSON lines", WATCH, headport="w", tailport="e") >> logs
    endpoints >> Edge(style="invis") >> alarms
    pipeline >> Edge(style="invis") >> balancer
    endpoints >> edge("pull", DEPLOY, style="dashed", headport="w", tailport="e") >> registry
    logs >> edge(color=WATCH, **NEAR) >> alarms

    pipeline >> edge(color=DEPLOY, weight="9") >> role
    role >> edge("push, by digest", DEPLOY) >> registry
    role >> edge("apply", DEPLOY, lhead=task.name, **NEAR) >> nginx
