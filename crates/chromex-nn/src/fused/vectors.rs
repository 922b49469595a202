use super::lanes::{LANES, Lanes};

/// The vectors of one head thrice: by position, by channel in groups of sixteen positions, and by position in blocks of sixteen
/// channels.
pub(super) struct Vectors {
    size: usize,
    /// `[length, size]`.
    by_position: Vec<f32>,
    /// `[length / 16 rounded up, size]`; positions past the end are 0. Empty until it is asked for, as the next.
    by_channel: Vec<Lanes>,
    /// `[size / 16 rounded up, length rounded up to 16]`; channels and positions past the end are 0.
    by_block: Vec<Lanes>,
}

impl Vectors {
    pub(super) fn new(length: usize, size: usize) -> Self {
        Self {
            size,
            by_position: vec![0.0; length * size],
            by_channel: Vec::new(),
            by_block: Vec::new(),
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
    }

    /// Lays the vectors out by channel as well.
    #[inline(always)]
    pub(super) fn load_channels(&mut self) {
        let size = self.size;
        self.by_channel
            .resize(self.positions() / LANES * size, [0.0; LANES]);
        let groups = self.by_channel.chunks_exact_mut(size);
        for (group, vectors) in groups.zip(self.by_position.chunks(LANES * size)) {
            for (channel, lanes) in group.iter_mut().enumerate() {
                for (lane, vector) in lanes.iter_mut().zip(vectors.chunks_exact(size)) {
                    *lane = vector[channel];
                }
            }
        }
    }

    /// Lays the vectors out by blocks of sixteen channels as well.
    #[inline(always)]
    pub(super) fn load_blocks(&mut self) {
        let positions = self.positions();
        let count = self.size.div_ceil(LANES) * positions;
        self.by_block.resize(count, [0.0; LANES]);
        let blocks = self.by_block.chunks_exact_mut(positions);
        for (block, lines) in blocks.enumerate() {
            let vectors = self.by_position.chunks_exact(self.size);
            for (line, vector) in lines.iter_mut().zip(vectors) {
                for (to, from) in line.iter_mut().zip(&vector[block * LANES..]) {
                    *to = *from;
                }
            }
        }
    }

    /// Sixteen positions of a block of sixteen channels, a line per position.
    #[inline(always)]
    pub(super) fn block(&self, block: usize, group: usize) -> &[Lanes] {
        let positions = self.positions();
        &self.by_block[block * positions + group * LANES..][..LANES]
    }

    fn positions(&self) -> usize {
        (self.by_position.len() / self.size).next_multiple_of(LANES)
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
