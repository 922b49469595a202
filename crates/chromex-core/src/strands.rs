use ndarray::Array2;

use crate::{Dataset, Fit, Predict, Result, Sequences};

/// Predicts from both strands: the mean of what a model makes of a sequence and of its reverse complement.
///
/// The learner is fitted on the sequences as they are.
#[derive(Clone, Debug)]
pub struct BothStrands<L>(pub L);

impl<L: Fit<Sequences>> Fit<Sequences> for BothStrands<L>
where
    L::Fitted: Predict<Sequences>,
{
    type Fitted = BothStrands<L::Fitted>;

    fn fit(
        &self,
        train: &Dataset<Sequences>,
        valid: &Dataset<Sequences>,
        seed: u64,
    ) -> Result<Self::Fitted> {
        Ok(BothStrands(self.0.fit(train, valid, seed)?))
    }
}

impl<P: Predict<Sequences>> Predict<Sequences> for BothStrands<P> {
    fn predict(&self, inputs: &Sequences) -> Result<Array2<f32>> {
        let here = self.0.predict(inputs)?;
        let there = self.0.predict(&inputs.reverse_complement())?;
        Ok((here + there) / 2.0)
    }
}

/// Reads a sequence from the other strand. Ambiguity codes are complemented, case stays, U pairs with A.
///
/// # Examples
///
/// ```
/// assert_eq!(chromex_core::reverse_complement(b"AGcTYN"), b"NRAgCT");
/// ```
pub fn reverse_complement(sequence: &[u8]) -> Vec<u8> {
    let complements = sequence.iter().rev();
    complements
        .map(|&base| COMPLEMENTS[usize::from(base)])
        .collect()
}

/// What pairs with each letter.
const COMPLEMENTS: [u8; 256] = {
    const HERE: &[u8; 13] = b"ATCGRYKMBVDHU";
    const THERE: &[u8; 13] = b"TAGCYRMKVBHDA";
    let mut complements = [0; 256];
    let mut letter = 0;
    while letter < 256 {
        complements[letter] = letter as u8;
        letter += 1;
    }
    let mut place = 0;
    while place < HERE.len() {
        complements[HERE[place] as usize] = THERE[place];
        let lower = HERE[place].to_ascii_lowercase() as usize;
        complements[lower] = THERE[place].to_ascii_lowercase();
        place += 1;
    }
    complements
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Keys, Rows};

    /// Predicts 1 where a sequence begins with A.
    #[derive(Clone)]
    struct StartsWithA;

    impl Fit<Sequences> for StartsWithA {
        type Fitted = Self;

        fn fit(&self, _: &Dataset<Sequences>, _: &Dataset<Sequences>, _: u64) -> Result<Self> {
            Ok(Self)
        }
    }

    impl Predict<Sequences> for StartsWithA {
        fn predict(&self, inputs: &Sequences) -> Result<Array2<f32>> {
            let starts = inputs.iter().map(|s| f32::from(s.first() == Some(&b'A')));
            Ok(Array2::from_shape_vec((inputs.len(), 1), starts.collect()).expect("a column"))
        }
    }

    #[test]
    fn both_strands_count_alike() {
        let rows = Sequences::new(&["AG", "AT", "GC", "CT"]).unwrap();
        let data = Dataset::unlabelled(rows);
        assert_eq!(data.keys, Keys::numbered(4));
        let model = BothStrands(StartsWithA).fit(&data, &data, 0).unwrap();
        let found = model.predict(&data.inputs).unwrap();
        assert_eq!(found.into_raw_vec_and_offset().0, [0.5, 1.0, 0.0, 0.5]);
    }
}
