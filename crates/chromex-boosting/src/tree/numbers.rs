//! The bins of rows in a block's columns, in as few bits as the block's widest column needs.

use super::cells::{BLOCK, Cells, Statistic};

/// Rows whose bins are looked up together.
const AHEAD: usize = 64;

/// Columns that share their bytes with another.
const HALF: usize = BLOCK / 2;

/// Pairs of bins that a byte numbers.
const PAIRS: usize = 1 << 8;

/// Rows from which on sums of pairs of bins are worth being taken apart.
const MANY: usize = 128;

/// The bins of one row.
pub(super) trait RowBins: Copy + Default + Send + Sync {
    /// How many bins of a column can be numbered.
    const COUNT: usize;

    /// Puts down the bin of a column; the number is known to fit, and none was put down before.
    fn set(&mut self, place: usize, bin: usize);

    /// Gives the bin of each column.
    fn bins(self) -> [usize; BLOCK];

    /// Gives the bin of one column.
    fn bin(self, place: usize) -> usize;

    /// Adds rows to a histogram, which has a cell for each bin that can be numbered or occurs.
    fn sum<C: Statistic>(
        numbers: &[Self],
        rows: &[u32],
        placed: &[C::Row],
        cells: &mut [Cells<C>],
    ) {
        sum_ahead(numbers, rows, placed, |numbers, row| {
            for (column, bin) in numbers.bins().into_iter().enumerate() {
                cells[bin][column].add_row(row);
            }
        });
    }
}

/// Visits rows in their order. First the bins of some rows, then what is done with them: loads that do not wait for stores
/// wait for memory together.
#[inline(always)]
fn sum_ahead<R: RowBins, S: Copy>(
    numbers: &[R],
    rows: &[u32],
    placed: &[S],
    mut add: impl FnMut(R, S),
) {
    let mut ahead = [R::default(); AHEAD];
    for (rows, placed) in rows.chunks(AHEAD).zip(placed.chunks(AHEAD)) {
        for (ahead, &row) in ahead.iter_mut().zip(rows) {
            *ahead = numbers[row as usize];
        }
        for (&numbers, &row) in ahead.iter().zip(placed) {
            add(numbers, row);
        }
    }
}

/// A byte for each column.
pub(super) type Bytes = [u8; BLOCK];

impl RowBins for Bytes {
    const COUNT: usize = 1 << 8;

    #[inline(always)]
    fn set(&mut self, place: usize, bin: usize) {
        self[place] = bin as u8;
    }

    #[inline(always)]
    fn bins(self) -> [usize; BLOCK] {
        self.map(usize::from)
    }

    #[inline(always)]
    fn bin(self, place: usize) -> usize {
        usize::from(self[place])
    }

    fn sum<C: Statistic>(
        numbers: &[Self],
        rows: &[u32],
        placed: &[C::Row],
        cells: &mut [Cells<C>],
    ) {
        // A byte cannot reach beyond: the compiler leaves the checks of bounds out.
        let cells = &mut cells[..Self::COUNT];
        sum_ahead(numbers, rows, placed, |numbers, row| {
            for (column, bin) in numbers.bins().into_iter().enumerate() {
                cells[bin][column].add_row(row);
            }
        });
    }
}

/// Two bytes for each column.
pub(super) type Words = [u16; BLOCK];

impl RowBins for Words {
    const COUNT: usize = 1 << 16;

    #[inline(always)]
    fn set(&mut self, place: usize, bin: usize) {
        self[place] = bin as u16;
    }

    #[inline(always)]
    fn bins(self) -> [usize; BLOCK] {
        self.map(usize::from)
    }

    #[inline(always)]
    fn bin(self, place: usize) -> usize {
        usize::from(self[place])
    }
}

/// Half a byte for each column: that of the first column lies below that of the fifth, and so on.
///
/// A byte numbers a pair of bins. Rows are summed by pairs, with half as many additions, and then the pairs of each bin.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Nibbles([u8; HALF]);

impl RowBins for Nibbles {
    const COUNT: usize = 1 << 4;

    #[inline(always)]
    fn set(&mut self, place: usize, bin: usize) {
        self.0[place % HALF] |= (bin as u8) << (4 * (place / HALF));
    }

    #[inline(always)]
    fn bins(self) -> [usize; BLOCK] {
        std::array::from_fn(|place| self.bin(place))
    }

    #[inline(always)]
    fn bin(self, place: usize) -> usize {
        usize::from(self.0[place % HALF] >> (4 * (place / HALF)) & 0xf)
    }

