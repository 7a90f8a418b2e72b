//! Certificate policies: RFC 5280 section 6.1 with the graph of RFC 9618.

use super::check;

/// When a policy must be there, and which counts.
pub(super) const POLICIES: &str = "
# RFC 5280 section 6.1: nobody asks for a policy from outside, so that one is missing only where a CA demands one.
R | I<R | L<I policies=1.2.3
    -> ok
R | I<R policies=1.2.3 | L<I policies=1.2.4
    -> ok
R | I<R policies=1.2.3 policies-critical | L<I policies=1.2.3 policies-critical
    -> ok
# Section 6.1.3 (f): requireExplicitPolicy.
R | I<R explicit=0 | L<I
    -> certificate-policies@L 'at CN=L none is left'
R | I<R policies=1.2.3 explicit=0 | L<I policies=1.2.3
    -> ok
R | I<R policies=1.2.3 explicit=0 | L<I policies=1.2.4,1.2.3
    -> ok
R | I<R policies=1.2.3 explicit=0 | L<I policies=1.2.4
    -> certificate-policies@L
R | I<R explicit=0 | L<I policies=1.2.3
    -> certificate-policies@L
R | I<R policies=1.2.3 explicit=0 | L<I
    -> certificate-policies@L
# SkipCerts: after so many certificates more. The last one counts too (section 6.1.5 (a)).
R | I<R explicit=1 | L<I
    -> certificate-policies@L
R | I<R explicit=2 | L<I
    -> ok
R | I<R explicit=2 | J<I | L<J
    -> certificate-policies@L
R | I<R explicit=3 | J<I | L<J
    -> ok
R | I<R explicit=3 | J<I explicit=0 | L<J
    -> certificate-policies@L
R | I<R explicit=0 | J<I explicit=3 | L<J
    -> certificate-policies@J
R | I<R policies=1.2.3 explicit=0 | J<I | L<J policies=1.2.3
    -> certificate-policies@J 'at CN=J none is left'
# A certificate that is self-issued does not count.
R | I<R cn=Sub explicit=2 | HN cn=Sub | X<I=HN | L<HN
    -> ok
R | I<R cn=Sub explicit=1 | HN cn=Sub | X<I=HN | L<HN
    -> certificate-policies@L
# Section 6.1.5 (b): the end entity's own demand.
R | L<R explicit=0
    -> certificate-policies@L
R | L<R explicit=0 policies=1.2.3
    -> ok
R | L<R explicit=1
    -> ok
# What the trust anchor says is no part of the path (section 6.1.1).
R explicit=0 | L<R
    -> ok
R explicit=0 policies=1.2.3 | I<R | L<I policies=1.2.4
    -> ok
R policies=1.2.3 | I<R policies=1.2.4 explicit=0 | L<I policies=1.2.4
    -> ok
# The end entity is the trust anchor.
R explicit=0 | L=R
    -> ok
";

/// anyPolicy and mappings.
pub(super) const MAPPINGS: &str = "
# RFC 5280 section 6.1.3 (d)(1)(ii) and (d)(2): anyPolicy stands for every policy, above and below.
R | I<R policies=any explicit=0 | L<I policies=1.2.3
    -> ok
R | I<R policies=any explicit=0 | L<I policies=any
    -> ok
R | I<R policies=1.2.3 explicit=0 | L<I policies=any
    -> ok
R | I<R policies=any explicit=0 | L<I
    -> certificate-policies@L
# inhibitAnyPolicy: what it says further down counts no more.
R | I<R policies=any explicit=0 inhibit-any=0 | L<I policies=any
    -> certificate-policies@L
R | I<R policies=any explicit=0 inhibit-any=0 | L<I policies=1.2.3
    -> ok
R | I<R policies=any explicit=0 inhibit-any=1 | L<I policies=any
    -> ok
R | I<R policies=any explicit=0 inhibit-any=1 | J<I policies=any | L<J policies=any
    -> certificate-policies@L
R | I<R policies=1.2.3 explicit=0 inhibit-any=0 | J<I policies=any,1.2.3 | L<J policies=1.2.3
    -> ok
# But for a CA between that is self-issued.
R | I<R cn=Sub policies=1.2.3 explicit=0 inhibit-any=0 | HN cn=Sub | X<I=HN policies=any | L<HN policies=1.2.3
    -> ok
# Section 6.1.4 (b): a policy is called something else further down.
R | I<R policies=1.2.3 mappings=1.2.3:1.2.4 explicit=0 | L<I policies=1.2.4
    -> ok
