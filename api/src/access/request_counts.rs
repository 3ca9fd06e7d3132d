//! Requests of each key, counted by outcome.
//!
//! Not the SDK's counter: adding to it with two labels takes longer than all of authentication.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use opentelemetry::KeyValue;

use super::key_name::KeyName;
use crate::metrics::{
    API_KEY_EXPIRED, AUTHORIZED, KEY, OUTCOME, REQUESTS_BY_KEY, SCOPE_MISSING, SITE_FORBIDDEN,
};

/// What became of a request with a known key.
#[derive(Debug, Clone, Copy)]
pub(super) enum Outcome {
    Authorized,
    Expired,
    ScopeMissing,
    SiteForbidden,
}

impl Outcome {
    const ALL: [Self; 4] =
        [Self::Authorized, Self::Expired, Self::ScopeMissing, Self::SiteForbidden];

    const fn name(self) -> &'static str {
        match self {
            Self::Authorized => AUTHORIZED,
            Self::Expired => API_KEY_EXPIRED,
            Self::ScopeMissing => SCOPE_MISSING,
            Self::SiteForbidden => SITE_FORBIDDEN,
        }
    }
}

/// The requests of a key, in the order of [`Outcome::ALL`].
#[derive(Debug, Default)]
pub(super) struct RequestCounts([AtomicU64; Outcome::ALL.len()]);

impl RequestCounts {
    /// Counts a request.
    pub fn add(&self, outcome: Outcome) {
        if let Some(count) = self.0.get(outcome as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The counts with the labels of this name.
    fn labelled(&self, name: &KeyName) -> impl Iterator<Item = (u64, Vec<KeyValue>)> {
        Outcome::ALL.into_iter().zip(&self.0).map(|(outcome, count)| {
            let labels =
                [KeyValue::new(KEY, name.shared()), KeyValue::new(OUTCOME, outcome.name())];
            (count.load(Ordering::Relaxed), labels.into())
        })
    }
}

/// The counts of every key in use, by name: a key keeps its counts when the file is read again, and a name that is no
/// longer in the file is no longer exposed.
#[derive(Debug, Clone, Default)]
pub(super) struct CountsByName(Arc<Mutex<HashMap<KeyName, Weak<RequestCounts>>>>);

impl CountsByName {
    /// The counts of no key yet, exposed as a metric.
    pub fn exposed() -> Self {
        let counts = Self::default();
        let exposed = counts.clone();
        REQUESTS_BY_KEY.register_labelled_counter(move || exposed.collect());
        counts
    }

    /// The counts of a key.
    pub fn of(&self, name: &KeyName) -> Arc<RequestCounts> {
        let mut by_name = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        by_name.retain(|_, counts| counts.strong_count() > 0);
        if let Some(counts) = by_name.get(name).and_then(Weak::upgrade) {
            return counts;
        }
        let counts = Arc::default();
        by_name.insert(name.clone(), Arc::downgrade(&counts));
        counts
    }

    fn collect(&self) -> Vec<(u64, Vec<KeyValue>)> {
        let by_name = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let in_use = by_name.iter().filter_map(|(name, counts)| Some((name, counts.upgrade()?)));
        in_use.flat_map(|(name, counts)| counts.labelled(name).collect::<Vec<_>>()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_keeps_its_counts_while_a_key_has_it() {
        let counts = CountsByName::default();
        let name: KeyName = "gateway".parse().unwrap();
        let before = counts.of(&name);
        before.add(Outcome::Authorized);
        before.add(Outcome::SiteForbidden);
        // The file is read again: the new keys exist before the old ones are dropped.
        let after = counts.of(&name);
        drop(before);
        after.add(Outcome::Authorized);
        let exposed = counts.collect();
        let exposed: Vec<_> =
            exposed.iter().map(|(count, labels)| (*count, labels[1].value.as_str())).collect();
        let expected =
            [(2, AUTHORIZED), (0, API_KEY_EXPIRED), (0, SCOPE_MISSING), (1, SITE_FORBIDDEN)];
        assert_eq!(exposed, expected.map(|(count, outcome)| (count, outcome.into())));
        drop(after);
        assert_eq!(counts.collect().len(), 0);
    }
}
