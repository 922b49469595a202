//! What regressions on tokens have in common.

use burn::Tensor;
use burn::tensor::TensorData;
use chromex_core::{Rows, Targets, TokenIds};
use chromex_nn::{Device, Error, Result};

/// Lays targets out as a tensor `[rows, targets]`.
pub(crate) fn target_tensor(targets: &Targets, device: &Device) -> Tensor<2> {
    let values = &targets.values;
    let shape = [values.nrows(), values.ncols()];
    let data = TensorData::new(values.iter().copied().collect(), shape);
    Tensor::from_data(data, device)
}

/// Refuses tokens that the token table has no row for: a checkpoint and a tokenizer that do not belong together.
pub(crate) fn check_vocabulary(tokens: &TokenIds, vocabulary: usize) -> Result<()> {
    let ids = (0..tokens.len()).flat_map(|row| tokens.sentence(row, 0));
    below_vocabulary(ids, vocabulary)
}

/// Refuses ids that the token table has no row for: a backend would panic.
pub(crate) fn below_vocabulary<'a>(
    ids: impl IntoIterator<Item = &'a u32>,
    vocabulary: usize,
) -> Result<()> {
    match ids.into_iter().max() {
        Some(&id) if id as usize >= vocabulary => Err(Error::Setting {
            name: "vocabulary",
            expected: format!("more than the largest token id, {id}"),
            found: vocabulary.to_string(),
        }),
        _ => Ok(()),
    }
}
