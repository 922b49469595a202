//! Support vectors of a kernel, two multipliers at a time.

use super::kernel_rows::KernelRows;

/// The losses of one target: piece i belongs to row i modulo the number of rows; it has a sign, and a
/// multiplier between 0 and `cost` whose price is `offset`.
pub(crate) struct Pieces {
    pub(crate) cost: f64,
    pub(crate) signs: Vec<f64>,
    pub(crate) offsets: Vec<f64>,
}

/// What each row's kernel is multiplied with, and what is added to the sum.
pub(crate) struct Solution {
    pub(crate) coefficients: Vec<f64>,
    pub(crate) intercept: f64,
}

/// What was left when the steps were used up: by how much two slopes still contradict each other.
pub(crate) struct NotConverged(pub(crate) f64);

/// Curvatures below this are taken for this.
const LEAST_CURVATURE: f64 = 1e-12;

/// Minimises ½ Σ Σ s_i s_j a_i a_j K(i, j) + Σ offset_i a_i over 0 ≤ a ≤ cost with Σ s_i a_i = 0, until no pair of
/// slopes contradicts each other by more than `tolerance`.
///
/// Each step moves the multiplier of steepest slope and the one that lowers the loss most together with it
/// (Fan, Chen and Lin, Working set selection using second order information for training support vector
/// machines, Journal of Machine Learning Research 6, 2005, <https://www.jmlr.org/papers/v6/fan05a.html>), as libsvm
/// does. Variables are not shrunk away: the slopes of both pieces of a row are kept as one number.
pub(crate) fn minimise(
    kernel: &mut KernelRows<'_>,
    pieces: &Pieces,
    tolerance: f64,
    most_steps: usize,
) -> Result<Solution, NotConverged> {
    let rows = kernel.len();
    let mut descent = Descent {
        pieces,
        multipliers: vec![0.0; pieces.signs.len()],
        sums: vec![0.0; rows],
    };
    let mut left = f64::INFINITY;
    for _ in 0..most_steps {
        let Some((first, steepest)) = descent.steepest() else {
            return Ok(descent.solution());
        };
        let row = first % rows;
        kernel.keep(row, row);
        let (second, contradiction) = descent.partner(steepest, kernel.row(row));
        left = contradiction;
        let Some((second, length)) = second.filter(|_| contradiction >= tolerance) else {
            return Ok(descent.solution());
        };
        kernel.keep(row, second % rows);
        descent.step(first, second, length, kernel);
    }
    Err(NotConverged(left))
}

struct Descent<'a> {
    pieces: &'a Pieces,
    multipliers: Vec<f64>,
    /// For each row, the sum of its kernel with all rows, times their signed multipliers.
    sums: Vec<f64>,
}

impl Descent<'_> {
    /// Gives the slope of the loss along the signed multiplier of a piece.
    fn slope(&self, piece: usize) -> f64 {
        let rows = self.sums.len();
        let row = if piece < rows { piece } else { piece - rows };
        self.sums[row] + self.pieces.signs[piece] * self.pieces.offsets[piece]
    }

    fn may_grow(&self, piece: usize) -> bool {
        if self.pieces.signs[piece] > 0.0 {
            self.multipliers[piece] < self.pieces.cost
        } else {
            self.multipliers[piece] > 0.0
        }
    }

    fn may_fall(&self, piece: usize) -> bool {
        if self.pieces.signs[piece] > 0.0 {
            self.multipliers[piece] > 0.0
        } else {
            self.multipliers[piece] < self.pieces.cost
        }
    }

    /// Finds the piece whose signed multiplier lowers the loss fastest as it grows, and its slope.
    fn steepest(&self) -> Option<(usize, f64)> {
        let mut best: Option<(usize, f64)> = None;
        for piece in 0..self.multipliers.len() {
            if self.may_grow(piece) {
                let slope = self.slope(piece);
                if best.is_none_or(|(_, least)| slope < least) {
                    best = Some((piece, slope));
                }
            }
        }
        best
    }

    /// Finds the piece to fall as the first one grows, with how far both would go, and the largest
    /// contradiction between slopes.
    fn partner(&self, steepest: f64, kernel: &[f32]) -> (Option<(usize, f64)>, f64) {
        let mut contradiction = f64::NEG_INFINITY;
        let mut best: Option<(usize, f64, f64)> = None;
        let rows = kernel.len();
        for piece in 0..self.multipliers.len() {
            if !self.may_fall(piece) {
                continue;
            }
            let against = self.slope(piece) - steepest;
            contradiction = contradiction.max(against);
            if against > 0.0 {
                let row = if piece < rows { piece } else { piece - rows };
                let curvature = (2.0 - 2.0 * f64::from(kernel[row])).max(LEAST_CURVATURE);
                let gain = against * against / curvature;
                if best.is_none_or(|(_, _, most)| gain > most) {
                    best = Some((piece, against / curvature, gain));
                }
            }
        }
        (
            best.map(|(piece, length, _)| (piece, length)),
            contradiction,
        )
    }

    fn step(&mut self, first: usize, second: usize, length: f64, kernel: &KernelRows<'_>) {
        let room = |piece: usize, grows: bool| {
            if (self.pieces.signs[piece] > 0.0) == grows {
                self.pieces.cost - self.multipliers[piece]
            } else {
                self.multipliers[piece]
            }
        };
        let rooms = [room(first, true), room(second, false)];
        let length = length.min(rooms[0]).min(rooms[1]);
        for (piece, grows, room) in [(first, true, rooms[0]), (second, false, rooms[1])] {
            let up = (self.pieces.signs[piece] > 0.0) == grows;
            let multiplier = &mut self.multipliers[piece];
            *multiplier = match (up, length >= room) {
                (true, true) => self.pieces.cost,
                (false, true) => 0.0,
                (true, false) => *multiplier + length,
                (false, false) => *multiplier - length,
            };
        }
        let rows = self.sums.len();
        let pairs = kernel
            .row(first % rows)
            .iter()
            .zip(kernel.row(second % rows));
        for (sum, (first, second)) in self.sums.iter_mut().zip(pairs) {
            *sum += length * (f64::from(*first) - f64::from(*second));
        }
    }

    fn solution(&self) -> Solution {
        let rows = self.sums.len();
        let mut coefficients = vec![0.0; rows];
        let (mut free, mut sum) = (0_usize, 0.0);
        let (mut highest, mut lowest) = (f64::NEG_INFINITY, f64::INFINITY);
        for (piece, multiplier) in self.multipliers.iter().enumerate() {
            coefficients[piece % rows] += self.pieces.signs[piece] * multiplier;
            let slope = self.slope(piece);
            match (self.may_grow(piece), self.may_fall(piece)) {
                (true, true) => {
                    free += 1;
                    sum += slope;
                }
                (true, false) => lowest = lowest.min(slope),
                (false, true) => highest = highest.max(slope),
                (false, false) => {}
            }
        }
        // Slopes of multipliers between their bounds are equal; else all values between the bounds will do.
        let level = if free > 0 {
            sum / free as f64
        } else if highest.is_finite() && lowest.is_finite() {
            0.5 * (highest + lowest)
        } else if highest.is_finite() {
            highest
        } else {
            lowest
        };
        Solution {
            coefficients,
            intercept: -level,
        }
    }
}
