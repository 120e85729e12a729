#!/usr/bin/env bash
# Makes sure that a Docker Engine answers; --stop ends one that this script started.
set -euo pipefail

exec "$(dirname "${BASH_SOURCE[0]}")/lab.sh" docker "$@"
