#!/usr/bin/env bash
# Runs the program that keeps the inventory of Go releases: see scripts/inventory/main.go for its commands.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
exec go run ./scripts/inventory "$@"
