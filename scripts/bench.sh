#!/usr/bin/env bash
# Measures builds and prints the figures that the documentation gives; `bench.sh detect` measures detection, `bench.sh launch`
# what a process waits for before it starts. Options: --help.
set -euo pipefail

scripts=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
case " $* " in
  " show "* | *" --help "* | *" -h "* | *" --buildpack"*) ;; # nothing that has to be built is measured
  *) "$scripts/build.sh" >&2 ;;
esac
exec "$scripts/lab.sh" bench "$@"
