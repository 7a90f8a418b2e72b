#!/usr/bin/env python3
"""Reads every file of a PKI directory with `cryptography` and tells what is wrong with it.

Each line of stdin names a directory; each line of stdout is the answer, as JSON:
{"files": N, "certificates": N, "problems": ["PATH: WHAT", ...]}

Checked: every certificate, key and kubeconfig is complete (not cut off, parses, ends with a newline); a key
fits the certificate beside it; a certificate made here has its serial in a ledger; secrets are readable by
their owner only; no temporary file is left.
"""

import base64
import json
import os
import re
import stat
import sys

from cryptography import x509
from cryptography.hazmat.primitives import serialization

TEMPORARY = re.compile(r"(^\.|\.tmp|^tmp|~$|\.part$|\.new$)")
# Files that may lie there without being certificates, keys or kubeconfigs.
KNOWN = re.compile(r"(ledger|lock|\.csr$|\.ya?ml$|\.crl$)")


def spki(public_key):
    return public_key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def private_key(data):
    return serialization.load_pem_private_key(data, password=None)


def whole_pem(data):
    text = data.decode("ascii")
    if not text.endswith("-----\n") or text.count("-----BEGIN ") != text.count("-----END "):
        raise ValueError("PEM is cut off")


def serials_in(text):
    return re.sub(r"[:\s]", "", text).lower()


class Tree:
    def __init__(self, root):
        self.root = root
        self.files = 0
        self.certificates = []  # (where, certificate)
        self.problems = []
        self.ledger = ""

    def problem(self, path, what):
        self.problems.append(f"{os.path.relpath(path, self.root)}: {what}")

    def read(self):
        for directory, _, names in os.walk(self.root):
            for name in sorted(names):
                path = os.path.join(directory, name)
                self.files += 1
                try:
                    self.read_file(path, name)
                except Exception as error:  # whatever it is, it is a finding
                    self.problem(path, f"{type(error).__name__}: {error}")
        self.compare_with_ledger()

    def read_file(self, path, name):
        if TEMPORARY.search(name) and not KNOWN.search(name):
            self.problem(path, "a temporary file was left behind")
            return
        with open(path, "rb") as file:
            data = file.read()
        if "ledger" in name:
            self.ledger += serials_in(data.decode("utf-8"))
            return
        if KNOWN.search(name):
            return
        if not data.endswith(b"\n"):
            self.problem(path, "does not end with a newline")
        mode = stat.S_IMODE(os.lstat(path).st_mode)
        if name.endswith(".conf"):
            self.read_kubeconfig(path, data.decode("utf-8"), mode)
        elif name.endswith(".pub"):
            whole_pem(data)
            serialization.load_pem_public_key(data)
        elif name.endswith((".key", "-key.pem")):
            whole_pem(data)
            private_key(data)
            self.secret(path, mode)
        elif name.endswith((".crt", ".pem")):
            whole_pem(data)
            for certificate in x509.load_pem_x509_certificates(data):
                self.certificates.append((path, certificate))
            self.fits_its_key(path)
        else:
            self.problem(path, "nobody knows what this file is")

    def secret(self, path, mode):
        if mode & 0o077:
            self.problem(path, f"holds a key and has mode {mode:04o}")

    def fits_its_key(self, path):
        base, extension = os.path.splitext(path)
        key = base + ".key" if extension == ".crt" else base + "-key.pem"
        if not os.path.exists(key):
            return
        with open(path, "rb") as file:
            certificate = x509.load_pem_x509_certificate(file.read())
        with open(key, "rb") as file:
            if spki(private_key(file.read()).public_key()) != spki(certificate.public_key()):
                self.problem(path, "the key beside it is not its own")

    def read_kubeconfig(self, path, text, mode):
        self.secret(path, mode)
        found = dict(re.findall(r"\b([a-z-]+-data):\s*\"?([A-Za-z0-9+/=]+)\"?\s*$", text, re.M))
        for name in ("certificate-authority-data", "client-certificate-data", "client-key-data"):
            if name not in found:
                self.problem(path, f"has no {name}")
                return
        decoded = {name: base64.b64decode(value, validate=True) for name, value in found.items()}
        for data in decoded.values():
            whole_pem(data)
        x509.load_pem_x509_certificates(decoded["certificate-authority-data"])
        certificate = x509.load_pem_x509_certificate(decoded["client-certificate-data"])
        key = private_key(decoded["client-key-data"])
        if spki(key.public_key()) != spki(certificate.public_key()):
            self.problem(path, "the key in it is not its certificate's")
        self.certificates.append((path, certificate))

    def compare_with_ledger(self):
        for path, certificate in self.certificates:
            if f"{certificate.serial_number:x}" not in self.ledger:
                self.problem(path, f"serial {certificate.serial_number:x} is in no ledger")


def main():
    for line in sys.stdin:
        tree = Tree(line.rstrip("\n"))
        tree.read()
        answer = {"files": tree.files, "certificates": len(tree.certificates), "problems": tree.problems}
        print(json.dumps(answer), flush=True)


main()
