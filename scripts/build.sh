#!/usr/bin/env bash
# Leaves a complete buildpack directory, ready for a builder, for `pack buildpack package` or for lab.
set -euo pipefail

usage() {
  cat <<'USAGE'
Usage: scripts/build.sh [--target linux/amd64|linux/arm64] [--output DIR]

Builds the buildpack into a directory of its own: buildpack.toml, LICENSE, README.md,
bin/main (the program), bin/detect and bin/build (links to it), and bin/helper where there is a cmd/helper.
The same sources and the same Go give the same bytes.

  --target OS/ARCH   what to build for; default: linux and this machine's architecture
  --output DIR       where to; default: build/buildpack for this machine's architecture,
                     build/buildpack-ARCH for another one
USAGE
}

die() {
  echo "build.sh: $*" >&2
  exit 1
}

umask 022 # modes are part of what others package

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
target=""
output=""
while [ $# -gt 0 ]; do
  case $1 in
    --target) [ $# -ge 2 ] || die "--target needs a value, for instance linux/amd64"; target=$2; shift 2 ;;
    --target=*) target=${1#*=}; shift ;;
    --output) [ $# -ge 2 ] || die "--output needs a directory"; output=$2; shift 2 ;;
    --output=*) output=${1#*=}; shift ;;
    -h | --help) usage; exit 0 ;;
    *) die "unknown argument '$1'; see scripts/build.sh --help" ;;
  esac
done

command -v go >/dev/null || die "no 'go' on the PATH: install Go (the version in go.mod or newer) and try again"

host_arch=$(go env GOHOSTARCH)
target=${target:-linux/$host_arch}
case $target in
  linux/amd64 | linux/arm64) ;;
  *) die "target '$target' is not supported: use linux/amd64 or linux/arm64" ;;
esac
arch=${target#linux/}
if [ -z "$output" ]; then
  output=$root/build/buildpack
  [ "$arch" = "$host_arch" ] || output=$output-$arch
fi
mkdir -p "$output/bin"
output=$(cd "$output" && pwd)

# The buildpack falls back on the module proxies of Go itself. They are asked of the Go that builds it, with the user's
# own settings out of the way, so that no name of a service has to stand in the sources.
proxies=$(env -u GOPROXY GOENV=off go env GOPROXY)
case $proxies in
  *[!A-Za-z0-9:/.,\|_-]*) die "'go env GOPROXY' of this Go is '$proxies', which cannot be handed to the linker" ;;
esac

# A workspace file, flags or an experiment of the caller must not change the result.
export CGO_ENABLED=0 GOOS=linux GOARCH=$arch GOWORK=off GOFLAGS="" GOAMD64=v1 GOARM64=v8.0 GOEXPERIMENT=""

go build -C "$root" -trimpath -buildvcs=false -ldflags "-s -w -X main.defaultProxies=$proxies" -o "$output/bin/main" ./cmd/main
ln -sfn main "$output/bin/build"
ln -sfn main "$output/bin/detect"
if [ -d "$root/cmd/helper" ]; then
  go build -C "$root" -trimpath -buildvcs=false -ldflags "-s -w" -o "$output/bin/helper" ./cmd/helper
else
  rm -f "$output/bin/helper"
fi
for file in buildpack.toml LICENSE README.md; do
  rm -f "$output/$file"
  if [ -f "$root/$file" ]; then
    install -m 0644 "$root/$file" "$output/$file"
  fi
done
[ -f "$output/buildpack.toml" ] || die "$root/buildpack.toml is missing"

echo "Buildpack for $target in $output"
