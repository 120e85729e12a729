#!/usr/bin/env bash
# Makes all that a release consists of, from a clean checkout of its tag.
set -euo pipefail

usage() {
  cat <<'USAGE'
Usage: scripts/release.sh [--output DIR] [--offline VERSIONS] [--publish IMAGE]

Writes the buildpackages of the tag that is checked out, the offline ones, their bills of materials, checksums, and the release's
notes from CHANGELOG.md into DIR. The tag is v and the version of buildpack.toml, which the change log has to name.

  --output DIR        where to; default: build/release
  --offline VERSIONS  the Go versions of the offline buildpackages; default: the two newest minor versions of Go
  --publish IMAGE     push IMAGE:VERSION as well, an image index
USAGE
}

die() {
  echo "release.sh: $*" >&2
  exit 1
}

scripts=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$scripts")
output=$root/build/release
offline=""
image=""
while [ $# -gt 0 ]; do
  case $1 in
    --output | --offline | --publish) [ $# -ge 2 ] || die "$1 needs a value; see scripts/release.sh --help" ;;&
    --output) output=$2; shift 2 ;;
    --offline) offline=$2; shift 2 ;;
    --publish) image=$2; shift 2 ;;
    -h | --help) usage; exit 0 ;;
    *) die "unknown argument '$1'; see scripts/release.sh --help" ;;
  esac
done

release() { GOWORK=off GOFLAGS="" go run -C "$root" ./scripts/release "$@"; }
version=$(release version)
changed=$(git -C "$root" status --porcelain)
[ -z "$changed" ] || die "the work tree differs from the commit; commit or stash this first:
$changed"
git -C "$root" tag --points-at HEAD | grep -qx "v$version" ||
  die "the commit that is checked out has no tag v$version, the version of buildpack.toml: git tag v$version"
notes=$(release notes)
[ -n "$offline" ] || offline=$(release supported)

rm -rf "$output"
mkdir -p "$output"
"$scripts/package.sh" --output "$output"
"$scripts/package.sh" --output "$output" --offline "$offline"
printf '%s\n' "$notes" >"$output/NOTES.md"
if [ -n "$image" ]; then
  "$scripts/package.sh" --publish "$image"
fi
echo "Release $version is in $output. Go on with: git push origin v$version, and upload the files with NOTES.md as the text."
