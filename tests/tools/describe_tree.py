#!/usr/bin/env python3
"""Says what lies in PKI directories, as `cryptography` reads it.

The arguments are directories; stdout is JSON: {DIRECTORY: {PATH: FACTS}}. Facts are texts, so that two trees
can be compared field by field and a test can write down what it expects. Of a private key only its kind is
told; of a kubeconfig the text with its data left out, and the facts of the certificate and the key in it.
"""

import base64
import json
import os
import re
import sys

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

USAGES = [
    "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
    "key_cert_sign", "crl_sign",
]
PURPOSES = {ExtendedKeyUsageOID.SERVER_AUTH: "server", ExtendedKeyUsageOID.CLIENT_AUTH: "client"}
DATA = re.compile(r"^(\s*(\S+-data): )(.*)$", re.MULTILINE)


def key_kind(key):
    if isinstance(key, (rsa.RSAPublicKey, rsa.RSAPrivateKey)):
        return f"RSA-{key.key_size}"
    if isinstance(key, (ec.EllipticCurvePublicKey, ec.EllipticCurvePrivateKey)):
        return key.curve.name
    if isinstance(key, (ed25519.Ed25519PublicKey, ed25519.Ed25519PrivateKey)):
        return "Ed25519"
    return type(key).__name__


def spki(key):
    return key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    ).hex()


def name(value):
    return ", ".join(f"{part.rfc4514_attribute_name}={part.value}" for part in value)


def alternative(value):
    kind = {x509.DNSName: "DNS", x509.IPAddress: "IP"}.get(type(value), type(value).__name__)
    return f"{kind}:{value.value}"


def extension(certificate, oid):
    try:
        return certificate.extensions.get_extension_for_oid(oid)
    except x509.ExtensionNotFound:
        return None


def certificate_facts(pem):
    certificate = x509.load_pem_x509_certificate(pem)
    usage = extension(certificate, ExtensionOID.KEY_USAGE)
    purposes = extension(certificate, ExtensionOID.EXTENDED_KEY_USAGE)
    basic = extension(certificate, ExtensionOID.BASIC_CONSTRAINTS)
    names = extension(certificate, ExtensionOID.SUBJECT_ALTERNATIVE_NAME)
    subject_key = extension(certificate, ExtensionOID.SUBJECT_KEY_IDENTIFIER)
    authority_key = extension(certificate, ExtensionOID.AUTHORITY_KEY_IDENTIFIER)
    return {
        "version": certificate.version.name,
        "subject": name(certificate.subject),
        "subject_der": certificate.subject.public_bytes().hex(),
        "issuer": name(certificate.issuer),
        "issuer_der": certificate.issuer.public_bytes().hex(),
        "sans": " ".join(map(alternative, names.value)) if names else "",
        "usage": " ".join(u for u in USAGES if getattr(usage.value, u)) if usage else "",
        "purposes": " ".join(PURPOSES.get(p, p.dotted_string) for p in purposes.value) if purposes else "",
        "ca": f"{basic.value.ca} {basic.value.path_length}" if basic else "",
        "critical": " ".join(sorted(e.oid._name for e in certificate.extensions if e.critical)),
        "extensions": " ".join(sorted(e.oid._name for e in certificate.extensions)),
        "subject_key": subject_key.value.digest.hex() if subject_key else "",
        "authority_key": authority_key.value.key_identifier.hex() if authority_key else "",
        "not_before": str(int(certificate.not_valid_before_utc.timestamp())),
        "not_after": str(int(certificate.not_valid_after_utc.timestamp())),
        "lifetime": str(int((certificate.not_valid_after_utc - certificate.not_valid_before_utc).total_seconds())),
        "key": key_kind(certificate.public_key()),
        "hash": certificate.signature_hash_algorithm.name if certificate.signature_hash_algorithm else "",
        "serial_bits": str(certificate.serial_number.bit_length()),
        "spki": spki(certificate.public_key()),
    }


def verify(facts):
    """Adds to every certificate the path of the CA whose key signed it."""
    for path, own in facts.items():
        if "pem" not in own:
            continue
        certificate = x509.load_pem_x509_certificate(own["pem"])
        for issuer_path, issuer in facts.items():
            if issuer.get("ca", "").startswith("True"):
                try:
                    certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(issuer["pem"]))
                    own["signed_by"] = issuer_path
                    break
                except Exception:
                    continue
    for own in facts.values():
        own.pop("pem", None)


def labels(text):
    return " ".join(re.findall(r"-----BEGIN (.*?)-----", text))


def describe(path):
    facts = {"mode": f"{os.stat(path).st_mode & 0o7777:04o}"}
    with open(path, "rb") as file:
        data = file.read()
    text = data.decode("utf-8", "replace")
    if path.endswith(".conf"):
        found = {field: base64.b64decode(value) for _, field, value in DATA.findall(text)}
        facts["text"] = DATA.sub(r"\1-", text)
        server = re.search(r"^    server: (.*)$", text, re.MULTILINE)
        facts["server"] = server.group(1) if server else ""
        context = re.search(r"^current-context: (.*)$", text, re.MULTILINE)
        facts["context"] = context.group(1) if context else ""
        certificate, key = found["client-certificate-data"], found["client-key-data"]
        facts.update(certificate_facts(certificate))
        facts["pem"] = certificate
        facts["trusts"] = certificate_facts(found["certificate-authority-data"])["spki"]
        facts["labels"] = " ".join(labels(part.decode()) for part in found.values())
        private = serialization.load_pem_private_key(key, None)
        facts["pair"] = str(spki(private.public_key()) == facts["spki"])
    elif "PRIVATE KEY" in text:
        private = serialization.load_pem_private_key(data, None)
        facts.update({"labels": labels(text), "key": key_kind(private), "spki": spki(private.public_key())})
    elif "BEGIN PUBLIC KEY" in text:
        public = serialization.load_pem_public_key(data)
        facts.update({"labels": labels(text), "key": key_kind(public), "spki": spki(public)})
    elif "BEGIN CERTIFICATE" in text:
        facts.update(certificate_facts(data))
        facts.update({"labels": labels(text), "pem": data})
    return facts


def tree(root):
    facts = {}
    for directory, _, names in os.walk(root):
        for file in sorted(names):
            path = os.path.join(directory, file)
            facts[os.path.relpath(path, root)] = describe(path)
    verify(facts)
    return facts


json.dump({root: tree(root) for root in sys.argv[1:]}, sys.stdout)
