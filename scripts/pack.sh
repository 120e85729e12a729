#!/usr/bin/env bash
# Builds an app with pack and the builder image of scripts/builder.sh.
set -euo pipefail

exec "$(dirname "${BASH_SOURCE[0]}")/lab.sh" pack "$@"
