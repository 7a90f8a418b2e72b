#!/usr/bin/env bash
# A control plane's PKI and kubeconfigs, made by the openssl command line: the measure beside which `make bench`
# puts kpki. One process per certificate (key, request and signature in one), which is the least openssl needs.
#
# usage: openssl-pki.sh DIR ecdsa-p256|rsa-2048
set -euo pipefail

dir=$1
case $2 in
  ecdsa-p256) new_key=(-newkey ec -pkeyopt ec_paramgen_curve:P-256) gen=(-algorithm EC -pkeyopt ec_paramgen_curve:P-256) ;;
  rsa-2048) new_key=(-newkey rsa:2048) gen=(-algorithm RSA -pkeyopt rsa_keygen_bits:2048) ;;
  *) echo "openssl-pki.sh: unknown algorithm $2" >&2; exit 2 ;;
esac

umask 077
mkdir -p "$dir/pki/etcd"
cd "$dir"

self_signed() { # FILE CN
  openssl req -x509 "${new_key[@]}" -nodes -days 3650 -subj "/CN=$2" -keyout "pki/$1.key" -out "pki/$1.crt" \
    -addext "keyUsage=critical,digitalSignature,keyCertSign,cRLSign" 2>/dev/null
}

leaf() { # CA FILE SUBJECT EKU [SANS]
  local san=()
  if [ -n "${5:-}" ]; then san=(-addext "subjectAltName=$5"); fi
  openssl req -x509 "${new_key[@]}" -nodes -days 365 -subj "$3" -CA "pki/$1.crt" -CAkey "pki/$1.key" \
    -keyout "$2.key" -out "$2.crt" -addext "basicConstraints=critical,CA:FALSE" \
    -addext "keyUsage=critical,digitalSignature" -addext "extendedKeyUsage=$4" \
    "${san[@]}" 2>/dev/null
}

base64_of() { base64 -w0 <"$1"; }

kubeconfig() { # NAME SUBJECT USER
  leaf ca "$1" "$2" clientAuth
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
    user: $3
  name: $3@kubernetes
current-context: $3@kubernetes
kind: Config
users:
- name: $3
  user:
    client-certificate-data: $(base64_of "$1.crt")
    client-key-data: $(base64_of "$1.key")
YAML
  rm "$1.crt" "$1.key"
}

self_signed ca kubernetes
self_signed etcd/ca etcd-ca
self_signed front-proxy-ca front-proxy-ca
ca_data=$(base64_of pki/ca.crt)

leaf ca pki/apiserver /CN=kube-apiserver serverAuth \
  DNS:cp1,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local,DNS:api.k8s.example.com,IP:10.96.0.1,IP:10.0.0.10
leaf ca pki/apiserver-kubelet-client /CN=kube-apiserver-kubelet-client clientAuth
leaf front-proxy-ca pki/front-proxy-client /CN=front-proxy-client clientAuth
for role in server peer; do
  leaf etcd/ca pki/etcd/$role /CN=cp1 serverAuth,clientAuth DNS:cp1,DNS:localhost,IP:10.0.0.10,IP:127.0.0.1,IP:::1
done
leaf etcd/ca pki/etcd/healthcheck-client /CN=kube-etcd-healthcheck-client clientAuth
leaf etcd/ca pki/apiserver-etcd-client /CN=kube-apiserver-etcd-client clientAuth

kubeconfig admin /O=kubeadm:cluster-admins/CN=kubernetes-admin kubernetes-admin
kubeconfig super-admin /O=system:masters/CN=kubernetes-super-admin kubernetes-super-admin
kubeconfig kubelet /O=system:nodes/CN=system:node:cp1 system:node:cp1
kubeconfig controller-manager /CN=system:kube-controller-manager system:kube-controller-manager
kubeconfig scheduler /CN=system:kube-scheduler system:kube-scheduler

openssl genpkey "${gen[@]}" -out pki/sa.key 2>/dev/null
openssl pkey -in pki/sa.key -pubout -out pki/sa.pub
