#!/bin/sh
# One job of a pipeline: the app with two web processes, and its tests once all of it is ready.
set -eu
cd "$(dirname "$0")"
[ $# -gt 0 ] || set -- node test.js
exec tw-run with --port "${PORTS:-auto}" --port-step 10 --formation web=2 \
  --timeout "${TIME_LIMIT:-5m}" --report report.json --junit junit.xml -- "$@"
