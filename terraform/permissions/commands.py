"""The calls of people and workflows, from the commands in the workflows, in their scripts and in the runbook.

The commands are read from these files, so new commands need no list. `aws SERVICE COMMAND` contains the name of the call. The
other commands (docker push, gh attestation verify) are in data/commands.json. A value from the shell becomes `*`, and then some
resource of that kind must be allowed.
"""

import re
import shlex

import yaml

from authorization import data, definition, kinds, overlap
from needed import Call
from resources import named

TABLE = data("commands.json")
SERVICES = {"elbv2": "elasticloadbalancing", "s3api": "s3", "service-quotas": "servicequotas"}
ACCOUNT, REGION = "123456789012", "us-east-1"


def jobs(root):
    """The jobs of the workflows that have a GitHub environment: (workflow file, environment, commands)."""
    for path in sorted((root / ".github/workflows").glob("*.yml")):
        for job in yaml.safe_load(path.read_text()).get("jobs", {}).values():
            environment = job.get("environment")
            name = environment.get("name") if isinstance(environment, dict) else environment
            # If an input gives the environment, production represents all of them.
            if name and name.startswith("${{"):
                name = "plan" if "'plan'" in name else "production"
            if name:
                yield path.name, name, "\n".join(f"uses: {step['uses']}" if "uses" in step else step.get("run", "") for step in job["steps"])


def of_workflows(root, roles):
    """The calls of each job, with the role that its environment can assume."""
    for file, environment, text in jobs(root):
        role = roles.get(environment)
        if role:
            yield from calls(expand(root, text), role.removeprefix("sum-api-"), file)


def of_runbook(root):
    """The commands of the runbook. The role of the engineer on call must allow all of them."""
    text = (root / "docs/runbook.md").read_text()
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.M | re.S)
    inline = re.findall(r"`((?:[^`\n]|\n(?!\n))+)`", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S))
    yield from calls("\n".join(blocks + [code.replace("\n", " ") for code in inline]), "on-call", "docs/runbook.md")


def of_programs(root):
    """Checks that data/others.json has every AWS operation of `ops release` and `ops key`, with the roles that run it. In a workflow,
    `ops deploy` calls the operations of `ops release`. Its other calls run with the rights of the person at the terminal."""
    listed = {action.partition(":")[2].lower() for entry in data("others.json") for action in entry["actions"]}
    for path in sorted(path for command in ("release", "key") for path in (root / "ops/src" / command).glob("*.rs")):
        for operation in re.findall(r'"((?:batch|describe|get|list|put|start|stop|update)-[a-z-]+)"', path.read_text()):
            if operation.replace("-", "") not in listed:
                raise SystemExit(f"{path.relative_to(root)} calls {operation}: add it to data/others.json with the roles that run it")


def expand(root, text, seen=None):
    """The text and the scripts of this repository that it calls: the function cmd_NAME with all functions that it uses, or the whole
    script."""
    seen = set() if seen is None else seen
    parts = [text]
    for script, command in re.findall(r"(?:^|[\s(])(scripts/[\w-]+(?:\.sh)?)(?:[ \t]+([a-z-]+))?", text):
        if (script, command) in seen or not (root / script).is_file():
            continue
        seen.add((script, command))
        source = (root / script).read_text()
        functions = dict(re.findall(r"^(\w[\w-]*)\(\) \{(?:[ \t]*#[^\n]*)?\n(.*?)^\}", source, re.M | re.S))
        functions.update(re.findall(r"^(\w[\w-]*)\(\) \{(.*)\}$", source, re.M))
        start = f"cmd_{command}"
        parts.append(expand(root, reachable(start, functions) if start in functions else source, seen))
    for command in re.findall(r"\bcargo ops release ([a-z]+)", text):
        parts.append(of_release(root, command))
    for target in re.findall(r"\bmake ([a-z-]+)", text):
        recipe = re.search(rf"^{target}:.*\n((?:\t.*\n)+)", (root / "Makefile").read_text(), re.M)
        if recipe and target not in seen:
            seen.add(target)
            parts.append(expand(root, recipe[1].replace("@", "").replace("$(OPS)", "cargo ops"), seen))
    return "\n".join(parts)


