"""Print one JSON line per test of the subunit v2 stream on stdin; runs in tempest's environment."""

import json
import sys

import subunit
import testtools


def outcome(test):
    started, ended = test["timestamps"]
    seconds = (ended - started).total_seconds() if started and ended else 0.0
    texts = {
        name: content.as_text() for name, content in test["details"].items() if content.content_type.type == "text"
    }
    detail = (
        texts.get("reason")
        or texts.get("traceback")
        or next((text for name, text in texts.items() if name.startswith("traceback")), "")
    )
    print(json.dumps({"test": test["id"], "status": test["status"], "seconds": round(seconds, 3), "detail": detail}))


def main():
    result = testtools.StreamToDict(outcome)
    result.startTestRun()
    subunit.ByteStreamToStreamResult(sys.stdin.buffer, non_subunit_name="stdout").run(result)
    result.stopTestRun()


main()
