#!/usr/bin/env bash
# Writes the fuzzer's seeds, from tests/fixtures and from the forge of certificates, a directory for each target.
# usage: fuzz_seeds.sh [DIR], by default target/fuzz-seeds
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

seeds=${1:-target/fuzz-seeds}
rm -rf "$seeds"
mkdir -p "$seeds"
KPKI_FUZZ_SEEDS=$(realpath "$seeds") "${CARGO:-cargo}" test --quiet --locked --test fuzz -- the_properties_hold_of_the_seeds
for target in "$seeds"/*/; do
  printf '%-12s %d seeds\n' "$(basename "$target")" "$(find "$target" -type f | wc -l)"
done
