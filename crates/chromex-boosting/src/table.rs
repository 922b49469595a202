//! The tables that models are fitted on and used with, and their checks.

use ndarray::{Array2, ArrayView2};

use crate::{Error, Result};

/// Rows to fit or to choose by: inputs, targets, and how much each row counts.
#[derive(Clone, Copy, Debug)]
pub struct Table<'a> {
    /// `[rows, columns]`; NaN where a value is missing.
    pub inputs: ArrayView2<'a, f32>,
    /// `[rows, targets]`.
    pub targets: ArrayView2<'a, f32>,
    /// A weight per row, 0 or above; all count alike without.
    pub weights: Option<&'a [f32]>,
}

impl<'a> Table<'a> {
    /// Puts inputs and targets of the same rows together.
    pub fn new<'i: 'a, 't: 'a>(inputs: ArrayView2<'i, f32>, targets: ArrayView2<'t, f32>) -> Self {
        Self {
            inputs: inputs.reborrow(),
            targets: targets.reborrow(),
            weights: None,
        }
    }

    /// Weighs the rows.
    pub fn weighted(self, weights: &'a [f32]) -> Self {
        Self {
            weights: Some(weights),
            ..self
        }
    }

    /// Lends the table for a shorter time.
    pub(crate) fn reborrow<'b>(&self) -> Table<'b>
    where
        'a: 'b,
    {
        Table {
            inputs: self.inputs.reborrow(),
            targets: self.targets.reborrow(),
            weights: self.weights,
        }
    }
}

/// Checks that there is a weight for each row, that none is below 0, and that some are above.
pub(crate) fn check_weights(weights: Option<&[f32]>, rows: usize) -> Result<()> {
    let Some(weights) = weights else {
        return Ok(());
    };
    if weights.len() != rows {
        return Err(Error::Weights {
            expected: rows,
            found: weights.len(),
        });
    }
    match weights
        .iter()
        .position(|weight| !(weight.is_finite() && *weight >= 0.0))
    {
        Some(row) => Err(Error::Value {
            what: "weight",
            row,
            column: 0,
            expected: "a finite number, 0 or above",
            found: weights[row],
        }),
        None if weights.iter().all(|&weight| weight == 0.0) => Err(Error::Empty {
            part: "training",
            what: "rows of a weight above 0",
        }),
        None => Ok(()),
    }
}

/// Checks a table to fit on: that there is something to learn, and that no input is infinite and every
/// target finite.
pub(crate) fn check_training(
    inputs: ArrayView2<'_, f32>,
    targets: ArrayView2<'_, f32>,
) -> Result<()> {
    check_extent("columns", inputs.ncols())?;
    check_targets(targets)?;
    check_not_infinite(inputs)
}

/// Checks the targets of a table to fit on.
pub(crate) fn check_targets(targets: ArrayView2<'_, f32>) -> Result<()> {
    check_extent("rows", targets.nrows())?;
    check_extent("targets", targets.ncols())?;
    check_finite("target", targets)
}

/// Checks that there are some, and not more than 32-bit indices can number.
pub(crate) fn check_extent(what: &'static str, found: usize) -> Result<()> {
    let most = i32::MAX as usize;
    match found {
        0 => Err(Error::Empty {
            part: "training",
            what,
        }),
        _ if found > most => Err(Error::TooLarge { what, most, found }),
        _ => Ok(()),
    }
}

/// Checks rows that choose among settings: that there are some, of as many targets as the training rows.
pub(crate) fn check_validation(
    (inputs, targets): (ArrayView2<'_, f32>, ArrayView2<'_, f32>),
    expected: usize,
) -> Result<()> {
    assert_eq!(
        inputs.nrows(),
        targets.nrows(),
        "rows of inputs and targets"
    );
    if inputs.nrows() == 0 {
        return Err(Error::Empty {
            part: "validation",
            what: "rows",
        });
    }
    let found = targets.ncols();
    if found != expected {
        return Err(Error::Targets { expected, found });
    }
    check_finite("target", targets)
}

/// Adds up the squares of the errors of all targets.
pub(crate) fn squared_error(predicted: Array2<f32>, truth: ArrayView2<'_, f32>) -> f64 {
    let errors = predicted - truth;
    errors.iter().map(|&error| f64::from(error).powi(2)).sum()
}

/// Checks that every target is a class, 0 or 1, and that both occur.
pub(crate) fn check_classes(targets: ArrayView2<'_, f32>) -> Result<()> {
    check("target", targets, "0 or 1", |value| {
        value == 0.0 || value == 1.0
    })?;
    for (target, classes) in targets.columns().into_iter().enumerate() {
        let found = classes[0];
        if classes.iter().all(|&class| class == found) {
            return Err(Error::OneClass { target, found });
        }
    }
    Ok(())
}

/// Checks rows to predict against the columns that the model was fitted on.
pub(crate) fn check_columns(inputs: ArrayView2<'_, f32>, expected: usize) -> Result<()> {
    let found = inputs.ncols();
    if found == expected {
        Ok(())
    } else {
        Err(Error::Columns { expected, found })
    }
}

/// Checks that no number is infinite; missing ones are allowed.
pub(crate) fn check_not_infinite(inputs: ArrayView2<'_, f32>) -> Result<()> {
    check("input", inputs, "a finite number or NaN", |value| {
        !value.is_infinite()
    })
}

/// Checks that no number is missing, infinite or the lowest there is.
pub(crate) fn check_above_lowest(inputs: ArrayView2<'_, f32>) -> Result<()> {
    check(
        "input",
        inputs,
        "a finite number above the lowest",
        |value| value.is_finite() && value > f32::MIN,
    )
}

/// Checks that all numbers are finite.
pub(crate) fn check_finite(what: &'static str, table: ArrayView2<'_, f32>) -> Result<()> {
    check(what, table, "a finite number", f32::is_finite)
}

fn check(
    what: &'static str,
    table: ArrayView2<'_, f32>,
    expected: &'static str,
    allowed: impl Fn(f32) -> bool,
) -> Result<()> {
    match table.indexed_iter().find(|(_, value)| !allowed(**value)) {
        None => Ok(()),
        Some(((row, column), &found)) => Err(Error::Value {
            what,
            row,
            column,
            expected,
            found,
        }),
    }
}
