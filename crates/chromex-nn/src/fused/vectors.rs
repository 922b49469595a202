use super::lanes::{LANES, Lanes};

/// The vectors of one head twice: by position, and by channel in groups of sixteen positions.
pub(super) struct Vectors {
    size: usize,
    /// `[length, size]`.
    by_position: Vec<f32>,
    /// `[length / 16 rounded up, size]`; positions past the end are 0.
    by_channel: Vec<Lanes>,
}

impl Vectors {
    pub(super) fn new(length: usize, size: usize) -> Self {
        Self {
            size,
            by_position: vec![0.0; length * size],
            by_channel: vec![[0.0; LANES]; length.div_ceil(LANES) * size],
        }
    }

    /// Takes the vectors at the start of tokens `stride` apart.
    #[inline(always)]
    pub(super) fn load(&mut self, tokens: &[f32], stride: usize, scale: f32) {
        let size = self.size;
        let tokens = tokens.chunks(stride);
        for (to, from) in self.by_position.chunks_exact_mut(size).zip(tokens) {
            for (to, from) in to.iter_mut().zip(from) {
                *to = from * scale;
            }
        }
        let groups = self.by_channel.chunks_exact_mut(size);
        for (group, vectors) in groups.zip(self.by_position.chunks(LANES * size)) {
            for (channel, lanes) in group.iter_mut().enumerate() {
                for (lane, vector) in lanes.iter_mut().zip(vectors.chunks_exact(size)) {
                    *lane = vector[channel];
                }
            }
        }
    }

    /// Sixteen positions, a line per channel.
    #[inline(always)]
    pub(super) fn group(&self, group: usize) -> &[Lanes] {
        &self.by_channel[group * self.size..][..self.size]
    }

    /// Positions one by one.
    #[inline(always)]
    pub(super) fn from(&self, position: usize) -> &[f32] {
        &self.by_position[position * self.size..]
    }
}
