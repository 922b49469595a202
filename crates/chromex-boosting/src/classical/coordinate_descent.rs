//! Coordinate descent for squared error with absolute and squared penalties.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2};

use super::gram::{lower_products, mirror};

/// Columns whose products fit into little memory, however few the rows.
const MOST_PRODUCTS: usize = 2048;

/// Finds weights w that minimise ‖y − Xw‖² / 2n + `absolute` ‖w‖₁ + `squared` ‖w‖² / 2, one weight at a time.
///
/// Where columns are fewer than rows, or few, the products of columns are computed once, and a step costs as many
/// operations as there are columns; else steps work on the residuals of the rows.
pub(crate) struct CoordinateDescent {
    table: Table,
    /// Mean square of each column.
    squares: Array1<f64>,
    rows: f64,
}

enum Table {
    /// Mean products of columns with columns.
    Products(Array2<f64>),
    /// Columns, each of them contiguous: `[columns, rows]`.
    Columns(Array2<f64>),
}

/// One target: what is subtracted from as weights grow.
pub(crate) struct State<'a> {
    descent: &'a CoordinateDescent,
    /// Mean products of each column with the target.
    target_products: Array1<f64>,
    target_square: f64,
    pub(crate) weights: Array1<f64>,
    /// Mean products of each column with the residuals, or the residuals themselves.
    rest: Array1<f64>,
}

/// Penalties on absolute and squared weights.
#[derive(Clone, Copy)]
pub(crate) struct Penalty {
    pub(crate) absolute: f64,
    pub(crate) squared: f64,
}

/// What was left when the steps were used up: the duality gap, relative to the target's mean square.
pub(crate) struct NotConverged(pub(crate) f64);

impl CoordinateDescent {
    pub(crate) fn new(inputs: ArrayView2<'_, f64>) -> Self {
        let rows = inputs.nrows() as f64;
        let (table, squares) = if inputs.ncols() <= inputs.nrows().max(MOST_PRODUCTS) {
            let products = mirror(lower_products(inputs, None)) / rows;
            let squares = products.diag().to_owned();
            (Table::Products(products), squares)
        } else {
            let columns = inputs.t().as_standard_layout().into_owned();
            let squares = columns.rows().into_iter().map(|c| c.dot(&c) / rows);
            let squares = squares.collect();
            (Table::Columns(columns), squares)
        };
        Self {
            table,
            squares,
            rows,
        }
    }

    /// Starts at weights of 0. `inputs` are those of [`new`](Self::new), `target` lies around its mean.
    pub(crate) fn start<'a>(
        &'a self,
        inputs: ArrayView2<'_, f64>,
        target: ArrayView1<'_, f64>,
    ) -> State<'a> {
        let target_products = inputs.t().dot(&target) / self.rows;
        State {
            descent: self,
            target_square: target.dot(&target) / self.rows,
            weights: Array1::zeros(self.squares.len()),
            rest: match self.table {
                Table::Products(_) => target_products.clone(),
                Table::Columns(_) => target.to_owned(),
            },
            target_products,
        }
    }
}

impl State<'_> {
    /// Gives the smallest penalty on absolute weights under which all weights are 0.
    pub(crate) fn largest_useful_penalty(&self) -> f64 {
        largest(&self.target_products)
    }

    /// Goes on until the duality gap is at most `tolerance` of the target's mean square.
    pub(crate) fn descend(
        &mut self,
        penalty: Penalty,
        tolerance: f64,
        most_sweeps: usize,
    ) -> Result<(), NotConverged> {
        let all: Vec<usize> = (0..self.weights.len()).collect();
        let mut sweeps = 0;
        loop {
            let moved = self.sweep(&all, penalty);
            sweeps += 1;
            let gap = self.duality_gap(penalty);
            if gap <= tolerance * self.target_square {
                return Ok(());
            }
            if sweeps >= most_sweeps {
                return Err(NotConverged(gap / self.target_square));
            }
            // Weights of 0 mostly stay 0: the others settle first, and whether 0 was right is asked again above.
            let active: Vec<usize> = (0..all.len())
                .filter(|&column| self.weights[column] != 0.0)
                .collect();
            let settled = moved * 0.01;
            while sweeps < most_sweeps {
                sweeps += 1;
                if self.sweep(&active, penalty) <= settled {
                    break;
                }
            }
        }
    }

    /// Sets each of some weights to its best value; gives the most that one lowered the loss by.
    fn sweep(&mut self, columns: &[usize], penalty: Penalty) -> f64 {
        let mut most = 0.0_f64;
        for &column in columns {
            let square = self.descent.squares[column];
            if square == 0.0 {
                continue;
            }
            let old = self.weights[column];
            let pull = self.rest_product(column) + square * old;
            let shrunk = (pull.abs() - penalty.absolute).max(0.0).copysign(pull);
            let new = shrunk / (square + penalty.squared);
            if new != old {
                self.weights[column] = new;
                self.subtract(column, new - old);
                most = most.max((square + penalty.squared) * (new - old).powi(2));
            }
        }
        most
    }

    fn rest_product(&self, column: usize) -> f64 {
        match &self.descent.table {
            Table::Products(_) => self.rest[column],
            Table::Columns(columns) => columns.row(column).dot(&self.rest) / self.descent.rows,
        }
    }

    fn subtract(&mut self, column: usize, step: f64) {
        let (Table::Products(table) | Table::Columns(table)) = &self.descent.table;
        self.rest.scaled_add(-step, &table.row(column));
    }

    /// Bounds how far the loss is above its least value (Fercoq, Gramfort and Salmon 2015, in means).
    fn duality_gap(&self, penalty: Penalty) -> f64 {
        let (mut slopes, residual_square) = match &self.descent.table {
            Table::Products(_) => {
                let explained = self.weights.dot(&self.target_products);
                let square = self.target_square - explained - self.weights.dot(&self.rest);
                (self.rest.clone(), square.max(0.0))
            }
            Table::Columns(columns) => (
                columns.dot(&self.rest) / self.descent.rows,
                self.rest.dot(&self.rest) / self.descent.rows,
            ),
        };
        // The residual's product with the target, by way of the weights.
        let along_target = residual_square + self.weights.dot(&slopes);
        slopes.scaled_add(-penalty.squared, &self.weights);
        let steepest = largest(&slopes);
        let scale = if steepest > penalty.absolute {
            penalty.absolute / steepest
        } else {
            1.0
        };
        let absolute: f64 = self.weights.iter().map(|weight| weight.abs()).sum();
        let square = self.weights.dot(&self.weights);
        let gap = 0.5 * residual_square * (1.0 + scale * scale) + penalty.absolute * absolute
            - scale * along_target
            + 0.5 * penalty.squared * (1.0 + scale * scale) * square;
        gap.max(0.0)
    }
}

fn largest(values: &Array1<f64>) -> f64 {
    values.iter().fold(0.0, |most, value| most.max(value.abs()))
}
