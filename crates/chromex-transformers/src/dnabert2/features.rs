use burn::module::Module;
use chromex_core::{Dataset, Encode, Fit, Rows, TokenIds};
use chromex_nn::Device;
use ndarray::{Array2, Axis, concatenate};

use super::{Dnabert2Regression, Dnabert2Regressor};
use crate::token_regression::check_vocabulary;

/// Encodes sequences by a DNABERT-2 that is not trained: what stands for a sequence before the pooler, as features for a
/// ridge or boosting.
///
/// # Shapes
///
/// `[rows, width]`.
#[derive(Clone, Debug)]
pub struct Dnabert2Features {
    /// The network and the weights that it begins with; without them its numbers are drawn, which is a floor of its own.
    pub model: Dnabert2Regression,
    /// What it runs on.
    pub device: Device,
    /// Rows that are encoded at once.
    pub batch_rows: usize,
}

/// Encodes sequences. Made by [`Dnabert2Features`].
#[derive(Clone, Debug)]
pub struct FittedDnabert2Features {
    network: Dnabert2Regressor,
    vocabulary: usize,
    device: Device,
    batch_rows: usize,
}

impl Dnabert2Features {
    /// Encodes 32 rows at once on burn's default device.
    pub fn new(model: Dnabert2Regression) -> Self {
        Self {
            model,
            device: Device::default(),
            batch_rows: 32,
        }
    }
}

impl Fit<TokenIds> for Dnabert2Features {
    type Fitted = FittedDnabert2Features;

    fn fit(
        &self,
        _train: &Dataset<TokenIds>,
        _valid: &Dataset<TokenIds>,
        seed: u64,
    ) -> chromex_core::Result<FittedDnabert2Features> {
        let device = self.device.clone().inner();
        let network = self.model.init(1, seed, &device)?;
        Ok(FittedDnabert2Features {
            network: network.valid(),
            vocabulary: self.model.network.vocabulary,
            device,
            batch_rows: self.batch_rows.max(1),
        })
    }
}

impl Encode<TokenIds> for FittedDnabert2Features {
    type Output = Array2<f32>;

    fn encode(&self, inputs: &TokenIds) -> chromex_core::Result<Array2<f32>> {
        check_vocabulary(inputs, self.vocabulary)?;
        let rows: Vec<usize> = (0..inputs.len()).collect();
        let mut parts = vec![Array2::zeros((0, self.width()))];
        for batch in rows.chunks(self.batch_rows) {
            let states = self.network.embed(&inputs.select(batch), &self.device)?;
            let shape = states.dims();
            let values = states.into_data().convert::<f32>().try_to_vec();
            let values = values.expect("the data was just converted to this type");
            let part = Array2::from_shape_vec((shape[0], shape[1]), values);
            parts.push(part.expect("a tensor has as many values as its shape"));
        }
        let views: Vec<_> = parts.iter().map(Array2::view).collect();
        Ok(concatenate(Axis(0), &views).expect("every batch has the same width"))
    }
}

impl FittedDnabert2Features {
    fn width(&self) -> usize {
        let [_, width] = self.network.bert.tokens.weight.dims();
        width
    }
}
