//! How many may do something costly at a time, and how many may wait for it.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

#[derive(Debug, Default)]
struct Count {
    inside: usize,
    waiting: usize,
}

/// Lets a few in at a time; a few more wait, and not for long.
#[derive(Debug)]
pub struct Turnstile {
    places: usize,
    queue: usize,
    patience: Duration,
    count: Mutex<Count>,
    left: Condvar,
}

/// A place inside, given up when dropped.
#[derive(Debug)]
pub struct Inside<'a>(&'a Turnstile);

impl Turnstile {
    /// A turnstile with so many places inside, and in front of it.
    pub fn new(places: usize, queue: usize, patience: Duration) -> Turnstile {
        Turnstile { places, queue, patience, count: Mutex::default(), left: Condvar::new() }
    }

    /// A place, or nothing where too many wait or patience ends.
    pub fn enter(&self) -> Option<Inside<'_>> {
        let mut count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        if count.inside >= self.places {
            if count.waiting >= self.queue {
                return None;
            }
            count.waiting += 1;
            let is_full = |count: &mut Count| count.inside >= self.places;
            count = self.left.wait_timeout_while(count, self.patience, is_full).unwrap_or_else(PoisonError::into_inner).0;
            count.waiting -= 1;
        }
        if count.inside >= self.places {
            return None;
        }
        count.inside += 1;
        Some(Inside(self))
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.count.lock().unwrap_or_else(PoisonError::into_inner).inside -= 1;
        self.0.left.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn no_more_than_its_places_are_inside_and_a_full_queue_turns_away() {
        let turnstile = Turnstile::new(2, 3, Duration::from_secs(20));
        let (inside, most, let_in) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..20 {
                scope.spawn(|| {
                    let Some(_place) = turnstile.enter() else { return };
                    most.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    std::thread::sleep(Duration::from_millis(100));
                    inside.fetch_sub(1, Ordering::SeqCst);
                    let_in.fetch_add(1, Ordering::SeqCst);
                });
            }
        });
        assert_eq!(most.into_inner(), 2);
        assert!(let_in.into_inner() >= 5, "two inside and three waiting are served");
    }

    #[test]
    fn patience_ends() {
        let turnstile = Turnstile::new(1, 1, Duration::from_millis(5));
        let place = turnstile.enter();
        assert!(place.is_some() && turnstile.enter().is_none());
        drop(place);
        assert!(turnstile.enter().is_some());
    }
}
