//! Checks of the tables that models are fitted on and used with.

use ndarray::{Array2, ArrayView2};

use crate::{Error, Result};

/// Checks a table to fit on: that there is something to learn, and that no input is infinite and every
/// target finite.
pub(crate) fn check_training(
    inputs: ArrayView2<'_, f32>,
    targets: ArrayView2<'_, f32>,
) -> Result<()> {
    for (what, found) in [
        ("rows", inputs.nrows()),
        ("columns", inputs.ncols()),
        ("targets", targets.ncols()),
    ] {
        if found == 0 {
            return Err(Error::Empty {
                part: "training",
                what,
            });
        }
    }
    for (what, found) in [("rows", inputs.nrows()), ("columns", inputs.ncols())] {
        let most = i32::MAX as usize;
        if found > most {
            return Err(Error::TooLarge { what, most, found });
        }
    }
    check_not_infinite(inputs)?;
    check_finite("target", targets)
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
