//! Which rows and columns a tree is grown on.

use std::sync::Arc;

use chromex_core::random;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// The settings of sampling, as XGBoost names them: fractions above 0, at most 1.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sampling {
    pub(crate) subsample: f64,
    pub(crate) colsample_bytree: f64,
    pub(crate) colsample_bylevel: f64,
    pub(crate) colsample_bynode: f64,
}

/// For each column of the table whether it may divide rows; none where all may.
pub(crate) type Allowed = Option<Arc<[bool]>>;

/// Draws for one tree. Trees of other numbers or seeds draw other samples; the number of threads changes nothing.
pub(crate) struct Draws {
    sampling: Sampling,
    generator: ChaCha8Rng,
    columns: usize,
    tree: Allowed,
    levels: Vec<Allowed>,
}

impl Draws {
    pub(crate) fn new(sampling: Sampling, columns: usize, seed: u64, tree: usize) -> Self {
        let mut draws = Self {
            sampling,
            generator: random::generator(seed, &format!("sample of tree {tree}")),
            columns,
            tree: None,
            levels: Vec::new(),
        };
        draws.tree = draws.some_of(&None, sampling.colsample_bytree);
        draws
    }

    /// Draws the rows to grow the tree on. Gives them and the others, both ascending.
    pub(crate) fn rows(&mut self, rows: usize) -> (Vec<u32>, Vec<u32>) {
        let all = 0..rows as u32;
        if self.sampling.subsample >= 1.0 {
            return (all.collect(), Vec::new());
        }
        all.partition(|_| self.generator.random::<f64>() < self.sampling.subsample)
    }

    /// Draws the columns for a node of so many splits above it.
    pub(crate) fn columns(&mut self, depth: usize) -> Allowed {
        while self.levels.len() <= depth {
            let level = self.some_of(&self.tree.clone(), self.sampling.colsample_bylevel);
            self.levels.push(level);
        }
        let level = self.levels[depth].clone();
        self.some_of(&level, self.sampling.colsample_bynode)
    }

    /// Draws a fraction of the columns, at least one, without putting back.
    fn some_of(&mut self, of: &Allowed, fraction: f64) -> Allowed {
        if fraction >= 1.0 {
            return of.clone();
        }
        let mut among: Vec<usize> = match of {
            None => (0..self.columns).collect(),
            Some(of) => (0..self.columns).filter(|&column| of[column]).collect(),
        };
        let count = ((among.len() as f64 * fraction) as usize).max(1);
        let mut allowed = vec![false; self.columns];
        for place in 0..count {
            let other = self.generator.random_range(place..among.len());
            among.swap(place, other);
            allowed[among[place]] = true;
        }
        Some(allowed.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: Sampling = Sampling {
        subsample: 1.0,
        colsample_bytree: 1.0,
        colsample_bylevel: 1.0,
        colsample_bynode: 1.0,
    };

    fn count(allowed: &Allowed) -> usize {
        allowed
            .as_ref()
            .map_or(0, |allowed| allowed.iter().filter(|&&one| one).count())
    }

    #[test]
    fn without_sampling_all_rows_and_columns_serve() {
        let mut draws = Draws::new(NONE, 4, 1, 0);
        assert_eq!(draws.rows(3), (vec![0, 1, 2], vec![]));
        assert_eq!(draws.columns(2), None);
    }

    #[test]
    fn fractions_of_columns_nest() {
        let sampling = Sampling {
            colsample_bytree: 0.5,
            colsample_bylevel: 0.5,
            colsample_bynode: 0.5,
            ..NONE
        };
        let mut draws = Draws::new(sampling, 80, 7, 3);
        let (one, other, deeper) = (draws.columns(1), draws.columns(1), draws.columns(2));
        assert_eq!(count(&draws.tree), 40);
        assert_eq!(count(&draws.levels[1]), 20);
        assert_eq!((count(&one), count(&other), count(&deeper)), (10, 10, 10));
        assert_ne!(one, other);
        let within = |inner: &Allowed, outer: &Allowed| {
            let (inner, outer) = (inner.as_ref().unwrap(), outer.as_ref().unwrap());
            inner
                .iter()
                .zip(&**outer)
                .all(|(inner, outer)| !inner | outer)
        };
        assert!(within(&one, &draws.levels[1]) && within(&draws.levels[1], &draws.tree));
    }

    #[test]
    fn about_the_fraction_of_rows_is_drawn_and_each_row_once() {
        let sampling = Sampling {
            subsample: 0.25,
            ..NONE
        };
        let (drawn, others) = Draws::new(sampling, 1, 7, 0).rows(10_000);
        assert!((2_300..2_700).contains(&drawn.len()), "{}", drawn.len());
        let mut all: Vec<u32> = drawn.iter().chain(&others).copied().collect();
        all.sort_unstable();
        assert!(all.into_iter().eq(0..10_000));
        let again = Draws::new(sampling, 1, 7, 0).rows(10_000);
        let another = Draws::new(sampling, 1, 7, 1).rows(10_000);
        assert_eq!(again.0, drawn);
        assert_ne!(another.0, drawn);
    }

    #[test]
    fn at_least_one_column_is_drawn() {
        let sampling = Sampling {
            colsample_bynode: 1e-9,
            ..NONE
        };
        assert_eq!(count(&Draws::new(sampling, 3, 0, 0).columns(0)), 1);
    }
}
