#!/usr/bin/env bash
# A control plane's PKI and kubeconfigs, made by Debian's golang-cfssl (`cfssl gencert | cfssljson` for each
# certificate): the measure beside which `make bench` puts kpki.
#
# usage: cfssl-pki.sh DIR ecdsa-p256|rsa-2048
set -euo pipefail

dir=$1
case $2 in
  ecdsa-p256) key='{"algo":"ecdsa","size":256}' gen=(-algorithm EC -pkeyopt ec_paramgen_curve:P-256) ;;
  rsa-2048) key='{"algo":"rsa","size":2048}' gen=(-algorithm RSA -pkeyopt rsa_keygen_bits:2048) ;;
  *) echo "cfssl-pki.sh: unknown algorithm $2" >&2; exit 2 ;;
esac

umask 077
mkdir -p "$dir/pki/etcd"
cd "$dir"

cat >config.json <<'JSON'
{"signing": {"default": {"expiry": "8760h"}, "profiles": {
  "server": {"expiry": "8760h", "usages": ["digital signature", "server auth"]},
  "client": {"expiry": "8760h", "usages": ["digital signature", "client auth"]},
  "peer": {"expiry": "8760h", "usages": ["digital signature", "server auth", "client auth"]}}}}
JSON

self_signed() { # FILE CN
  cfssl gencert -loglevel=5 -initca - <<<"{\"CN\":\"$2\",\"key\":$key,\"ca\":{\"expiry\":\"87600h\"}}" |
    cfssljson -bare "pki/$1"
}

leaf() { # CA FILE CN O PROFILE HOSTS
  local names=
  if [ -n "$4" ]; then names=",\"names\":[{\"O\":\"$4\"}]"; fi
  cfssl gencert -loglevel=5 -ca "pki/$1.pem" -ca-key "pki/$1-key.pem" -config config.json -profile "$5" \
    -hostname "$6" - <<<"{\"CN\":\"$3\",\"key\":$key$names}" | cfssljson -bare "$2"
}

base64_of() { base64 -w0 <"$1"; }

kubeconfig() { # NAME CN O
  leaf ca "$1" "$2" "$3" client ''
  cat >"$1.conf" <<YAML
apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: $ca_data
    server: https://api.k8s.example.com:6443
  name: kubernetes
contexts:
- context:
    cluster: kubernetes
    user: $2
  name: $2@kubernetes
current-context: $2@kubernetes
kind: Config
users:
- name: $2
  user:
    client-certificate-data: $(base64_of "$1.pem")
    client-key-data: $(base64_of "$1-key.pem")
YAML
  rm "$1.pem" "$1-key.pem" "$1.csr"
}

self_signed ca kubernetes
self_signed etcd/ca etcd-ca
self_signed front-proxy-ca front-proxy-ca
ca_data=$(base64_of pki/ca.pem)

leaf ca pki/apiserver kube-apiserver '' server \
  cp1,kubernetes,kubernetes.default,kubernetes.default.svc,kubernetes.default.svc.cluster.local,api.k8s.example.com,10.96.0.1,10.0.0.10
leaf ca pki/apiserver-kubelet-client kube-apiserver-kubelet-client '' client ''
leaf front-proxy-ca pki/front-proxy-client front-proxy-client '' client ''
for role in server peer; do leaf etcd/ca pki/etcd/$role cp1 '' peer cp1,localhost,10.0.0.10,127.0.0.1,::1; done
leaf etcd/ca pki/etcd/healthcheck-client kube-etcd-healthcheck-client '' client ''
leaf etcd/ca pki/apiserver-etcd-client kube-apiserver-etcd-client '' client ''

kubeconfig admin kubernetes-admin kubeadm:cluster-admins
kubeconfig super-admin kubernetes-super-admin system:masters
kubeconfig kubelet system:node:cp1 system:nodes
kubeconfig controller-manager system:kube-controller-manager ''
kubeconfig scheduler system:kube-scheduler ''

openssl genpkey "${gen[@]}" -out pki/sa.key 2>/dev/null
openssl pkey -in pki/sa.key -pubout -out pki/sa.pub
