//! Integrals of a tree's Shapley values, for several rows side by side.
//!
//! A way to a leaf is a product of factors, one for each column on it: 1 where the row goes that way, else the share of
//! training rows that do. Replace each factor by its mean `t one + (1 - t) share` over whether the column is known, with
//! probability `t`: the column's Shapley value is the integral of the product's slope in its factor over `t` from 0 to 1,
//! and the interaction of two columns half the integral of the slope in both. The integrand is a polynomial, so that a
//! few points suffice, and at each point one walk down and up the tree serves all columns.

use pulp::{Simd, WithSimd};

use super::pairs::Partners;
use super::quadrature::Quadrature;
use super::walk::{NONE, Op, Split, Walk};

/// Rows that walk side by side.
pub(super) const LANES: usize = 8;

/// Points that are walked for at once, at most.
pub(super) const POINTS: usize = 4;

/// A number for each row.
pub(super) type Lanes = [f64; LANES];

/// All bits or none, for each row.
type Mask = [i64; LANES];

/// Sums of rows that walk side by side.
#[derive(Clone, Debug)]
pub(super) struct Sums {
    /// For each output each column in use.
    pub(super) columns: Vec<Lanes>,
    /// For each output each pair in use, where pairs are asked for.
    pub(super) pairs: Vec<Lanes>,
}

/// What the edges of a split multiply with, left and right, at each point.
struct Factors<const P: usize> {
    /// Where the row goes that way.
    hot: [[f64; P]; 2],
    /// Where it does not, but did so far with this column.
    cold: [[f64; P]; 2],
    /// The relative slope where the row goes that way.
    lift: [[f64; P]; 2],
}

/// What a split of two leaves adds, where the row goes right and where it goes left.
struct TwigFactors<const P: usize> {
    sum: [[f64; P]; 2],
    lift: [[f64; P]; 2],
}

/// The state of a split on the way.
#[derive(Clone, Copy)]
struct Level<const P: usize> {
    /// The product of the factors on the way.
    way: [Lanes; P],
    /// The sum over leaves below.
    sum: [Lanes; P],
    /// The slope in the split's column, summed over leaves below.
    slope: [Lanes; P],
    /// Rows that go left here.
    left: Mask,
    /// Rows that went the way of the edge to this split and of those above that ask for the same column.
    on: Mask,
}

/// Walks a tree at a few points.
pub(super) struct Kernel<'a, const P: usize> {
    walk: &'a Walk,
    partners: Option<&'a Partners>,
    weights: [f64; P],
    /// The relative slope where the row does not go that way.
    cold_lift: [f64; P],
    factors: Vec<Factors<P>>,
    twigs: Vec<TwigFactors<P>>,
    levels: Vec<Level<P>>,
}

/// Adds a tree's integrals to the sums of blocks of rows. `inputs` holds for each block the columns in use.
pub(super) fn add_tree(
    walk: &Walk,
    partners: Option<&Partners>,
    rule: &Quadrature,
    inputs: &[Vec<[f32; LANES]>],
    sums: &mut [Sums],
) {
    if walk.splits.is_empty() {
        return;
    }
    let mut start = 0;
    let rounds = rule.points.len().div_ceil(POINTS);
    for round in 0..rounds {
        // Points are dealt out evenly.
        let end = rule.points.len() * (round + 1) / rounds;
        let part = (&rule.points[start..end], &rule.weights[start..end]);
        match end - start {
            1 => Kernel::<1>::new(walk, partners, part).add(inputs, sums),
            2 => Kernel::<2>::new(walk, partners, part).add(inputs, sums),
            3 => Kernel::<3>::new(walk, partners, part).add(inputs, sums),
            _ => Kernel::<POINTS>::new(walk, partners, part).add(inputs, sums),
        }
        start = end;
    }
}

/// Counts the bytes that a walk of a tree works with.
pub(super) fn scratch(walk: &Walk) -> usize {
    let splits = size_of::<Factors<POINTS>>() + size_of::<TwigFactors<POINTS>>();
    (walk.depth + 1) * size_of::<Level<POINTS>>() + walk.splits.len() * splits
}

