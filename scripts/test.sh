#!/usr/bin/env bash
# Runs the tests and says at the end what was skipped, and why.
set -euo pipefail

usage() {
  cat <<'USAGE'
Usage: scripts/test.sh [--unit]

Runs all tests: those beside the code, those of the tools, and those in integration/, which run the buildpack under the
real lifecycle and, where a Docker Engine answers, under pack. What cannot run on this machine is skipped and listed at
the end with the reason. Needs Go and git; as root on Debian, scripts/docker.sh starts a Docker Engine first.

  --unit   only the quick tests: no lifecycle, no pack, no downloads
USAGE
}

unit=""
while [ $# -gt 0 ]; do
  case $1 in
    --unit) unit=yes; shift ;;
    -h | --help) usage; exit 0 ;;
    *) echo "test.sh: unknown argument '$1'; see scripts/test.sh --help" >&2; exit 1 ;;
  esac
done

command -v go >/dev/null || { echo "test.sh: no 'go' on the PATH: install Go (the version in go.mod or newer) and try again" >&2; exit 1; }
command -v git >/dev/null || { echo "test.sh: no 'git' on the PATH: install it (apt-get install git) and try again" >&2; exit 1; }

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${GO_CNB_CACHE:-${XDG_CACHE_HOME:-${HOME:?set HOME or GO_CNB_CACHE to a directory that may be written}/.cache}/scalingo-go-cnb}
export GOWORK=off GOFLAGS=""
gotestsum=$cache/test/gotestsum
go build -C "$root/tools" -o "$gotestsum" gotest.tools/gotestsum

status=0
run() { # run DIRECTORY FORMAT ARGUMENTS: go test ARGUMENTS in DIRECTORY
  local dir=$1 format=$2
  shift 2
  (cd "$dir" && "$gotestsum" --format "$format" -- "$@") || status=1
}

cd "$root"
if [ -n "$unit" ]; then
  run . pkgname-and-test-fails -short ./cmd/... ./go/... ./scripts/... ./integration
  exit $status
fi
run . pkgname-and-test-fails -timeout 20m ./cmd/... ./go/... ./scripts/...
run tools pkgname-and-test-fails -timeout 20m ./...
run samples/hello pkgname-and-test-fails ./...
# Go would take an earlier result for this one: it does not see that the tests run the buildpack.
run . testname -count=1 -parallel 3 -timeout 80m ./integration
run integration/ci testname -count=1 -timeout 20m ./...
run integration/kpack testname -count=1 -timeout 30m ./...
if ! docker info >/dev/null 2>&1; then
  echo "NOT TESTED: pack, since no Docker Engine answers here. As root on Debian, scripts/docker.sh starts one."
fi
exit $status
