#!/usr/bin/env bash
# Makes buildpackages: files for `pack builder create`, a builder.toml or `pack build --buildpack`, or an image index in a registry.
set -euo pipefail

usage() {
  cat <<'USAGE'
Usage: scripts/package.sh [--target linux/amd64|linux/arm64]... [--output DIR] [--offline VERSIONS] [--publish IMAGE]

Writes, for each target, into DIR
  scalingo-go_VERSION_linux-ARCH.cnb          the buildpackage
  scalingo-go_VERSION_linux-ARCH.cdx.json     what it is made of: CycloneDX; likewise .spdx.json and .syft.json
  SHA256SUMS                                  of all these
The version is that of buildpack.toml. The same sources and the same Go give the same bytes. No Docker and no registry is needed.

  --target OS/ARCH    one to build for, may be repeated; default: linux/amd64 and linux/arm64
  --output DIR        where to; default: build/packages
  --offline VERSIONS  make buildpackages that bring Go along, scalingo-go-offline_VERSION_linux-ARCH.cnb: the newest of each
                      of VERSIONS, as in 1.27,1.26; upstream's archive or, where GOPROXY is set, its module first
  --publish IMAGE     push the buildpackages as IMAGE:VERSION, an image index where there are several targets,
                      in place of writing files
USAGE
}

die() {
  echo "package.sh: $*" >&2
  exit 1
}

scripts=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$scripts")
targets=()
output=$root/build/packages
offline=""
image=""
while [ $# -gt 0 ]; do
  case $1 in
    --target | --output | --offline | --publish) [ $# -ge 2 ] || die "$1 needs a value; see scripts/package.sh --help" ;;&
    --target) targets+=("$2"); shift 2 ;;
    --output) output=$2; shift 2 ;;
    --offline) offline=$2; shift 2 ;;
    --publish) image=$2; shift 2 ;;
    -h | --help) usage; exit 0 ;;
    *) die "unknown argument '$1'; see scripts/package.sh --help" ;;
  esac
done
[ ${#targets[@]} -gt 0 ] || targets=(linux/amd64 linux/arm64)
case ${image##*/} in
  *:* | *@*) die "--publish takes an image without a tag: that is the version of buildpack.toml" ;;
esac
command -v go >/dev/null || die "no 'go' on the PATH: install Go (the version in go.mod or newer) and try again"

export GOWORK=off GOFLAGS=""
release() { go run -C "$root" ./scripts/release "$@"; }

version=$(release version)
name=scalingo-go
[ -z "$offline" ] || name=scalingo-go-offline
pack=$("$scripts/lab.sh" tools | sed -n 's/^pack  *//p')
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export PACK_HOME=$work/pack-home DO_NOT_TRACK=1
mkdir -p "$output"
output=$(cd "$output" && pwd)

packages=()
for target in "${targets[@]}"; do
  buildpack=$work/buildpack/$target
  "$scripts/build.sh" --target "$target" --output "$buildpack" >/dev/null
  if [ -n "$offline" ]; then
    IFS=, read -r -a versions <<<"$offline"
    release bundle --into "$buildpack" --arch "${target#linux/}" "${versions[@]}"
  fi
  [ -z "$image" ] || continue
  prefix=${name}_${version}_${target/\//-}
  rm -f "$output/$prefix".*
  "$pack" buildpack package "$output/$prefix.cnb" --format file --path "$buildpack" --target "$target" --quiet
  release sbom --output "$output/$prefix" "$buildpack"
  packages+=("$prefix.cnb" "$prefix.cdx.json" "$prefix.spdx.json" "$prefix.syft.json")
done

if [ -n "$image" ]; then
  cp "$root/buildpack.toml" "$work/buildpack/"
  arguments=()
  for target in "${targets[@]}"; do
    arguments+=(--target "$target")
  done
  "$pack" buildpack package "$image:$version" --publish --path "$work/buildpack" "${arguments[@]}"
  exit
fi
(cd "$output" && sha256sum -- *.cnb *.json >SHA256SUMS)
printf 'Wrote, into %s:\n' "$output"
printf '  %s\n' "${packages[@]}" SHA256SUMS
