"""python terraform/permissions FOLDER [seeds]

Compares the rights of every role, boundary and resource policy with the calls that Terraform made in the emulator and with those of
a newer provider, the workflows, the runbook, the tasks and AWS's services. FOLDER is the output of `cargo xtask terraform prove`: a
state of both roots and the recorded calls. With `seeds`, it plants the defects of seeds.json one by one and checks that each is
found. The last line has the counts. The exit code is 1 if there is a finding.
"""

import copy
import json
import os
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "terraform/emulator"))  # resources.py converts names to ARNs
os.environ.setdefault("SENTRY_DISABLE_UPDATE", "1")

import commands  # noqa: E402
import github  # noqa: E402
import needed  # noqa: E402
from documents import Documents  # noqa: E402
from report import lint, refused  # noqa: E402

NETWORKS = ("private", "default-vpc")


def all_calls(folder, documents):
    keys = {f"key:{root}": arn for arn, address in documents.resource.items() for root in ("bootstrap", *NETWORKS) if address.startswith(f"{root} ") and arn.startswith("arn:aws:kms:")}
    sources = {f"Terraform, {network}": list(needed.Recording(folder / network / "calls", network).calls()) for network in NETWORKS}
    sources["AWS's services, tasks, the backend, a newer provider"] = list(needed.others(documents, keys))
    commands.of_programs(ROOT)
    sources["workflows"] = list(commands.of_workflows(ROOT, documents.roles))
    sources["runbook"] = list(commands.of_runbook(ROOT))
    sources["GitHub's tokens"] = list(github.tokens(ROOT, documents.roles))
    for name, calls in sources.items():
        if not calls:
            raise SystemExit(f"{name}: no call was found")
    return sources


def findings(documents, calls):
    return [*lint(documents), *refused(documents, calls)]


def distinct(sources):
    """The different calls of all sources."""
    calls = [call for each in sources.values() for call in each]
    return list({(c.who, c.action, c.resource, str(c.context), c.certain, c.endpoint): c for c in reversed(calls)}.values())[::-1]


def report(folder):
    documents = Documents(folder)
    sources = all_calls(folder, documents)
    for name, calls in sources.items():
        print(f"  {len(calls):5} calls, {len({(c.who, c.action) for c in calls}):4} rights  {name}")
    print(f"  {len(documents.by_address):5} policy documents")
    calls = distinct(sources)
    found = findings(documents, calls)
    for finding in found:
        print(finding)
    rights = {(c.who, c.action) for c in calls}
    print(f"{len(rights) + len(documents.by_address)} passed, 0 failed" if not found else f"0 passed, {len(found)} failed")
    return not found


def seeds(folder):
    """Plants each defect alone in documents that have no finding without it."""
    good = Documents(folder)
    calls = distinct(all_calls(folder, good))
    cases, failed = json.loads((Path(__file__).parent / "seeds.json").read_text()), 0
    for case in cases:
        bad = copy.deepcopy(good)
        plant(bad, case)
        found = [str(each) for each in findings(bad, calls)]
        if not any(case["finds"] in each for each in found):
            failed += 1
            print(f"FAILED  {case['defect']}: expected {case['finds']!r}, found {found[:3]}")
    print(f"{len(cases) - failed} passed, {failed} failed")
    return not failed


def plant(documents, case):
    """Edits the text of one document. The edit must change it."""
    address = case["document"]
    good = json.dumps(documents.by_address[address])
    bad = good.replace(case["replace"], case["by"])
    if bad == good:
        raise SystemExit(f"{case['defect']}: {address} does not contain {case['replace']!r}")
    documents.by_address[address] = json.loads(bad)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(not (seeds if sys.argv[2:] == ["seeds"] else report)(Path(sys.argv[1])))
