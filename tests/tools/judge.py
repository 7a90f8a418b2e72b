#!/usr/bin/env python3
"""Python's `cryptography` as a judge of certificates, lists and chains, for tests.

One question a line on stdin, one answer a line on stdout, both JSON:

  {"ask": "certificate", "pem": PEM}   what it says, or {"error": TEXT} where it cannot be read
  {"ask": "list", "pem": PEM}          the same of a revocation list
  {"ask": "signed", "pem": PEM, "by": PEM}          whether it was directly issued by that certificate
  {"ask": "chain", "leaf": PEM, "roots": PEM, "intermediates": PEM, "purpose": "server"|"client",
   "name": "dns:…"|"ip:…"|null, "at": RFC 3339}     {"valid": true|false, "reason": TEXT}
"""

import datetime
import ipaddress
import json
import sys
import warnings

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.x509 import verification


def read(pem):
    return x509.load_pem_x509_certificate(pem.encode())


def extensions(value):
    return {e.oid.dotted_string: [e.critical, str(e.value)] for e in value.extensions}


def certificate(question):
    found = read(question["pem"])
    return {
        "version": found.version.name,
        "serial": f"{found.serial_number:x}",
        "subject": found.subject.rfc4514_string(),
        "issuer": found.issuer.rfc4514_string(),
        "from": found.not_valid_before_utc.isoformat(),
        "until": found.not_valid_after_utc.isoformat(),
        "algorithm": found.signature_algorithm_oid._name,
        "key": type(found.public_key()).__name__.removesuffix("PublicKey"),
        "extensions": extensions(found),
    }


def revocation_list(question):
    found = x509.load_pem_x509_crl(question["pem"].encode())
    return {
        "issuer": found.issuer.rfc4514_string(),
        "this": found.last_update_utc.isoformat(),
        "next": found.next_update_utc.isoformat() if found.next_update_utc else None,
        "revoked": {f"{e.serial_number:x}": [str(x.value) for x in e.extensions] for e in found},
        "extensions": extensions(found),
    }


def signed(question):
    issuer = read(question["by"])
    if "X509 CRL" in question["pem"]:
        return {"valid": x509.load_pem_x509_crl(question["pem"].encode()).is_signature_valid(issuer.public_key())}
    try:
        read(question["pem"]).verify_directly_issued_by(issuer)
    except (InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError) as error:
        return {"valid": False, "reason": f"{type(error).__name__}: {error}"}
    return {"valid": True}


def subject(name):
    kind, value = name.split(":", 1)
    return x509.DNSName(value) if kind == "dns" else x509.IPAddress(ipaddress.ip_address(value))


def chain(question):
    roots = x509.load_pem_x509_certificates(question["roots"].encode())
    between = question["intermediates"]
    between = x509.load_pem_x509_certificates(between.encode()) if between else []
    at = datetime.datetime.fromisoformat(question["at"].replace("Z", "+00:00")).replace(tzinfo=None)
    builder = verification.PolicyBuilder().store(verification.Store(roots)).time(at)
    if question["purpose"] == "server":
        verifier = builder.build_server_verifier(subject(question["name"]))
    else:
        verifier = builder.build_client_verifier()
    try:
        verifier.verify(read(question["leaf"]), between)
    except verification.VerificationError as error:
        return {"valid": False, "reason": str(error)}
    return {"valid": True, "reason": ""}


QUESTIONS = {"certificate": certificate, "list": revocation_list, "signed": signed, "chain": chain}


def main():
    # Certificates that are wrong on purpose are what this is for.
    warnings.simplefilter("ignore")
    for line in sys.stdin:
        question = json.loads(line)
        try:
            answer = QUESTIONS[question["ask"]](question)
        except (ValueError, UnsupportedAlgorithm, x509.DuplicateExtension, x509.InvalidVersion) as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


main()