impl<'a, const P: usize> Kernel<'a, P> {
    fn new(
        walk: &'a Walk,
        partners: Option<&'a Partners>,
        (points, weights): (&[f64], &[f64]),
    ) -> Self {
        let points: [f64; P] = std::array::from_fn(|p| points[p]);
        // Of each edge, one over its mean factor.
        let mut inverses: Vec<[[f64; P]; 2]> = Vec::with_capacity(walk.splits.len());
        let factors = walk.splits.iter().map(|split| {
            let above = match split.above {
                NONE => [1.0; P],
                edge => inverses[edge as usize / 2][edge as usize % 2],
            };
            let means = split
                .shares
                .map(|share| points.map(|t| t + (1.0 - t) * share));
            let inverse = means.map(|means| means.map(|mean| 1.0 / mean));
            let at = |value: &dyn Fn(usize, usize) -> f64| {
                [0, 1].map(|side| std::array::from_fn(|p| value(side, p)))
            };
            let factors = Factors {
                hot: at(&|side, p| means[side][p] * above[p]),
                cold: at(&|side, p| (1.0 - points[p]) * split.shares[side] * above[p]),
                lift: at(&|side, p| (1.0 - split.shares[side]) * inverse[side][p]),
            };
            inverses.push(inverse);
            factors
        });
        let factors = factors.collect();
        let blank = Level {
            way: [[0.0; LANES]; P],
            sum: [[0.0; LANES]; P],
            slope: [[0.0; LANES]; P],
            left: [0; LANES],
            on: [0; LANES],
        };
        Self {
            walk,
            partners,
            weights: std::array::from_fn(|p| weights[p]),
            cold_lift: points.map(|t| -1.0 / (1.0 - t)),
            factors,
            twigs: Vec::with_capacity(walk.twigs.len()),
            // One more for the last leaves' edges.
            levels: vec![blank; walk.depth + 1],
        }
    }

    fn add(mut self, inputs: &[Vec<[f32; LANES]>], sums: &mut [Sums]) {
        for output in 0..self.walk.outputs {
            self.set_twigs(output);
            pulp::Arch::new().dispatch(Rows {
                kernel: &mut self,
                inputs,
                sums,
                output,
            });
        }
    }

    fn value(&self, leaf: u32, output: usize) -> f64 {
        self.walk.values[leaf as usize * self.walk.outputs + output]
    }

    fn set_twigs(&mut self, output: usize) {
        self.twigs.clear();
        for twig in &self.walk.twigs {
            let factors = &self.factors[twig.split as usize];
            let [left, right] = twig.leaves.map(|leaf| self.value(leaf, output));
            // Where a row goes right, the left edge is cold.
            let both = |hot: usize, p: usize| {
                let values = [left, right];
                let (one, other) = (values[hot], values[1 - hot]);
                let one = one * factors.hot[hot][p];
                let other = other * factors.cold[1 - hot][p];
                let slope = one * factors.lift[hot][p] + other * self.cold_lift[p];
                (one + other, slope)
            };
            self.twigs.push(TwigFactors {
                sum: [1, 0].map(|hot| std::array::from_fn(|p| both(hot, p).0)),
                lift: [1, 0].map(|hot| std::array::from_fn(|p| both(hot, p).1)),
            });
        }
    }

    #[inline(always)]
    fn walk_down_and_up(
        &mut self,
        inputs: &[[f32; LANES]],
        columns: &mut [Lanes],
        pairs: &mut [Lanes],
        output: usize,
    ) {
        let walk = self.walk;
        for op in &walk.ops {
            match *op {
                Op::Open { split } => {
                    self.open(split, inputs);
                    self.levels[0].way = self.weights.map(|weight| [weight; LANES]);
                }
                Op::Descend { split, side, child } => {
                    self.descend(split, side.into());
                    self.open(child, inputs);
                }
                Op::Leaf { split, side, leaf } => {
                    let value = self.value(leaf, output);
                    self.leaf(split, side.into(), value);
                }
                Op::Ascend { split, side, child } => {
                    self.close(child, columns, pairs);
                    self.ascend(split, side.into());
                }
                Op::Twig { twig } => self.twig(twig as usize, inputs, columns, pairs),
                Op::Close { split } => self.close(split, columns, pairs),
            }
        }
    }

