//! Inputs by which an attacker would have a certificate taken for what it is not.

use super::check;

#[test]
fn what_is_written_otherwise_is_not_passed_over() {
    check(
        "
# A directoryName with NULL behind a pair is no name, and no constraint could be held against it.
R nc=exclude:dir:o=Evil | L<R sans=raw:a4133011310f300d060355040a0c044576696c0500
    -> unknown-critical-extension@R // malformed-extension@L
# A name in constructed form, which Go passes over.
R | L<R sans=raw:a209612e6578616d706c65
    dns:a.example -> name-mismatch@L // malformed-extension@L
# RFC 5280 section 7.1: a name is the same in other strings, and by other bytes that are no text it is not.
R nc=exclude:dir:cn=Evil | L<R cn=Evil cn-as=universal
    -> encoding@L // name-constraints@L
R nc=permit:dir:o=%FF | L<R subject=o=%FE
    -> encoding@L // malformed-certificate@L
R nc=permit:dir:o:t61=%FF | L<R subject=o:t61=%FE
    -> unknown-critical-extension@R // name-constraints@L
# X.690 section 11.2.1: unused bits are no key usages.
R | I<R ext=2.5.29.15:critical:03020784 | L<I
    -> encoding@I // malformed-extension@I
# RFC 5280 section 5.3.3: an entry may name the issuer in another spelling, or the serial number in a longer form.
R | L<R | C<R indirect revoked=$L;issuer:cn=r
    -> ok!revoked@L // revoked@L
R | L<R serial=11 | C<R revoked=0011
    -> ok!revoked@L // revoked@L
",
    );
}
