"""testapi.json: the record that OPNFV's result database (TestAPI) takes, one per run.

``criteria`` is PASS or FAIL there; what is neither proven nor disproven is no PASS, and ``details`` say which it was.
Where it ran comes from the variables that OPNFV's jobs set.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from conformance.model import Status
from conformance.report.formats.base import Document, JudgedRun
from conformance.report.formats.results import figures
from conformance.report.formats.times import run_span

PROJECT = "multisite-ha"


def render(run: JudgedRun) -> Document:
    """testapi.json."""
    return Document(json.dumps(record(run, os.environ), indent=1, allow_nan=False) + "\n")


def record(run: JudgedRun, environment: Mapping[str, str]) -> dict[str, Any]:
    """The record as plain values. Instants are ``YYYY-MM-DD HH:MM:SS`` in UTC, as TestAPI wants them."""
    begin, end = run_span(run)
    tag = environment.get("BUILD_TAG", "none")
    return {
        "project_name": PROJECT,
        "case_name": run.result.info.profile,
        "installer": environment.get("INSTALLER_TYPE", "unknown"),
        "scenario": environment.get("DEPLOY_SCENARIO", "unknown"),
        "pod_name": environment.get("NODE_NAME", "unknown"),
        "version": version_of(tag),
        "build_tag": tag,
        "criteria": "PASS" if run.result.verdict is Status.PASS else "FAIL",
        "start_date": begin.strftime("%Y-%m-%d %H:%M:%S"),
        "stop_date": end.strftime("%Y-%m-%d %H:%M:%S"),
        "details": details(run),
    }


def details(run: JudgedRun) -> dict[str, Any]:
    """What a reader of the database wants beside the word: verdict and figures of every requirement judged."""
    result = run.result
    return {
        "run_id": result.info.run_id,
        "verdict": str(result.verdict),
        "exit_code": result.exit_code,
        "finished": result.finished,
        "notes": list(result.notes),
        "vnf": result.info.vnf,
        "scheme": result.info.scheme,
        "seed": result.info.seed,
        "product_version": result.info.product_version,
        "requirements": {
            r.id: {
                "verdict": str(r.verdict),
                "reason": r.reason,
                "figures": figures(r.figures),
                **({} if r.waiver is None else {"waiver": asdict(r.waiver)}),
            }
            for r in result.requirements
        },
        "scenarios": {
            s.info.id: {"name": s.info.name, "verdict": str(s.status), "error": s.error} for s in result.scenarios
        },
    }


def version_of(build_tag: str) -> str:
    """The release in an OPNFV build tag (jenkins-JOB-daily-RELEASE-N), found as xtesting finds it."""
    found = re.search(r"(dai|week)ly-(.+?)-[0-9]*", build_tag)
    return found[2] if found else "unknown"