    /// Asks the rows which way they go at a split, and begins its sums.
    #[inline(always)]
    fn open(&mut self, split: u32, inputs: &[[f32; LANES]]) {
        let split = &self.walk.splits[split as usize];
        let level = &mut self.levels[split.level as usize];
        level.left = goes_left(split, inputs);
        level.sum = [[0.0; LANES]; P];
        level.slope = [[0.0; LANES]; P];
    }

    /// Tells which rows have gone all ways of the edge's column, with the edge and without it.
    #[inline(always)]
    fn on(&self, split: &Split, side: usize) -> (Mask, Mask) {
        let left = &self.levels[split.level as usize].left;
        let here: Mask = std::array::from_fn(|lane| match side {
            0 => left[lane],
            _ => !left[lane],
        });
        if split.above == NONE {
            return (here, [-1; LANES]);
        }
        let level = self.walk.splits[split.above as usize / 2].level as usize;
        let before = self.levels[level + 1].on;
        (
            std::array::from_fn(|lane| here[lane] & before[lane]),
            before,
        )
    }

    /// Gives what an edge multiplies with at a point.
    #[inline(always)]
    fn factor(&self, at: u32, side: usize, (on, before): (&Mask, &Mask), p: usize) -> Lanes {
        let factors = &self.factors[at as usize];
        let split = &self.walk.splits[at as usize];
        let (hot, cold) = (factors.hot[side][p], factors.cold[side][p]);
        if split.above == NONE {
            return select(on, hot, cold);
        }
        let otherwise = select(before, cold, split.fractions[side]);
        std::array::from_fn(|lane| if on[lane] != 0 { hot } else { otherwise[lane] })
    }

    /// Gives the relative slope in an edge's factor at a point, less that of the edge that it supersedes.
    #[inline(always)]
    fn lift(&self, at: u32, side: usize, (on, before): (&Mask, &Mask), p: usize) -> Lanes {
        let cold = self.cold_lift[p];
        let lift = select(on, self.factors[at as usize].lift[side][p], cold);
        match self.walk.splits[at as usize].above {
            NONE => lift,
            above => {
                let factors = &self.factors[above as usize / 2];
                let less = select(before, factors.lift[above as usize % 2][p], cold);
                std::array::from_fn(|lane| lift[lane] - less[lane])
            }
        }
    }

    #[inline(always)]
    fn descend(&mut self, at: u32, side: usize) {
        let split = self.walk.splits[at as usize];
        let (on, before) = self.on(&split, side);
        let level = split.level as usize;
        for p in 0..P {
            let factor = self.factor(at, side, (&on, &before), p);
            let way = self.levels[level].way[p];
            self.levels[level + 1].way[p] = std::array::from_fn(|lane| way[lane] * factor[lane]);
        }
        self.levels[level + 1].on = on;
    }

    #[inline(always)]
    fn leaf(&mut self, at: u32, side: usize, value: f64) {
        let split = self.walk.splits[at as usize];
        let (on, before) = self.on(&split, side);
        let level = split.level as usize;
        for p in 0..P {
            let factor = self.factor(at, side, (&on, &before), p);
            let lift = self.lift(at, side, (&on, &before), p);
            let level = &mut self.levels[level];
            for lane in 0..LANES {
                let sum = level.way[p][lane] * factor[lane] * value;
                level.sum[p][lane] += sum;
                level.slope[p][lane] += sum * lift[lane];
            }
        }
    }

    #[inline(always)]
    fn ascend(&mut self, at: u32, side: usize) {
        let split = self.walk.splits[at as usize];
        let (on, before) = self.on(&split, side);
        let level = split.level as usize;
        for p in 0..P {
            let lift = self.lift(at, side, (&on, &before), p);
            let sum = self.levels[level + 1].sum[p];
            let level = &mut self.levels[level];
            for lane in 0..LANES {
                level.sum[p][lane] += sum[lane];
                level.slope[p][lane] += sum[lane] * lift[lane];
            }
        }
    }

