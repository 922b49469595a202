use rayon::prelude::*;

use super::WindowShape;
use crate::fused::build::build;

/// The extents of a convolution.
#[derive(Clone, Copy, Debug)]
pub(super) struct Extents {
    pub(super) rows: usize,
    pub(super) length: usize,
    pub(super) channels: usize,
    pub(super) shape: WindowShape,
}

impl Extents {
    pub(super) fn windows(self) -> usize {
        self.shape.windows(self.length)
    }

    /// Numbers of a window.
    pub(super) fn width(self) -> usize {
        self.shape.kernel * self.channels
    }

    /// The part of a sequence that one place of a window covers, and where it lies in the window; nothing in the padding.
    #[inline(always)]
    pub(super) fn tap(self, window: usize, tap: usize) -> Option<std::ops::Range<usize>> {
        let padded = window * self.shape.stride + tap * self.shape.dilation;
        let place = padded.checked_sub(self.shape.before)?;
        (place < self.length).then(|| place * self.channels..(place + 1) * self.channels)
    }

    /// Copies a window of one sequence.
    #[inline(always)]
    pub(super) fn copy(self, to: &mut [f32], sequence: &[f32], window: usize) {
        let start = window * self.shape.stride;
        let inside = start >= self.shape.before
            && start + self.shape.kernel <= self.shape.before + self.length;
        if self.shape.dilation == 1 && inside {
            let from = (start - self.shape.before) * self.channels;
            to.copy_from_slice(&sequence[from..from + to.len()]);
            return;
        }
        for (tap, to) in to.chunks_exact_mut(self.channels).enumerate() {
            match self.tap(window, tap) {
                Some(places) => to.copy_from_slice(&sequence[places]),
                None => to.fill(0.0),
            }
        }
    }
}

/// Lays windows out, `[rows, windows, kernel channels]`.
pub(super) fn gather(inputs: &[f32], extents: Extents) -> Vec<f32> {
    let per_row = extents.length * extents.channels;
    let piece = extents.windows() * extents.width();
    build(extents.rows * piece, piece, |pieces| {
        pieces
            .into_par_iter()
            .zip(inputs.par_chunks_exact(per_row))
            .for_each(|(windows, sequence)| {
                let windows = windows.chunks_exact_mut(extents.width());
                for (window, to) in windows.enumerate() {
                    extents.copy(to, sequence, window);
                }
            });
    })
    .0
}

/// Adds windows up where they overlap: the gradient of the sequences from that of their windows.
pub(super) fn scatter(grads: &[f32], extents: Extents) -> Vec<f32> {
    let piece = extents.length * extents.channels;
    let windows = extents.windows() * extents.width();
    build(extents.rows * piece, piece, |pieces| {
        pieces
            .into_par_iter()
            .zip(grads.par_chunks_exact(windows))
            .for_each(|(sequence, grads)| {
                for (window, grads) in grads.chunks_exact(extents.width()).enumerate() {
                    for (tap, grads) in grads.chunks_exact(extents.channels).enumerate() {
                        if let Some(places) = extents.tap(window, tap) {
                            for (sum, grad) in sequence[places].iter_mut().zip(grads) {
                                *sum += grad;
                            }
                        }
                    }
                }
            });
    })
    .0
}
