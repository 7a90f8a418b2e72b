#!/usr/bin/env python3
"""Says what certificates hold, as `cryptography` reads them.

The arguments are DER files; stdout is a JSON list of facts in the same order, null for one that it does not read.
"""

import hashlib
import json
import sys

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization


def facts(path):
    with open(path, "rb") as file:
        der = file.read()
    try:
        certificate = x509.load_der_x509_certificate(der)
        key = certificate.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        extensions = [
            {"oid": one.oid.dotted_string, "critical": one.critical, "value": one.value.public_bytes().hex()}
            for one in certificate.extensions
        ]
        return {
            "serial": format(certificate.serial_number, "x"),
            "subject": [[one.oid.dotted_string, one.value] for one in certificate.subject],
            "issuer": [[one.oid.dotted_string, one.value] for one in certificate.issuer],
            "notBefore": certificate.not_valid_before_utc.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "notAfter": certificate.not_valid_after_utc.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "fingerprintSha256": certificate.fingerprint(hashes.SHA256()).hex(),
            "publicKeySha256": hashlib.sha256(key).hexdigest(),
            "extensions": extensions,
        }
    except Exception:
        return None


json.dump([facts(path) for path in sys.argv[1:]], sys.stdout)
