use burn::Tensor;
use burn::module::Module;
use burn::tensor::TensorData;
use chromex_core::{Dataset, MarkLayout, MarkSignal, MarkWindows, Rows, Targets};
use chromex_nn::{Device, Error, Objective, Result};

/// A network that reads the windows of histone marks.
pub trait SignalNetwork: Module + Sync + 'static {
    /// Scores windows: what the network computes before probabilities are made of it.
    ///
    /// # Shapes
    ///
    /// `[rows, bins, marks]` to `[rows, scores]`.
    fn scores(&self, signal: Tensor<3>) -> Tensor<2>;

    /// Tells the marks and bins that the network was built for.
    fn layout(&self) -> &MarkLayout;

    /// Reads windows of the marks and bins that the network was built for. Marks are known by name: in another order they are put
    /// into the network's ([`MarkLayout::reordering`] tells).
    ///
    /// # Shapes
    ///
    /// Returns `[rows, bins, marks]`.
    ///
    /// # Errors
    ///
    /// [`Error::Core`] with both layouts when the windows have other marks, bins or widths.
    fn read<X: MarkSignal>(&self, inputs: &X, device: &Device) -> Result<Tensor<3>> {
        let windows = inputs.windows();
        let windows = windows.in_layout(self.layout())?;
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

/// Tells the marks and bins of training windows, and refuses windows that a network cannot be built for.
pub(crate) fn checked_layout<X: MarkSignal>(
    train: &Dataset<X>,
    objective: Objective,
) -> Result<MarkLayout> {
    let layout = train.inputs.select(&[]).windows().layout();
    if layout.bins == 0 || layout.marks.is_empty() {
        return Err(Error::Setting {
            name: "windows",
            expected: "at least 1 bin of 1 mark".into(),
            found: layout.to_string(),
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
    Ok(layout)
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

/// A layout of so many bins and of marks named by letters.
#[cfg(test)]
pub(crate) fn layout_of(bins: usize, marks: u8) -> MarkLayout {
    MarkLayout {
        marks: (0..marks)
            .map(|mark| char::from(b'a' + mark).to_string())
            .collect(),
        bins,
        bin_width_bp: 100,
    }
}
