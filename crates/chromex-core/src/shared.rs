use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use crate::{Dataset, Fingerprint, Fit, Result, Rows};

/// Fits a learner once per training rows and seed, and lends the result to every pipeline that starts
/// with it.
///
/// Three feature sets of one language model then train it once. Clones share what is fitted. Rows are
/// told apart by their ids and targets, so use one `Shared` with one kind of inputs only.
pub struct Shared<L, F> {
    learner: Arc<L>,
    fitted: Arc<Mutex<HashMap<String, Arc<F>>>>,
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

impl<X: Rows, L: Fit<X>> Fit<X> for Shared<L, L::Fitted> {
    type Fitted = Arc<L::Fitted>;

    fn fit(&self, train: &Dataset<X>, valid: &Dataset<X>, seed: u64) -> Result<Self::Fitted> {
        let mut print = Fingerprint::default();
        print.number(seed);
        train.fingerprint(&mut print);
        valid.fingerprint(&mut print);
        let key = print.finish();
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
    use crate::{Target, Targets, Transform};
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
        // The same rows with something else to predict.
        let column = Target {
            name: "expression".into(),
            unit: "none".into(),
            transform: Transform::Identity,
        };
        let targets = Targets::new(ndarray::array![[1.0], [2.0], [3.0]], vec![column]).unwrap();
        let labelled = Dataset { targets, ..data };
        shared.fit(&labelled, &labelled, 1).unwrap();
        assert_eq!(fits(&shared), 4);
    }
}
