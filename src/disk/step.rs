//! The steps at which the disk changes, numbered, so that the tests can stop at each.

use std::io;

/// Announces that the disk is about to change. Outside the tests it does nothing.
#[cfg(not(test))]
#[expect(clippy::unnecessary_wraps, reason = "in the tests it can fail")]
#[inline]
pub(super) fn step() -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
pub(super) use tests::step;

#[cfg(test)]
pub(super) mod tests {
    use std::cell::Cell;

    use super::io;

    /// What happens at a step.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(crate) enum Stop {
        /// The disk is full.
        Fail,
        /// The process is killed.
        Abort,
    }

    thread_local! {
        static ARMED: Cell<Option<(usize, Stop)>> = const { Cell::new(None) };
    }

    /// The step after so many others stops, on this thread, once.
    pub(crate) fn arm(after: usize, stop: Stop) {
        ARMED.set(Some((after, stop)));
    }

    /// Nothing stops any more; says whether the stop was still ahead.
    pub(crate) fn disarm() -> bool {
        ARMED.take().is_some()
    }

    pub(crate) fn step() -> io::Result<()> {
        match ARMED.get() {
            None => Ok(()),
            Some((0, Stop::Fail)) => {
                ARMED.set(None);
                Err(io::ErrorKind::StorageFull.into())
            }
            Some((0, Stop::Abort)) => std::process::abort(),
            Some((after, stop)) => {
                ARMED.set(Some((after - 1, stop)));
                Ok(())
            }
        }
    }
}