R | I<R policies=1.2.3 mappings=1.2.3:1.2.4 explicit=0 | L<I policies=1.2.3
    -> certificate-policies@L
R | I<R policies=1.2.3 mappings=1.2.3:1.2.4,1.2.3:1.2.5 explicit=0 | L<I policies=1.2.5
    -> ok
R | I<R policies=any mappings=1.2.3:1.2.4 explicit=0 | L<I policies=1.2.4
    -> ok
R | I<R policies=1.2.9 mappings=1.2.3:1.2.4 explicit=0 | L<I policies=1.2.4
    -> certificate-policies@L
R | I<R policies=1.2.3 mappings=1.2.3:1.2.4 explicit=0 | J<I policies=1.2.4 mappings=1.2.4:1.2.5 | L<J policies=1.2.5
    -> ok
R | I<R policies=1.2.3 mappings=1.2.3:1.2.4 explicit=0 mappings-critical=no | L<I policies=1.2.4
    -> ok
# inhibitPolicyMapping: a policy that is mapped nevertheless is lost.
R | I<R policies=1.2.3 explicit=0 inhibit-mapping=0 | J<I policies=1.2.3 mappings=1.2.3:1.2.4 | L<J policies=1.2.4
    -> certificate-policies@L
R | I<R policies=1.2.3 explicit=0 inhibit-mapping=0 | J<I policies=1.2.3 mappings=1.2.3:1.2.4 | L<J policies=1.2.3
    -> certificate-policies@L
R | I<R policies=1.2.3 explicit=0 inhibit-mapping=1 | J<I policies=1.2.3 mappings=1.2.3:1.2.4 | L<J policies=1.2.4
    -> ok
R | I<R policies=1.2.3 explicit=0 inhibit-mapping=1 | J<I policies=1.2.3
 | K<J policies=1.2.3 mappings=1.2.3:1.2.4 | L<K policies=1.2.4
    -> certificate-policies@L
# Section 6.1.4 (a): anyPolicy is mapped to nothing, and nothing to it, whatever else is so. Go looks while mapping
# is admitted and a policy is left.
R | I<R policies=1.2.3 mappings=any:1.2.4 | L<I policies=1.2.4
    -> certificate-policies@I 'maps anyPolicy'
R | I<R policies=1.2.3 mappings=1.2.3:any | L<I policies=1.2.4
    -> certificate-policies@I
R | I<R mappings=any:1.2.4 | L<I
    -> ok!certificate-policies@I // certificate-policies@I
R | I<R policies=1.2.3 inhibit-mapping=0 | J<I policies=1.2.3 mappings=any:1.2.4 | L<J
    -> ok!certificate-policies@J // certificate-policies@J
# The mappings of an end entity map nothing.
R | L<R policies=1.2.3 mappings=any:1.2.4
    -> ok
";

/// The extensions themselves.
pub(super) const EXTENSIONS: &str = "
# RFC 5280 section 4.2.1.11: policyConstraints is critical, and section 4.2.1.14: so is inhibitAnyPolicy.
R | I<R explicit=5 constraints-critical=no | L<I
    -> ok!criticality@I // criticality@I 'policyConstraints'
R | I<R inhibit-any=5 inhibit-any-critical=no | L<I
    -> ok!criticality@I // criticality@I 'inhibitAnyPolicy'
# No empty policyConstraints.
R | I<R ext=2.5.29.36:critical:3000 | L<I
    -> ok!malformed-extension@I // malformed-extension@I
# Section 4.2.1.4: a policy stands there once.
R | L<R policies=1.2.3,1.2.3
    -> encoding@L 'twice' // malformed-extension@L
R | L<R policies=
    -> ok!malformed-extension@L // malformed-extension@L
R | I<R mappings= | L<I
    -> ok!malformed-extension@I // malformed-extension@I
R | I<R ext=2.5.29.36:critical:0101ff | L<I
    -> encoding@I // malformed-extension@I
R | I<R ext=2.5.29.33:critical:30023000 | L<I
    -> encoding@I // malformed-extension@I
R | I<R ext=2.5.29.54:critical:0500 | L<I
    -> encoding@I // malformed-extension@I
R | L<R ext=2.5.29.32:plain:30023000
    -> encoding@L // malformed-extension@L
";

#[test]
fn policies() {
    check(POLICIES);
}

#[test]
fn mappings() {
    check(MAPPINGS);
}

#[test]
fn extensions() {
    check(EXTENSIONS);
}
