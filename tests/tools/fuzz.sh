#!/usr/bin/env bash
# Runs the fuzz targets one after the other, each for FUZZ_SECONDS (20 unless told otherwise), and fails on a crash, a hang
# or too much memory. What was found is kept under target/: fuzz-corpus grows from run to run, fuzz-artifacts holds inputs
# that broke something.
# usage: fuzz.sh [TARGET…]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

seconds=${FUZZ_SECONDS:-20}
cargo=${CARGO:-cargo}
tools=$PWD/target/tools
targets=("$@")
if [ ${#targets[@]} -eq 0 ]; then
  mapfile -t targets < <(sed -n 's/^name = "\([a-z]*\)"$/\1/p' fuzz/Cargo.toml)
fi

export PATH=$PATH:$tools/bin
if ! command -v cargo-fuzz >/dev/null; then
  echo "fuzz.sh: installing cargo-fuzz into ${tools#"$PWD"/}"
  "$cargo" install --quiet --locked --version '^0.13' --root "$tools" cargo-fuzz
fi

# What the sanitizers of LLVM need of rustc is for nightly only; the coverage that guides libFuzzer is not. This crate
# forbids `unsafe`, so that AddressSanitizer watches over the crates below it.
sanitizer=none
if rustc --version | grep -q nightly; then sanitizer=address; fi

tests/tools/fuzz_seeds.sh
if ! "$cargo" fetch --quiet --locked --manifest-path fuzz/Cargo.toml; then
  echo "fuzz.sh: fuzz/Cargo.lock is out of date; cargo test --test fuzz says how to refresh it" >&2
  exit 2
fi
"$cargo" fuzz build --sanitizer "$sanitizer" --target-dir target/fuzz
host=$(rustc -vV | sed -n 's/^host: //p')

status=0
for target in "${targets[@]}"; do
  corpus=target/fuzz-corpus/$target
  artifacts=target/fuzz-artifacts/$target
  log=target/fuzz-$target.log
  mkdir -p "$corpus" "$artifacts"
  dictionary=fuzz/dictionaries/$target.dict
  # An encrypted key may ask for 10,000,000 rounds of key derivation before it is refused: the longest that anything takes.
  options=(-max_total_time="$seconds" -timeout=60 -rss_limit_mb=2048 -print_final_stats=1
    -artifact_prefix="$artifacts/" -dict="$dictionary")
  if "target/fuzz/$host/release/$target" "${options[@]}" "$corpus" "target/fuzz-seeds/$target" >"$log" 2>&1; then
    # "#123 DONE cov: 45 ft: 67 corp: 8/9b …"
    sed -n "s/^#\([0-9]*\).*DONE *cov: \([0-9]*\) .*corp: \([0-9]*\).*/$target: \1 inputs, \2 places covered, \3 kept/p" "$log"
  else
    status=1
    echo "$target: broke; the end of $log:"
    tail -n 40 "$log"
    echo "again: target/fuzz/$host/release/$target $(find "$artifacts" -type f -newer "$corpus/.." | head -n 1)"
  fi
done
exit $status
