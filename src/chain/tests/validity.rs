//! Validity (RFC 5280 sections 4.1.2.5 and 6.1.3 (a)(2)).

use super::check;

/// Instants at the ends of lives.
pub(super) const INSTANTS: &str = "
# Both ends are within. Dates are whole seconds: to the RFC a fraction is of the second that it began in, to Go it is after
# that second.
R | L<R from=2026-03-01T00:00:00Z until=2026-09-01T00:00:00Z
    at=2026-03-01T00:00:00Z -> ok
    at=2026-09-01T00:00:00Z -> ok
    at=2026-02-28T23:59:59Z -> not-yet-valid@L '2026-03-01 00:00:00 UTC or later'
    at=2026-09-01T00:00:01Z -> expired@L '2026-09-01 00:00:00 UTC or earlier'
    at=2026-02-28T23:59:59.999999999Z -> not-yet-valid@L
    at=2026-09-01T00:00:00.000000001Z -> expired@L // ok
    at=2026-09-01T00:00:00.999Z -> expired@L // ok
    at=2026-09-01T00:00:01.0Z -> expired@L
# Time zones are of the question alone.
    at=2026-09-01T02:00:00+02:00 -> ok
    at=2026-08-31T23:00:00-02:00 -> expired@L
    at=2026-03-01T00:30:00+01:00 -> not-yet-valid@L
# Every certificate of the path, and the trust anchor's too.
R until=-1d | L<R
    -> expired@R path=L,R
R from=+1d | L<R
    -> not-yet-valid@R
R | I<R until=-1d | L<I
    -> expired@I path=L,I
R | I<R from=+1d | L<I
    -> not-yet-valid@I
R | L<R until=-1s
    -> expired@L path=L
R | L<R from=+1s
    -> not-yet-valid@L
R until=-1d | I<R until=-1d | L<I until=-1d
    -> expired@L
R until=-1d | I<R | L<I from=+1d
    -> expired@R+not-yet-valid@L
L from=+1d | R=L
    -> not-yet-valid@L
# What outlives its issuer is no fault of the path, which ends with the first of them.
R until=+10d | L<R until=+20d
    -> ok until=R
R until=+20d | I<R until=+10d | L<I until=+15d
    -> ok until=I
R | L<R until=+1s
    -> ok until=L
R until=+1d | L<R until=+1d
    -> ok until=L
# No life at all.
R | L<R from=+1d until=-1d
    -> not-yet-valid@L
R | L<R from=2026-06-01T12:00:00Z until=2026-06-01T12:00:00Z
    -> ok
";

/// How dates are written.
pub(super) const DATES: &str = "
# RFC 5280 section 4.1.2.5: both forms are read, whatever the year; 50 is 1950, and 49 is 2049.
R times=generalized | L<R times=generalized
    -> ok!date@L 'before 2050'
R | L<R until=never
    -> ok until=R
R until=never | L<R until=never
    at=9999-12-31T23:59:59Z -> ok
R | L<R from=1960-01-01T00:00:00Z
    -> ok
R from=utc:500101000000Z | L<R from=utc:500101000000Z until=utc:491231235959Z
    -> ok
R | L<R until=utc:500101000000Z
    -> expired@L '1950'
R until=2050-06-01T00:00:00Z | L<R until=2050-06-01T00:00:00Z
    at=2026-06-01T12:00:00Z -> ok
# Seconds and Z are there, fractions are not. Go reads UTCTime without seconds, and offsets that are not zero.
R | L<R until=utc:2701010000Z
    -> ok!date@L // date@L '2701010000Z'
R | L<R until=utc:270101000000+0100
    -> ok!date@L // date@L
R | L<R until=utc:270101000000+0000
    -> encoding@L // date@L
R | L<R from=utc:2601010000Z
    -> ok!date@L // date@L
R until=utc:2701010000Z | L<R
    -> ok
R | I<R until=utc:2701010000Z | L<I
    -> ok!date@I // date@I
R | I<R from=utc:260101000000-0130 | L<I
    -> ok!date@I // date@I
R | L<R until=generalized:20270101000000.5Z
    -> encoding@L // date@L
R | L<R until=generalized:202701010000Z
    -> encoding@L // date@L
# What is no date is in no certificate.
R | L<R until=generalized:20270101000000
    -> unreadable
R | L<R until=utc:270230000000Z
    -> unreadable
R | L<R until=utc:270101240000Z
    -> unreadable
R | L<R until=utc:270101000060Z
    -> unreadable
R | L<R until=utc:27-101000000Z
    -> unreadable
";

#[test]
fn instants() {
    check(INSTANTS);
}

#[test]
fn dates() {
    check(DATES);
}
