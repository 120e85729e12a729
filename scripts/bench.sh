#!/usr/bin/env bash
# Measures the figures that the documentation gives, as medians and beside something well known. Options: --help.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
scripts/build.sh >&2
exec go run ./scripts/bench "$@"
