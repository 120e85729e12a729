#!/usr/bin/env bash
# Runs the pinned golangci-lint, and shellcheck where it is installed, over the whole repository.
set -euo pipefail

usage() {
  cat <<'USAGE'
Usage: scripts/lint.sh [--fix]

Builds the golangci-lint that tools/lint/go.mod names (a few minutes the first time) into the cache folder and runs it
over the buildpack's module and the tools' module. Where shellcheck is installed the scripts are checked as well.

  --fix   let golangci-lint repair what it can
USAGE
}

arguments=()
while [ $# -gt 0 ]; do
  case $1 in
    --fix) arguments+=(--fix); shift ;;
    -h | --help) usage; exit 0 ;;
    *) echo "lint.sh: unknown argument '$1'; see scripts/lint.sh --help" >&2; exit 1 ;;
  esac
done

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${GO_CNB_CACHE:-${XDG_CACHE_HOME:-${HOME:?set HOME or GO_CNB_CACHE to a directory that may be written}/.cache}/scalingo-go-cnb}
linter=$cache/lint/$(cat "$root/tools/lint/go.sum" <(go version) | cksum | cut -d ' ' -f 1)/golangci-lint
if [ ! -x "$linter" ]; then
  echo "Building golangci-lint into ${linter%/*} (once) ..."
  CGO_ENABLED=0 GOWORK=off GOFLAGS="" go build -C "$root/tools/lint" -trimpath -o "$linter" github.com/golangci/golangci-lint/v2/cmd/golangci-lint
fi

status=0
for module in . tools integration/ci integration/kpack; do
  echo "golangci-lint: $module"
  (cd "$root/$module" && "$linter" run --config "$root/.golangci.yml" "${arguments[@]}" ./...) || status=1
done
if command -v shellcheck >/dev/null; then
  echo "shellcheck: scripts"
  shellcheck "$root"/scripts/*.sh "$root"/.ci/run || status=1
else
  echo "shellcheck is not installed: the scripts were not checked"
fi
exit $status
