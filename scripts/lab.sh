#!/usr/bin/env bash
# Runs the lab, the program behind the other scripts: builds and runs apps with the real lifecycle.
set -euo pipefail

command -v go >/dev/null || {
  echo "lab.sh: no 'go' on the PATH: install Go (the version in tools/go.mod or newer) and try again" >&2
  exit 1
}

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${GO_CNB_CACHE:-${XDG_CACHE_HOME:-${HOME:?set HOME or GO_CNB_CACHE to a directory that may be written}/.cache}/scalingo-go-cnb}
case $cache in
  /*) ;;
  *) cache=$PWD/$cache ;;
esac

# One binary per work tree: two clones of different age may share the cache folder.
lab=$cache/lab/$(printf %s "$root" | cksum | cut -d ' ' -f 1)/lab
CGO_ENABLED=0 GOWORK=off GOFLAGS="" go build -C "$root/tools" -trimpath -buildvcs=false -o "$lab" ./lab

export GO_CNB_ROOT=$root GO_CNB_CACHE=$cache
exec "$lab" "$@"