    fn sum<C: Statistic>(
        numbers: &[Self],
        rows: &[u32],
        placed: &[C::Row],
        cells: &mut [Cells<C>],
    ) {
        let cells = &mut cells[..Self::COUNT];
        if rows.len() < MANY {
            sum_ahead(numbers, rows, placed, |numbers, row| {
                for (column, bin) in numbers.bins().into_iter().enumerate() {
                    cells[bin][column].add_row(row);
                }
            });
            return;
        }
        let mut pairs = [[C::default(); HALF]; PAIRS];
        sum_ahead(numbers, rows, placed, |Nibbles(numbers), row| {
            for (place, pair) in numbers.into_iter().enumerate() {
                pairs[usize::from(pair)][place].add_row(row);
            }
        });
        for (high, pairs) in pairs.chunks_exact(Self::COUNT).enumerate() {
            let mut sums = [C::default(); HALF];
            for (low, pair) in pairs.iter().enumerate() {
                for place in 0..HALF {
                    sums[place].add(pair[place]);
                    cells[low][place].add(pair[place]);
                }
            }
            for (cell, sum) in cells[high][HALF..].iter_mut().zip(sums) {
                cell.add(sum);
            }
        }
    }
}

/// The bins of each row.
#[derive(Debug)]
pub(super) enum Numbers {
    Halves(Vec<Nibbles>),
    Narrow(Vec<Bytes>),
    Wide(Vec<Words>),
}

/// Does the same with the numbers of whatever width.
macro_rules! with_numbers {
    ($numbers:expr, $name:ident => $body:expr) => {
        match $numbers {
            $crate::tree::numbers::Numbers::Halves($name) => $body,
            $crate::tree::numbers::Numbers::Narrow($name) => $body,
            $crate::tree::numbers::Numbers::Wide($name) => $body,
        }
    };
}
pub(super) use with_numbers;

impl Numbers {
    /// Gives the bin of a row in a column.
    #[inline(always)]
    pub(super) fn get(&self, row: usize, place: usize) -> usize {
        with_numbers!(self, numbers => numbers[row].bin(place))
    }

    /// Makes room for rows of columns of so many bins.
    pub(super) fn with_capacity(bins: usize, rows: usize) -> Self {
        if bins <= Nibbles::COUNT {
            Self::Halves(Vec::with_capacity(rows))
        } else if bins <= Bytes::COUNT {
            Self::Narrow(Vec::with_capacity(rows))
        } else {
            Self::Wide(Vec::with_capacity(rows))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::cells::{Packed, Pair};
    use super::*;

    /// Numbers `rows` rows of pseudo-random bins, and sums every second one.
    fn summed<R: RowBins, C: Statistic>(bins: usize, derivatives: &[[f32; 2]]) -> Vec<Cells<C>> {
        let numbers: Vec<R> = (0..derivatives.len())
            .map(|row| {
                let mut numbers = R::default();
                for place in 0..BLOCK {
                    numbers.set(place, drawn(row, place, bins));
                }
                for (place, bin) in numbers.bins().into_iter().enumerate() {
                    assert_eq!(bin, drawn(row, place, bins));
                    assert_eq!(bin, numbers.bin(place));
                }
                numbers
            })
            .collect();
        let mut space = Vec::new();
        let (statistics, _) = C::rows(derivatives, 1, &mut space);
        let rows: Vec<u32> = (0..derivatives.len() as u32).step_by(2).collect();
        let placed: Vec<C::Row> = rows.iter().map(|&row| statistics[row as usize]).collect();
        let mut cells = vec![[C::default(); BLOCK]; R::COUNT.min(1 << 8)];
        R::sum(&numbers, &rows, &placed, &mut cells);
        cells.truncate(bins);
        cells
    }

    fn drawn(row: usize, place: usize, bins: usize) -> usize {
        (row * 7919 + place * 104_729 + row * row * 31) / 64 % bins
    }

    #[test]
    fn rows_are_summed_alike_in_every_width() {
        for count in [1, 2 * MANY - 3, 2 * MANY, 5000] {
            let derivatives: Vec<[f32; 2]> = (0..count)
                .map(|row| [(row % 101) as f32 - 50.0, 1.0])
                .collect();
            for bins in [1, 3, 16] {
                let halves = summed::<Nibbles, Packed>(bins, &derivatives);
                assert_eq!(halves, summed::<Bytes, Packed>(bins, &derivatives));
                assert_eq!(halves, summed::<Words, Packed>(bins, &derivatives));
                // Whole numbers: pairs of floats have no rest, either.
                let halves = summed::<Nibbles, Pair>(bins, &derivatives);
                assert_eq!(halves, summed::<Bytes, Pair>(bins, &derivatives));
            }
        }
    }

    #[test]
    fn numbers_are_as_narrow_as_the_bins_allow() {
        assert!(matches!(Numbers::with_capacity(16, 1), Numbers::Halves(_)));
        assert!(matches!(Numbers::with_capacity(17, 1), Numbers::Narrow(_)));
        assert!(matches!(Numbers::with_capacity(256, 1), Numbers::Narrow(_)));
        assert!(matches!(Numbers::with_capacity(257, 1), Numbers::Wide(_)));
    }
}
