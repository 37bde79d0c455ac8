"""Draws arch_diagram.png: the path of a request through one service, and what the services share.

Run it with `make diagram`. The icons come from the package `diagrams`. The layout is fixed by hand: a layout
engine spreads these twelve things over twice the area, and cannot place one service in front of another.
"""

import sys
from importlib.resources import files

from PIL import Image, ImageDraw, ImageFont

SIZE = (1600, 720)
SCALE = 4  # drawn larger and reduced at the end: Pillow draws lines without antialiasing
INK, GREY = "#232f3e", "#8a97a5"
REQUEST, DEPLOY, SECRET, LOG = "#c7511f", "#4d27aa", "#b0084d", "#067f68"

picture = Image.new("RGB", tuple(SCALE * n for n in SIZE), "#ffffff")
pen = ImageDraw.Draw(picture)


def text(x, y, words, size=28, color=INK, anchor="mm"):
    for line in words.split("\n"):
        pen.text((SCALE * x, SCALE * y), line, color, ImageFont.load_default(SCALE * size), anchor)
        y += size * 1.15


def box(left, top, right, bottom, fill, title="", line="#aab7c4", size=28):
    pen.rounded_rectangle([SCALE * n for n in (left, top, right, bottom)], SCALE * 14, fill, line, 2 * SCALE)
    text(left + 16, top + 24, title, size, anchor="lm")


def icon(x, y, path, label, size=96):
    image = Image.open(files("resources") / path).convert("RGBA").resize((SCALE * size, SCALE * size))
    picture.paste(image, (round(SCALE * (x - size / 2)), round(SCALE * (y - size / 2))), image)
    text(x, y + size / 2 + 20, label)


def arrow(points, color, label="", at=(0, 0), width=3, dashed=False):
    """A line along `points`, which runs along the axes, with a head at its end."""
    for (x0, y0), (x1, y1) in zip(points, points[1:]):
        length = abs(x1 - x0) + abs(y1 - y0)
        dx, dy = (x1 - x0) / length, (y1 - y0) / length
        step = 14 if dashed else length
        for start in range(0, int(length), int(step * 2 if dashed else step)):
            end = min(start + step, length)
            pen.line([SCALE * n for n in (x0 + dx * start, y0 + dy * start, x0 + dx * end, y0 + dy * end)], color, SCALE * width)
    tip, back, side = 0, 18, 7 + width
    corners = [(tip, 0), (-back, side), (-back, -side)]
    pen.polygon([(SCALE * (x1 + dx * along - dy * across), SCALE * (y1 + dy * along + dx * across)) for along, across in corners], color)
    text(*at, label, 26, color)


box(228, 20, 1580, 700, "#f7f9fb", "AWS account: one environment, one Terraform state")
box(252, 72, 1214, 676, "#eef5ee", "VPC in two zones, tasks without a route to the internet")

# The services, one behind the other.
box(332, 128, 1100, 450, "#f3f4f5", "", GREY)
box(304, 160, 1072, 500, "#fafafa", "the next service:  make service NAME=orders", GREY)
box(276, 212, 1044, 650, "#ffffff", "sum:  services/sum/openapi.json, one module block")
box(490, 264, 1020, 546, "#fff6e5", "ECS task on Fargate, two or more")
icon(380, 380, "aws/network/elb-application-load-balancer.png", "load balancer\nends TLS")
icon(622, 380, "onprem/network/nginx.png", "sidecar :8081\nkeys, limits")
icon(906, 380, "programming/language/rust.png", "service :8080\nits operations")
text(660, 598, "with its own alarms, dashboard, roles and scaling", 28)
icon(1140, 380, "aws/network/endpoint.png", "VPC\nendpoints", 84)

box(1316, 72, 1556, 676, "#f0edf9", "for all services")
icon(1436, 176, "aws/management/cloudwatch-alarm.png", "logs, metrics,\nalarms")
icon(1436, 380, "aws/management/systems-manager-parameter-store.png", "keys in SSM\nunder KMS")
icon(1436, 574, "aws/compute/ec2-container-registry.png", "images in ECR")

icon(112, 380, "aws/general/users.png", "callers")
icon(112, 560, "onprem/ci/github-actions.png", "pipeline\nby OIDC")

arrow([(168, 380), (328, 380)], REQUEST, "HTTPS", (248, 352), 6)
arrow([(432, 380), (570, 380)], REQUEST, "HTTP", (530, 352), 6)
arrow([(674, 380), (854, 380)], REQUEST, "loopback", (764, 352), 6)
arrow([(962, 380), (1094, 380)], INK, dashed=True)
arrow([(1186, 368), (1244, 368), (1244, 176), (1380, 176)], LOG, "JSON", (1264, 148))
arrow([(1190, 380), (1380, 380)], SECRET, "read", (1284, 354), dashed=True)
arrow([(1186, 392), (1244, 392), (1244, 574), (1380, 574)], DEPLOY, "pull", (1264, 602), dashed=True)
arrow([(168, 560), (228, 560)], DEPLOY, "apply", (190, 532))
picture.resize(SIZE, Image.Resampling.LANCZOS).quantize().save(sys.argv[1] if len(sys.argv) > 1 else "arch_diagram.png", optimize=True)
