use burn::Tensor;
use burn::module::Module;
use burn::tensor::TensorData;
use chromex_core::{Dataset, MarkSignal, MarkWindows, Rows, Targets};
use chromex_nn::{Device, Error, Objective, Result};

/// A network that reads the windows of histone marks.
pub trait SignalNetwork: Module + Sync + 'static {
    /// Scores windows: what the network computes before probabilities are made of it.
    ///
    /// # Shapes
    ///
    /// `[rows, bins, marks]` to `[rows, scores]`.
    fn scores(&self, signal: Tensor<3>) -> Tensor<2>;

    /// Tells the bins and marks that the network was built for.
    fn shape(&self) -> [usize; 2];

    /// Reads windows of the shape that the network was built for.
    ///
    /// # Shapes
    ///
    /// Returns `[rows, bins, marks]`.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] when the windows have another shape.
    fn read<X: MarkSignal>(&self, inputs: &X, device: &Device) -> Result<Tensor<3>> {
        let windows = inputs.windows();
        let [bins, marks] = self.shape();
        let found = &windows.signal().shape()[1..];
        if found != [bins, marks] {
            return Err(Error::Setting {
                name: "windows",
                expected: format!("{bins} bins of {marks} marks, as the network was built for"),
                found: format!("{} bins of {} marks", found[0], found[1]),
            });
        }
        Ok(signal_tensor(&windows, device))
    }
}

/// Lays windows out as a tensor `[rows, bins, marks]`.
pub(crate) fn signal_tensor(windows: &MarkWindows, device: &Device) -> Tensor<3> {
    let shape = [windows.len(), windows.bins(), windows.marks().len()];
    let values: Vec<f32> = windows.signal().iter().copied().collect();
    Tensor::from_data(TensorData::new(values, shape), device)
}

/// Lays targets out as a tensor `[rows, targets]`.
pub(crate) fn target_tensor(targets: &Targets, device: &Device) -> Tensor<2> {
    let values: Vec<f32> = targets.values.iter().copied().collect();
    Tensor::from_data(
        TensorData::new(values, [targets.len(), targets.columns.len()]),
        device,
    )
}

/// Tells the bins and marks of training windows, and refuses windows that a network cannot be built for.
pub(crate) fn checked_shape<X: MarkSignal>(
    train: &Dataset<X>,
    objective: Objective,
) -> Result<[usize; 2]> {
    let first = train.inputs.select(&[0]);
    let windows = first.windows();
    let shape = [windows.bins(), windows.marks().len()];
    if shape.contains(&0) {
        return Err(Error::Setting {
            name: "windows",
            expected: "at least 1 bin of 1 mark".into(),
            found: format!("{} bins of {} marks", shape[0], shape[1]),
        });
    }
    target_columns(&train.targets)?;
    let label = |value: &&f32| **value != 0.0 && **value != 1.0;
    if objective == Objective::Binary
        && let Some(value) = train.targets.values.iter().find(label)
    {
        return Err(Error::Setting {
            name: "targets of a classifier",
            expected: "0 or 1".into(),
            found: value.to_string(),
        });
    }
    Ok(shape)
}

/// Refuses targets of other than one column.
pub(crate) fn target_columns(targets: &Targets) -> Result<()> {
    if targets.columns.len() == 1 {
        return Ok(());
    }
    Err(Error::Setting {
        name: "targets",
        expected: "1 column".into(),
        found: targets.columns.len().to_string(),
    })
}

/// Makes a network of one score per row a network of rows: both directions by its objective.
macro_rules! network_by_objective {
    ($network:ty) => {
        impl<X: chromex_core::MarkSignal> chromex_nn::Network<X> for $network {
            fn forward(
                &self,
                inputs: &X,
                device: &chromex_nn::Device,
            ) -> chromex_nn::Result<burn::Tensor<2>> {
                let signal = $crate::SignalNetwork::read(self, inputs, device)?;
                let scores = $crate::SignalNetwork::scores(self, signal);
                Ok(self.objective.predict(scores))
            }

            fn loss(
                &self,
                batch: &chromex_core::Dataset<X>,
                device: &chromex_nn::Device,
            ) -> chromex_nn::Result<burn::Tensor<1>> {
                let signal = $crate::SignalNetwork::read(self, &batch.inputs, device)?;
                let targets = $crate::signal::target_tensor(&batch.targets, device);
                let scores = $crate::SignalNetwork::scores(self, signal);
                Ok(self.objective.loss(scores, targets))
            }
        }
    };
}
pub(crate) use network_by_objective;