    /// Adds what a split's column does to the sums.
    #[inline(always)]
    fn close(&self, split: u32, columns: &mut [Lanes], pairs: &mut [Lanes]) {
        let level = self.walk.splits[split as usize].level;
        let slope = &self.levels[level as usize].slope;
        self.add_slope(split, slope, columns, pairs);
    }

    #[inline(always)]
    fn add_slope(
        &self,
        split: u32,
        slope: &[Lanes; P],
        columns: &mut [Lanes],
        pairs: &mut [Lanes],
    ) {
        let column = &mut columns[self.walk.splits[split as usize].slot as usize];
        for lane in 0..LANES {
            let mut sum = 0.0;
            for slope in slope {
                sum += slope[lane];
            }
            column[lane] += sum;
        }
        let Some(partners) = self.partners else {
            return;
        };
        for partner in partners.of(split as usize) {
            let (at, side) = (partner.edge as usize / 2, partner.edge as usize % 2);
            let on = &self.levels[self.walk.splits[at].level as usize + 1].on;
            let pair = &mut pairs[partner.pair as usize];
            let mut sum = [0.0; LANES];
            for (p, slope) in slope.iter().enumerate() {
                let lift = select(on, self.factors[at].lift[side][p], self.cold_lift[p]);
                for lane in 0..LANES {
                    sum[lane] += slope[lane] * lift[lane];
                }
            }
            for lane in 0..LANES {
                pair[lane] += 0.5 * sum[lane];
            }
        }
    }

    /// Does a split of two leaves at once, with the edge that leads to it.
    #[inline(always)]
    fn twig(
        &mut self,
        twig: usize,
        inputs: &[[f32; LANES]],
        columns: &mut [Lanes],
        pairs: &mut [Lanes],
    ) {
        let place = self.walk.twigs[twig];
        let split = &self.walk.splits[place.split as usize];
        let (at, side) = (place.edge / 2, place.edge as usize % 2);
        let parent = self.walk.splits[at as usize];
        let (on, before) = self.on(&parent, side);
        let left = goes_left(split, inputs);
        let factors = &self.twigs[twig];
        let level = parent.level as usize;
        let mut slope = [[0.0; LANES]; P];
        for (p, slope) in slope.iter_mut().enumerate() {
            let factor = self.factor(at, side, (&on, &before), p);
            let lift = self.lift(at, side, (&on, &before), p);
            let sums = select(&left, factors.sum[1][p], factors.sum[0][p]);
            let slopes = select(&left, factors.lift[1][p], factors.lift[0][p]);
            let level = &mut self.levels[level];
            for lane in 0..LANES {
                let way = level.way[p][lane] * factor[lane];
                let sum = way * sums[lane];
                slope[lane] = way * slopes[lane];
                level.sum[p][lane] += sum;
                level.slope[p][lane] += sum * lift[lane];
            }
        }
        self.levels[level + 1].on = on;
        self.add_slope(place.split, &slope, columns, pairs);
    }
}

/// See [`Kernel::add`].
struct Rows<'k, 'a, const P: usize> {
    kernel: &'k mut Kernel<'a, P>,
    inputs: &'k [Vec<[f32; LANES]>],
    sums: &'k mut [Sums],
    output: usize,
}

impl<const P: usize> WithSimd for Rows<'_, '_, P> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let place = self.kernel.walk.output + self.output;
        for (inputs, sums) in self.inputs.iter().zip(self.sums) {
            let columns = &mut sums.columns[place * inputs.len()..];
            let pairs = match self.kernel.partners {
                None => &mut [],
                Some(partners) => &mut sums.pairs[place * partners.pairs..],
            };
            self.kernel
                .walk_down_and_up(inputs, columns, pairs, self.output);
        }
    }
}

#[inline(always)]
fn goes_left(split: &Split, inputs: &[[f32; LANES]]) -> Mask {
    let values = &inputs[split.slot as usize];
    std::array::from_fn(|lane| {
        let value = values[lane];
        let left = (value < split.threshold) | (value.is_nan() & split.missing_left);
        -i64::from(left)
    })
}

#[inline(always)]
fn select(mask: &Mask, one: f64, other: f64) -> Lanes {
    std::array::from_fn(|lane| if mask[lane] != 0 { one } else { other })
}
