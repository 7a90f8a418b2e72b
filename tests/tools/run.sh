#!/usr/bin/env bash
# Runs all tests and closes with one line that counts them: cargo prints one such line per test program, and the
# last of them need not be one with tests in it.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

log=$(mktemp)
trap 'rm -f "$log"' EXIT
status=0
cargo test --locked --no-fail-fast --doc 2>&1 | tee "$log" || status=1
cargo test --locked --no-fail-fast --lib --bins --tests 2>&1 | tee -a "$log" || status=1

# "test result: ok. 5 passed; 0 failed; 1 ignored; …"
awk -v status=$status '
  /^test result: / {
    for (i = 1; i < NF; i++) {
      if ($(i + 1) ~ /^passed/) passed += $i
      if ($(i + 1) ~ /^failed/) failed += $i
      if ($(i + 1) ~ /^ignored/) ignored += $i
    }
  }
  END {
    if (status != 0 && failed == 0) print "the tests could not be built or run: see above"
    printf "%d passed, %d failed, %d skipped\n", passed, failed, ignored
    exit (status != 0 || passed == 0) ? 1 : 0
  }' "$log"
