use ndarray::Array2;

use crate::{Dataset, Encode, Fit, Predict, Result};

/// Fits one step, then the next on what the first makes of the rows. Made by [`Then::then`](crate::Then::then).
///
/// Fitting refits the whole chain on the training rows that it is given, so nothing that one step
/// learned can come from rows outside them.
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
}

impl<A, B> Pipeline<A, B> {
    pub(crate) fn new(first: A, second: B) -> Self {
        Self { first, second }
    }
}

impl<X, A, B> Fit<X> for Pipeline<A, B>
where
    A: Fit<X>,
    A::Fitted: Encode<X>,
    B: Fit<<A::Fitted as Encode<X>>::Output>,
{
    type Fitted = Chain<A::Fitted, B::Fitted>;

    fn fit(&self, train: &Dataset<X>, valid: &Dataset<X>, seed: u64) -> Result<Self::Fitted> {
        let first = self.first.fit(train, valid, seed)?;
        let encoded_train = train.with_inputs(first.encode(&train.inputs)?)?;
        let encoded_valid = valid.with_inputs(first.encode(&valid.inputs)?)?;
        let second = self.second.fit(&encoded_train, &encoded_valid, seed)?;
        Ok(Chain { first, second })
    }
}

impl<X, A, B> Encode<X> for Chain<A, B>
where
    A: Encode<X>,
    B: Encode<A::Output>,
{
    type Output = B::Output;

    fn encode(&self, inputs: &X) -> Result<Self::Output> {
        self.second.encode(&self.first.encode(inputs)?)
    }
}

impl<X, A, B> Predict<X> for Chain<A, B>
where
    A: Encode<X>,
    B: Predict<A::Output>,
{
    fn predict(&self, inputs: &X) -> Result<Array2<f32>> {
        self.second.predict(&self.first.encode(inputs)?)
    }
}
