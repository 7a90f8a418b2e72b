//! The axis of time: even near the instant that is judged, narrower the farther away, so that an hour and ten years have room.

use time::{Duration, OffsetDateTime};

/// Up to so many days away from now the axis is nearly even.
const EVEN: f64 = 21.0;
/// The share of the width that the past has, where there is any.
const PAST: f64 = 0.2;
/// No end is farther away than this: RFC 5280's 9999-12-31 would leave no room for this year.
const FARTHEST: f64 = 36_500.0;

/// From instants to places.
#[derive(Debug, Clone, Copy)]
pub(super) struct Axis {
    at: OffsetDateTime,
    /// Where now is.
    pub(super) now: f64,
    /// Its left end.
    pub(super) left: f64,
    /// Its right end.
    pub(super) right: f64,
    past: f64,
    future: f64,
}

/// A place on the axis with its words.
pub(super) struct Tick {
    pub(super) x: f64,
    pub(super) words: &'static str,
}

/// Days from now, and how they are called.
const TICKS: [(f64, &str); 14] = [
    (30.0, "30 d"),
    (365.0, "1 y"),
    (7.0, "7 d"),
    (3652.5, "10 y"),
    (90.0, "90 d"),
    (-365.0, "1 y ago"),
    (-30.0, "30 d ago"),
    (-3652.5, "10 y ago"),
    (1826.0, "5 y"),
    (182.0, "½ y"),
    (36_500.0, "100 y"),
    (10_957.0, "30 y"),
    (730.0, "2 y"),
    (-7.0, "7 d ago"),
];

impl Axis {
    /// An axis over all of these instants.
    pub(super) fn over(
        at: OffsetDateTime,
        instants: impl Iterator<Item = OffsetDateTime>,
        left: f64,
        right: f64,
    ) -> Self {
        let (mut past, mut future) = (40.0_f64, 120.0_f64);
        for instant in instants {
            let days = days(instant - at);
            past = past.max(-days);
            future = future.max(days);
        }
        let now = left + (right - left) * PAST;
        Self { at, now, left, right, past: past.min(FARTHEST), future: future.min(FARTHEST) }
    }

    /// Where an instant is.
    pub(super) fn place(&self, instant: OffsetDateTime) -> f64 {
        self.place_of_days(days(instant - self.at))
    }

    fn place_of_days(&self, days: f64) -> f64 {
        let (most, room) =
            if days < 0.0 { (self.past, self.left - self.now) } else { (self.future, self.right - self.now) };
        let share = (days.abs().min(most) / EVEN).ln_1p() / (most / EVEN).ln_1p();
        self.now + room * share
    }

    /// The words along the axis, as many as have room; the more telling ones first.
    pub(super) fn ticks(&self, apart: f64) -> Vec<Tick> {
        let mut ticks: Vec<Tick> = vec![Tick { x: self.now, words: "now" }];
        for (days, words) in TICKS {
            let within = if days < 0.0 { -days <= self.past } else { days <= self.future };
            let x = self.place_of_days(days);
            if within && ticks.iter().all(|tick| (tick.x - x).abs() >= apart) {
                ticks.push(Tick { x, words });
            }
        }
        ticks.sort_by(|one, other| one.x.total_cmp(&other.x));
        ticks
    }
}

fn days(duration: Duration) -> f64 {
    duration.as_seconds_f64() / 86_400.0
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn instants_keep_their_order_and_stay_within() {
        let at = datetime!(2026-01-01 0:00 UTC);
        let instants = [
            datetime!(1600-01-01 0:00 UTC),
            datetime!(2016-01-01 0:00 UTC),
            datetime!(2025-12-31 0:00 UTC),
            at,
            datetime!(2026-01-01 0:01 UTC),
            datetime!(2026-01-31 0:00 UTC),
            datetime!(2036-01-01 0:00 UTC),
            datetime!(9999-12-31 23:59 UTC),
        ];
        let axis = Axis::over(at, instants.into_iter(), 100.0, 600.0);
        let places = instants.map(|instant| axis.place(instant));
        assert!(places.is_sorted(), "{places:?}");
        assert!(places.iter().all(|x| (100.0..=600.0).contains(x)), "{places:?}");
        assert!((axis.place(at) - axis.now).abs() < 0.1);
    }

    #[test]
    fn words_do_not_touch() {
        let at = datetime!(2026-01-01 0:00 UTC);
        let axis = Axis::over(at, [datetime!(2036-06-01 0:00 UTC)].into_iter(), 0.0, 700.0);
        let ticks = axis.ticks(50.0);
        let words: Vec<&str> = ticks.iter().map(|tick| tick.words).collect();
        assert_eq!(words, ["30 d ago", "now", "30 d", "90 d", "½ y", "1 y", "2 y", "5 y", "10 y"]);
        assert!(ticks.windows(2).all(|pair| pair[1].x - pair[0].x >= 50.0));
    }
}