def of_release(root, command):
    """The commands of `ops release COMMAND`, one per line: from the function or the `impl` with this name, or from its file."""
    files = {path.stem: path.read_text() for path in (root / "ops/src/release").glob("*.rs")}
    item = rf"^(?:pub(?:\(\w+\))? fn {command}\(|impl {command.title()} \{{).*?^\}}"
    found = [match[0] for text in files.values() for match in re.finditer(item, text, re.M | re.S)] or [files.get(command, "")]
    source = "\n".join(found)
    if not source:
        raise SystemExit(f"ops release {command}: not found in ops/src/release")
    lines = re.findall(r'\bcommand\(\s*"([^"]+)"', source)
    for array in re.findall(r'\[\s*("[a-z0-9]+",\s*"[a-z-]+"[^\]]*)\]', source):
        words = [word.strip() for word in array.split(",") if word.strip()]
        lines.append(" ".join(["aws", *(word.strip('"') if word.startswith('"') else "$value" for word in words)]))
    return "\n".join(lines)


def reachable(name, functions):
    """The bodies of a function and of every function that it calls."""
    found, todo = {}, [name]
    while todo:
        each = todo.pop()
        if each not in found:
            found[each] = functions[each]
            todo += [other for other in functions if re.search(rf"\b{re.escape(other)}\b", functions[each])]
    return "\n".join(found.values())


def calls(text, who, origin):
    for beginning, entry in TABLE["commands"].items():
        if not beginning.startswith("aws ") and beginning in text:
            for action in [*TABLE.get(str(entry["actions"]), entry["actions"]), *entry.get("with", [])]:
                yield Call(who, action, pattern_of(action, []), f"{origin}: {beginning}", region(), not kinds(action))
    for service, command, words in commands(text):
        entry = TABLE["commands"].get(f"aws {service} {command}")
        service = SERVICES.get(service.partition(" ")[0], service.partition(" ")[0])
        for action in entry["actions"] if entry else [action_of(service, command)]:
            given = options(words)
            arns = named(service, action.partition(":")[2], given, REGION, ACCOUNT)
            # Some options are also condition keys, under their own name: application-autoscaling:service-namespace.
            context = {**region(), **{f"{service}:{name}": value for name, value in given.items()}}
            yield Call(who, action, pattern_of(action, arns), f"{origin}: aws {service} {command}", context, not kinds(action))


def region():
    return {"aws:RequestedRegion": REGION}


def pattern_of(action, arns):
    """The resource of the command: the one that it names, or any resource of the kind that the action needs."""
    known = kinds(action)
    if not known:
        return "*"
    fitting = [arn for arn in arns if any(overlap(pattern, arn) for pattern, _ in known.values())]
    return max(fitting, key=len) if fitting else sorted(known.values(), key=lambda row: not row[1])[0][0]


def commands(text):
    """Yields every `aws SERVICE COMMAND` and the words after it, up to the end of that command. `aws SERVICE wait` counts as a
    service."""
    text = text.replace("\\\n", " ")
    for match in re.finditer(r"\baws ([a-z0-9][a-z0-9-]*(?: wait)?) ([a-z][a-z0-9-]*)", text):
        lexer = shlex.shlex(text[match.end() :].partition("\n")[0], posix=True, punctuation_chars=True)
        lexer.commenters, lexer.whitespace_split = "", True
        words = []
        try:
            for word in lexer:
                if set(word) <= set("();<>|&"):
                    break
                words.append(word)
        except ValueError:  # a quote that began before the command
            pass
        yield match[1], match[2], words


def options(words):
    """--log-group-name X becomes {"log-group-name": X}. A value from the shell becomes `*`."""
    words = [re.sub(r"\$(\{[^}]*\}|\([^)]*\)?|\w+)", "*", word) for word in words]
    found = {"Bucket": word[5:].partition("/")[0] for word in words if word.startswith("s3://")}
    for name, value in zip(words, [*words[1:], ""]):
        if name.startswith("--") and value and not value.startswith("--"):
            found[name[2:]] = value
    return found


def action_of(service, command):
    found = definition(f"{service}:{command.replace('-', '')}")
    if found is None:
        raise SystemExit(f"aws {service} {command}: AWS's reference has no such action; add it to data/commands.json")
    return f"{service}:{found['privilege']}"
