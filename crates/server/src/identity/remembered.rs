//! What was found out and is expensive to find out again.

use std::collections::BTreeMap;

/// A digest that stands for what was asked.
pub type Digest = [u8; 32];

/// Remembers at most twice as many answers as it is told: when the young ones are that many, they become the old, and the old are
/// forgotten. What is asked for again is young again.
#[derive(Debug)]
pub struct Remembered<T> {
    most: usize,
    young: BTreeMap<Digest, T>,
    old: BTreeMap<Digest, T>,
}

impl<T: Clone> Remembered<T> {
    /// Remembers nothing yet.
    pub fn new(most: usize) -> Remembered<T> {
        Remembered { most, young: BTreeMap::new(), old: BTreeMap::new() }
    }

    /// What was put under a digest, if it is still known.
    pub fn get(&mut self, digest: &Digest) -> Option<T> {
        if let Some(found) = self.young.get(digest) {
            return Some(found.clone());
        }
        let found = self.old.remove(digest)?;
        self.put(*digest, found.clone());
        Some(found)
    }

    /// Remembers something.
    pub fn put(&mut self, digest: Digest, value: T) {
        if self.young.len() >= self.most {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(digest, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_stays_and_memory_is_bounded() {
        let mut remembered = Remembered::new(10);
        let digest = |n: u16| std::array::from_fn(|i| n.to_be_bytes()[i % 2]);
        remembered.put(digest(0), 0);
        for n in 1..1000 {
            remembered.put(digest(n), n);
            assert_eq!(remembered.get(&digest(0)), Some(0));
            assert!(remembered.young.len() + remembered.old.len() <= 20);
        }
        assert_eq!(remembered.get(&digest(5)), None);
    }
}
