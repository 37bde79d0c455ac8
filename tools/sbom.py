"""Writes the CycloneDX bill of materials of one image, and validates it.

    sbom.py NAME VERSION OUTPUT [--crates TREE LOCK] [--dpkg FOLDER | --apk INSTALLED]

TREE is the output of `cargo tree --format '{p}|{l}'`: the linked crates, for one target and the selected
features. LOCK is Cargo.lock, which has the checksums. FOLDER and INSTALLED are the package databases of
the image: /var/lib/dpkg/status.d and /lib/apk/db/installed.
"""

import argparse
import pathlib
import sys
import tomllib
import uuid

from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import LicenseExpression
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL


def component(kind, name, version, license_text="", checksum="", **qualifiers):
    namespace = {"deb": "debian", "apk": "alpine"}.get(kind)
    purl = PackageURL(kind, namespace, name, version, qualifiers or None)
    return Component(
        type=ComponentType.LIBRARY,
        name=name,
        version=version,
        purl=purl,
        bom_ref=str(purl),
        licenses=[LicenseExpression(license_text)] if license_text else [],
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=checksum)] if checksum else [],
    )


def crates(tree, lock):
    with open(lock, "rb") as file:
        checksums = {(entry["name"], entry["version"]): entry.get("checksum", "") for entry in tomllib.load(file)["package"]}
    seen = set()
    for line in pathlib.Path(tree).read_text().splitlines():
        package, _, license_text = line.removesuffix(" (*)").partition("|")
        name, version = package.split()[:2]
        version = version.removeprefix("v")
        if (name, version) not in seen and checksums.get((name, version)):
            seen.add((name, version))
            # Old crates use "/" for "or": "MIT/Apache-2.0".
            yield component("cargo", name, version, license_text.replace("/", " OR "), checksums[name, version])


def fields(text, separator):
    return dict(line.split(separator, 1) for line in text.splitlines() if separator in line and not line.startswith(" "))


def dpkg(folder):
    for file in sorted(pathlib.Path(folder).iterdir()):
        entry = fields(file.read_text(), ": ")
        yield component("deb", entry["Package"], entry["Version"], arch=entry["Architecture"])


def apk(installed):
    for paragraph in pathlib.Path(installed).read_text().strip().split("\n\n"):
        entry = fields(paragraph, ":")
        yield component("apk", entry["P"], entry["V"], arch=entry["A"])


def main():
    parser = argparse.ArgumentParser()
    for name in ("name", "version", "output"):
        parser.add_argument(name)
    parser.add_argument("--crates", nargs=2, default=())
    parser.add_argument("--dpkg")
    parser.add_argument("--apk")
    given = parser.parse_args()

    found = list(crates(*given.crates)) if given.crates else []
    found += dpkg(given.dpkg) if given.dpkg else []
    found += apk(given.apk) if given.apk else []
    if not found:
        sys.exit("no components were found: give --crates, --dpkg or --apk")

    bom = Bom(components=found)
    bom.metadata.component = Component(type=ComponentType.CONTAINER, name=given.name, version=given.version, bom_ref=given.name)
    bom.register_dependency(bom.metadata.component, found)
    # The same components give the same file: it contains no time and no random number.
    bom.serial_number = uuid.uuid5(uuid.NAMESPACE_URL, "\n".join(sorted(part.bom_ref.value for part in found)))
    bom.metadata.timestamp = None
    text = JsonV1Dot6(bom).output_as_string(indent=1)
    problem = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    if problem:
        sys.exit(f"not CycloneDX 1.6: {problem}")
    pathlib.Path(given.output).write_text(text + "\n")
    print(f"{given.output}: {len(found)} components")


main()
