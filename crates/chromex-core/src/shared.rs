use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use sha2::{Digest, Sha256};

use crate::{Dataset, Fit, Result};

/// Fits a learner once per training rows and seed, and lends the result to every pipeline that starts
/// with it.
///
/// Three feature sets of one language model then train it once. Clones share what is fitted. Rows are
/// told apart by their ids, so use one `Shared` with one dataset only.
pub struct Shared<L, F> {
    learner: Arc<L>,
    fitted: Arc<Mutex<HashMap<[u8; 32], Arc<F>>>>,
}

impl<L, F> Shared<L, F> {
    /// Shares a learner.
    pub fn new(learner: L) -> Self {
        Self {
            learner: Arc::new(learner),
            fitted: Arc::default(),
        }
    }
}

impl<L, F> Clone for Shared<L, F> {
    fn clone(&self) -> Self {
        Self {
            learner: Arc::clone(&self.learner),
            fitted: Arc::clone(&self.fitted),
        }
    }
}

impl<X, L: Fit<X>> Fit<X> for Shared<L, L::Fitted> {
    type Fitted = Arc<L::Fitted>;

    fn fit(&self, train: &Dataset<X>, valid: &Dataset<X>, seed: u64) -> Result<Self::Fitted> {
        let mut hash = Sha256::new();
        hash.update(seed.to_le_bytes());
        for part in [train, valid] {
            hash.update(part.len().to_le_bytes());
            for id in part.keys.ids() {
                hash.update(id.len().to_le_bytes());
                hash.update(id);
            }
        }
        let key = hash.finalize().into();
        // Held while fitting: a second caller waits for the result instead of fitting it again.
        let mut fitted = self
            .fitted
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(known) = fitted.get(&key) {
            return Ok(Arc::clone(known));
        }
        let fresh = Arc::new(self.learner.fit(train, valid, seed)?);
        fitted.insert(key, Arc::clone(&fresh));
        Ok(fresh)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    struct Counting(AtomicUsize);

    impl Fit<Vec<u8>> for Counting {
        type Fitted = u64;

        fn fit(&self, _: &Dataset<Vec<u8>>, _: &Dataset<Vec<u8>>, seed: u64) -> Result<u64> {
            self.0.fetch_add(1, Ordering::Relaxed);
            Ok(seed)
        }
    }

    #[test]
    fn the_same_rows_and_seed_fit_once_and_others_fit_again() {
        let data = Dataset::unlabelled(vec![1_u8, 2, 3]);
        let shared = Shared::new(Counting(AtomicUsize::new(0)));
        let fits = |shared: &Shared<Counting, u64>| shared.learner.0.load(Ordering::Relaxed);
        shared.fit(&data, &data, 1).unwrap();
        shared.clone().fit(&data, &data, 1).unwrap();
        assert_eq!(fits(&shared), 1);
        assert_eq!(*shared.fit(&data, &data, 2).unwrap(), 2);
        shared.fit(&data.select(&[0, 1]), &data, 1).unwrap();
        assert_eq!(fits(&shared), 3);
    }
}
