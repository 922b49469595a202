//! Parting the rows of a node: those that go left move to the front, the order on both sides stays.

use rayon::prelude::*;

/// Rows that one thread parts at a time.
const CHUNK: usize = 1 << 15;

/// Parts rows and counts those that go left. `spare` is as long as the rows.
///
/// The result does not depend on the number of threads.
pub(super) fn part(
    rows: &mut [u32],
    spare: &mut [u32],
    goes_left: &(impl Fn(u32) -> bool + Sync),
) -> usize {
    if rows.len() <= CHUNK {
        return part_chunk(rows, spare, goes_left);
    }
    let lefts: Vec<usize> = rows
        .par_chunks_mut(CHUNK)
        .zip(spare.par_chunks_mut(CHUNK))
        .map(|(rows, spare)| part_chunk(rows, spare, goes_left))
        .collect();
    // The parted chunks go to the spare rows side by side, and back.
    let left: usize = lefts.iter().sum();
    let (mut to_left, mut to_right) = spare.split_at_mut(left);
    let mut moves = Vec::with_capacity(2 * lefts.len());
    for (chunk, &left) in rows.chunks(CHUNK).zip(&lefts) {
        let (from_left, from_right) = chunk.split_at(left);
        let (here, rest) = std::mem::take(&mut to_left).split_at_mut(from_left.len());
        moves.push((from_left, here));
        to_left = rest;
        let (here, rest) = std::mem::take(&mut to_right).split_at_mut(from_right.len());
        moves.push((from_right, here));
        to_right = rest;
    }
    moves
        .into_par_iter()
        .for_each(|(from, to)| to.copy_from_slice(from));
    rows.par_chunks_mut(CHUNK)
        .zip(spare.par_chunks(CHUNK))
        .for_each(|(rows, spare)| rows.copy_from_slice(spare));
    left
}

fn part_chunk(rows: &mut [u32], spare: &mut [u32], goes_left: &impl Fn(u32) -> bool) -> usize {
    let spare = &mut spare[..rows.len()];
    let mut left = 0;
    // Without a branch, which would be mispredicted every second time: what is written to the wrong side is overwritten
    // by the next row.
    for place in 0..rows.len() {
        let row = rows[place];
        let goes_left = usize::from(goes_left(row));
        spare[place - left] = row;
        rows[left] = row;
        left += goes_left;
    }
    let right = rows.len() - left;
    rows[left..].copy_from_slice(&spare[..right]);
    left
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_rows_are_parted_as_few_are() {
        let goes_left = |row: u32| row.wrapping_mul(2_654_435_761) >> 30 == 0;
        for count in [0, 1, 7, CHUNK, CHUNK + 1, 3 * CHUNK + 5] {
            let mut rows: Vec<u32> = (0..count as u32).map(|row| row ^ 5).collect();
            let (mut expected, right): (Vec<u32>, Vec<u32>) =
                rows.iter().partition(|&&row| goes_left(row));
            let left = expected.len();
            expected.extend(right);
            let mut spare = vec![0; count];
            assert_eq!(part(&mut rows, &mut spare, &goes_left), left);
            assert_eq!(rows, expected);
        }
    }
}
