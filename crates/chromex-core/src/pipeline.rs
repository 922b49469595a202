use ndarray::Array2;

use crate::{Dataset, Encode, Fit, MarkLayout, Predict, Result, Rows};

/// Fits one step, then the next on what the first makes of the rows. Made by [`Then::then`](crate::Then::then).
///
/// Fitting refits the whole chain on the training rows that it is given, so nothing that one step
/// learned can come from rows outside them.
///
/// The fitted chain remembers the marks and bins of its training rows and puts every other row into their layout by name, or
/// refuses it: no step has to.
#[derive(Clone, Debug)]
pub struct Pipeline<A, B> {
    first: A,
    second: B,
}

/// Two fitted steps, one after the other.
#[derive(Clone, Debug)]
pub struct Chain<A, B> {
    /// The step that encodes the rows.
    pub first: A,
    /// The step that encodes or predicts from what the first makes of them.
    pub second: B,
    /// The marks and bins of the rows that it was fitted on, where they have any.
    marks: Vec<MarkLayout>,
}

impl<A, B> Chain<A, B> {
    /// Chains two fitted steps whose rows have no marks, or whose first step knows its marks itself.
    pub fn new(first: A, second: B) -> Self {
        Self {
            first,
            second,
            marks: Vec::new(),
        }
    }

    /// Tells the marks and bins of the rows that it was fitted on.
    pub fn mark_layouts(&self) -> &[MarkLayout] {
        &self.marks
    }
}

impl<A, B> Pipeline<A, B> {
    pub(crate) fn new(first: A, second: B) -> Self {
        Self { first, second }
    }
}

impl<X: Rows, A, B> Fit<X> for Pipeline<A, B>
where
    A: Fit<X>,
    A::Fitted: Encode<X>,
    B: Fit<<A::Fitted as Encode<X>>::Output>,
{
    type Fitted = Chain<A::Fitted, B::Fitted>;

    fn fit(&self, train: &Dataset<X>, valid: &Dataset<X>, seed: u64) -> Result<Self::Fitted> {
        let marks = train.inputs.mark_layouts();
        let valid = valid.in_layouts(&marks)?;
        let first = self.first.fit(train, &valid, seed)?;
        let encoded_train = train.with_inputs(first.encode(&train.inputs)?)?;
        let encoded_valid = valid.with_inputs(first.encode(&valid.inputs)?)?;
        let second = self.second.fit(&encoded_train, &encoded_valid, seed)?;
        Ok(Chain {
            first,
            second,
            marks,
        })
    }
}

impl<X: Rows, A, B> Encode<X> for Chain<A, B>
where
    A: Encode<X>,
    B: Encode<A::Output>,
{
    type Output = B::Output;

    fn encode(&self, inputs: &X) -> Result<Self::Output> {
        let inputs = inputs.in_layouts(&self.marks)?;
        self.second.encode(&self.first.encode(&inputs)?)
    }
}

impl<X: Rows, A, B> Predict<X> for Chain<A, B>
where
    A: Encode<X>,
    B: Predict<A::Output>,
{
    fn predict(&self, inputs: &X) -> Result<Array2<f32>> {
        let inputs = inputs.in_layouts(&self.marks)?;
        self.second.predict(&self.first.encode(&inputs)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{LogMeans, MarkWindows, Then, TrainMean, WindowColumns, WindowMaxima};
    use ndarray::{Array3, Axis};

    fn windows(places: [usize; 3], bins: usize, bin_width_bp: u32) -> MarkWindows {
        let signal = Array3::from_shape_fn((4, bins, 3), |(gene, bin, mark)| {
            (gene * 31 + bin * 7 + mark * 13) as f32 % 11.0
        });
        let marks = places.map(|place| ["a", "b", "c"][place].to_owned());
        MarkWindows::new(
            signal.select(Axis(2), &places),
            marks.to_vec(),
            bin_width_bp,
        )
        .unwrap()
    }

    #[test]
    fn every_chain_knows_its_marks_by_name() {
        let data = Dataset::unlabelled(windows([0, 1, 2], 4, 100));
        // Validation rows may stand in another order as well.
        let valid = Dataset::unlabelled(windows([2, 1, 0], 4, 100));
        macro_rules! check {
            ($first:expr) => {
                let fitted = $first.then(TrainMean).fit(&data, &valid, 0).unwrap();
                let encode = |rows: &MarkWindows| {
                    let rows = rows.in_layouts(fitted.mark_layouts()).unwrap();
                    fitted.first.encode(&*rows)
                };
                let whole = encode(&data.inputs).unwrap();
                for places in [[1, 0, 2], [2, 0, 1]] {
                    assert_eq!(encode(&windows(places, 4, 100)).unwrap(), whole);
                    assert!(fitted.predict(&windows(places, 4, 100)).is_ok());
                }
                for other in [windows([0, 1, 2], 4, 25), windows([0, 1, 2], 5, 100)] {
                    let message = fitted.predict(&other).unwrap_err().to_string();
                    assert!(message.contains("4 bins of 100 bp"), "{message}");
                }
                let other = MarkWindows::new(
                    Array3::zeros((1, 4, 3)),
                    ["a", "b", "d"].map(String::from).to_vec(),
                    100,
                );
                let message = fitted.predict(&other.unwrap()).unwrap_err().to_string();
                assert!(message.ends_with("missing: c; not known: d"), "{message}");
            };
        }
        check!(WindowColumns);
        check!(WindowMaxima);
        check!(LogMeans { bins: 1..3 });
    }
}
