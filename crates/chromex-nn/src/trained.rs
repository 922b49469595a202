use burn::module::Module;
use chromex_core::{MarkLayout, Predict, Rows};
use ndarray::{Array2, Axis, concatenate};

use crate::{Device, Error, Network, Result};

/// A network that was trained, ready to predict.
#[derive(Clone, Debug)]
pub struct Trained<N> {
    /// The network, without gradients.
    pub network: N,
    /// What it runs on.
    pub device: Device,
    /// Rows that are predicted at once.
    pub batch_rows: usize,
    /// The marks and bins of the rows that it was trained on, where they have any: every row that it predicts is put into their
    /// layout by name, or refused.
    pub marks: Vec<MarkLayout>,
}

impl<N: Module> Trained<N> {
    /// Makes a network ready to predict. Whether rows have the marks that it was trained on is up to the network, or told in
    /// [`marks`](Self::marks).
    pub fn new(network: &N, device: &Device, batch_rows: usize) -> Self {
        Self {
            network: network.valid(),
            device: device.clone().inner(),
            batch_rows,
            marks: Vec::new(),
        }
    }
}

impl<N> Trained<N> {
    /// Predicts batch after batch.
    ///
    /// # Errors
    ///
    /// When the network cannot read the rows.
    pub fn forward<X: Rows>(&self, inputs: &X) -> Result<Array2<f32>>
    where
        N: Network<X>,
    {
        let inputs = inputs.in_layouts(&self.marks)?;
        let rows: Vec<usize> = (0..inputs.len()).collect();
        let mut parts = Vec::new();
        for batch in rows.chunks(self.batch_rows.max(1)) {
            let output = self.network.forward(&inputs.select(batch), &self.device)?;
            let [rows, targets] = output.dims();
            let values = output
                .into_data()
                .convert::<f32>()
                .try_to_vec()
                .expect("the data was just converted to this type");
            let part = Array2::from_shape_vec((rows, targets), values)
                .expect("a tensor has as many values as its shape");
            parts.push(part);
        }
        if parts.is_empty() {
            return Err(Error::Core(chromex_core::Error::Empty {
                what: "a batch to predict",
            }));
        }
        let views: Vec<_> = parts.iter().map(Array2::view).collect();
        Ok(concatenate(Axis(0), &views).expect("every batch has the same targets"))
    }
}

impl<X: Rows, N: Network<X>> Predict<X> for Trained<N> {
    fn predict(&self, inputs: &X) -> chromex_core::Result<Array2<f32>> {
        Ok(self.forward(inputs)?)
    }
}
