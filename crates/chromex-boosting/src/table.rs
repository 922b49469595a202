//! Checks of the tables that models are fitted on and used with.

use ndarray::ArrayView2;

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
