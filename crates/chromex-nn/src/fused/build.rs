use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

/// The pieces of a vector in the making.
pub(super) struct Pieces<'a> {
    room: &'a mut [MaybeUninit<f32>],
    piece: usize,
    written: &'a AtomicUsize,
}

impl<'a> Pieces<'a> {
    /// The pieces in order, all 0.
    pub(super) fn into_par_iter(self) -> impl IndexedParallelIterator<Item = &'a mut [f32]> {
        let written = self.written;
        self.room.par_chunks_mut(self.piece).map(move |room| {
            for place in room.iter_mut() {
                place.write(0.0);
            }
            written.fetch_add(room.len(), Ordering::Relaxed);
            // SAFETY: every place was written just above.
            #[allow(unsafe_code)]
            unsafe {
                room.assume_init_mut()
            }
        })
    }
}

/// Makes a vector piece by piece on all threads, and whatever else the work returns.
///
/// Each piece is cleared by the thread that fills it, just before, so that it is still in the cache: clearing the whole
/// on one thread first costs as much as a narrow network's matrix products.
///
/// # Panics
///
/// When the work leaves a piece out.
pub(super) fn build<R>(
    length: usize,
    piece: usize,
    work: impl FnOnce(Pieces<'_>) -> R,
) -> (Vec<f32>, R) {
    let mut values = Vec::with_capacity(length);
    let written = AtomicUsize::new(0);
    let result = work(Pieces {
        room: &mut values.spare_capacity_mut()[..length],
        piece: piece.max(1),
        written: &written,
    });
    assert_eq!(written.into_inner(), length, "every piece was made");
    // SAFETY: the capacity is at least `length`. `Pieces` is handed out once and consumed by its only method, so no
    // piece is counted twice; each is written whole when it is counted; so a count of `length` means that all are.
    #[allow(unsafe_code)]
    unsafe {
        values.set_len(length);
    }
    (values, result)
}

/// A vector of zeros, cleared on all threads.
pub(super) fn zeros(length: usize) -> Vec<f32> {
    build(length, 1 << 16, |pieces| {
        pieces.into_par_iter().for_each(|_| {})
    })
    .0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_make_the_whole() {
        for (length, piece) in [(0, 4), (1, 4), (8, 4), (11, 4), (3, 0)] {
            let (values, count) = build(length, piece, |pieces| {
                let pieces = pieces.into_par_iter().enumerate();
                pieces
                    .map(|(index, values)| {
                        assert!(values.iter().all(|&value| value == 0.0));
                        values.fill(index as f32);
                        values.len()
                    })
                    .sum::<usize>()
            });
            assert_eq!(count, length);
            let piece = piece.max(1);
            let expected: Vec<f32> = (0..length).map(|i| (i / piece) as f32).collect();
            assert_eq!(values, expected);
        }
    }

    #[test]
    #[should_panic(expected = "every piece was made")]
    fn a_piece_left_out_is_an_error() {
        build(9, 3, |pieces| {
            pieces
                .into_par_iter()
                .zip([0, 1].par_iter())
                .for_each(|_| {});
        });
    }
}
