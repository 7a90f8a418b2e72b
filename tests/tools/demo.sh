#!/usr/bin/env bash
# Makes the PKI of the cluster that templates/cluster.yaml describes and shows it. What an earlier run made is
# replaced, so that each run shows the same.
#
# usage: demo.sh KPKI DIR
set -euo pipefail
kpki=$1
dir=$2

say() { printf '\n$ %s\n' "$*"; }
show() { say "$@" && "$@"; }

# Only what an earlier demo made is removed: never a directory that somebody else put there.
if [ -e "$dir" ]; then
  if [ ! -d "$dir/ca" ] && [ -n "$(ls -A "$dir")" ]; then
    echo "demo.sh: $dir is there already and is no cluster's PKI; move it away" >&2
    exit 2
  fi
  rm -rf "$dir"
fi

PATH=$(cd "$(dirname "$kpki")" && pwd):$PATH
show kpki init -f templates/cluster.yaml --dir "$dir" --all-nodes
say "find $dir/ca $dir/cp1 $dir/worker1 $dir/users -type f | sort"
(cd "$dir" && find ca cp1 worker1 users -type f | LC_ALL=C sort | sed "s|^|$dir/|")
show kpki ca show --ca "$dir/ca"
show kpki ledger verify --ca "$dir/ca"
# Again: what is there and right is kept.
show kpki init -f templates/cluster.yaml --dir "$dir" --all-nodes
