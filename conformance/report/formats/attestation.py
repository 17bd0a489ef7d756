"""attestation.json: an in-toto statement with the predicate test-result, about the record that was judged.

Its subject is the record, not the reports: the SHA-256 over what ``sha256sum`` prints for every file of it, sorted by
name, which in-toto calls a dirHash. It is unsigned; the signature of an evidence bundle covers it, and so can cosign's.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from conformance.model import Status
from conformance.report.formats import is_report
from conformance.report.formats.base import Document, JudgedRun
from conformance.report.manifest import entries

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://in-toto.io/attestation/test-result/v0.1"
# The predicate has three words, and WARNED means passed. So doubt and trouble are FAILED; annotations say which.
_RESULTS = {
    Status.PASS: "PASSED",
    Status.FAIL: "FAILED",
    Status.INCONCLUSIVE: "FAILED",
    Status.ERROR: "FAILED",
    Status.NOT_APPLICABLE: "WARNED",
    Status.NOT_TESTED: "FAILED",
}


def render(run: JudgedRun) -> Document:
    """attestation.json."""
    return Document(json.dumps(statement(run), indent=1) + "\n")


def statement(run: JudgedRun) -> dict[str, Any]:
    """The statement as plain values. Requirements that nothing tested are in none of its lists."""
    info = run.result.info
    hashes = {name: entry["sha256"] for name, entry in entries(run.folder).items() if not is_report(name)}
    lines = "".join(f"{digest}  {name}\n" for name, digest in sorted(hashes.items()))
    tests: dict[str, list[str]] = {"PASSED": [], "WARNED": [], "FAILED": []}
    for requirement in run.result.requirements:
        if requirement.verdict is not Status.NOT_TESTED:
            tests[_RESULTS[requirement.verdict]].append(requirement.id)
    return {
        "_type": STATEMENT,
        "subject": [{"name": info.run_id, "digest": {"dirHash": hashlib.sha256(lines.encode()).hexdigest()}}],
        "predicateType": PREDICATE,
        "predicate": {
            "result": _RESULTS[run.result.verdict],
            "configuration": [
                {
                    "name": name,
                    "digest": {"sha256": hashes[name]},
                    "annotations": {"profile": info.profile, "vnf": info.vnf, "verdict": str(run.result.verdict)},
                }
                for name in ("run.json", "plan.json")
                if name in hashes
            ],
            "passedTests": tests["PASSED"],
            "warnedTests": tests["WARNED"],
            "failedTests": tests["FAILED"],
        },
    }
