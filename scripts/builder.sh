#!/usr/bin/env bash
# Makes a builder image that holds the buildpack, for `pack build`. Needs Docker; root on Debian for the base images.
set -euo pipefail

scripts=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
case " $* " in
  *" --help "* | *" -h "*) ;;
  *) "$scripts/build.sh" ;;
esac
exec "$scripts/lab.sh" builder "$@"
