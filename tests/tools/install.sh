#!/usr/bin/env bash
# Installs what the tests and the benchmarks need besides Rust: etcd, etcdctl, kubectl, openssl, strace,
# cfssl (Debian packages) and Python's `cryptography` (PyPI). Run it as often as you like: it asks nothing
# of the network when everything is there, and it leaves no service running.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
venv=$root/target/tools/venv

# command → Debian package
declare -A package_of=(
  [etcd]=etcd-server [etcdctl]=etcd-client [openssl]=openssl [kubectl]=kubernetes-client
  [strace]=strace [python3]=python3 [mount]=mount [awk]=mawk [cfssl]=golang-cfssl [cfssljson]=golang-cfssl
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
need_cryptography=no
if ! has_cryptography "$venv/bin/python" && ! has_cryptography python3; then need_cryptography=yes; fi
# A virtual environment needs Debian's python3-venv; `ensurepip` is what its absence takes away.
if [ $need_cryptography = yes ] && ! python3 -c 'import ensurepip' >/dev/null 2>&1; then
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

# Into a virtual environment under target/, so that the system's Python is left as it is (PEP 668).
if [ $need_cryptography = yes ]; then
  echo "install.sh: installing Python's cryptography into ${venv#"$root"/}"
  python3 -m venv --clear "$venv" >>"$log" 2>&1 || give_up "python3 -m venv failed"
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check 'cryptography==48.*' >>"$log" 2>&1 ||
    give_up "pip install cryptography failed"
fi
