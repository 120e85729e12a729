#!/usr/bin/env bash
# Builds an app with the buildpack and the real lifecycle, without Docker, starts it and asks it for a page.
set -euo pipefail

scripts=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
for argument in "$@"; do
  case $argument in
    --) break ;;
    -h | --help) exec "$scripts/lab.sh" demo --help ;;
  esac
done
"$scripts/build.sh"
exec "$scripts/lab.sh" demo "$@"
