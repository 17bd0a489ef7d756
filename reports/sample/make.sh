#!/bin/sh
# Makes the samples again by two real runs on the lab, and the picture of the README from them.
# The whole run folders stay beside it, out of git. Needs .venv, and Chromium for the picture. In the product's folder:
#     sh reports/sample/make.sh [LAB]
set -eu
lab=${1:-default}
bin=.venv/bin

sample() { # NAME EXPECTED-EXIT-CODE ARGUMENTS...
    name=$1 expected=$2
    shift 2
    rm -rf "reports/sample-$name"
    code=0
    "$bin/multisite-ha" run --lab "$lab" --keep-lab --seed 20 --out "reports/sample-$name" "$@" || code=$?
    [ "$code" -eq "$expected" ] || { echo "$name: exit code $code, expected $expected" >&2; exit 1; }
    mkdir -p "reports/sample/$name"
    for file in report.html results.json junit.xml; do
        cp "reports/sample-$name/$file" "reports/sample/$name/$file"
    done
}

trap '"$bin/multisite-ha" lab down --name "$lab"' EXIT
sample conforming 0 "link is clean"
sample violating 1 stalled --vnf subscriber-db-async
"$bin/python" tests/browser/screenshot.py reports/sample/violating/report.html docs/images/report-timeline.png
