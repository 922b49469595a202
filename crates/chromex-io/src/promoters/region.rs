use crate::genes::Strand;

/// A piece of a contig and the strand that it is read from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Region {
    /// The contig.
    pub contig: String,
    /// The first base, 0-based.
    pub start: u64,
    /// One past the last base.
    pub end: u64,
    /// The strand.
    pub strand: Strand,
}

impl Region {
    /// Takes the bases before this region, in the direction of its strand; as `bedtools flank -s -l LENGTH -r 0`.
    pub fn upstream(&self, length: u64) -> Self {
        match self.strand {
            Strand::Plus => self.before(length),
            Strand::Minus => self.behind(length),
        }
    }

    /// Takes the bases after this region, in the direction of its strand; as `bedtools flank -s -l 0 -r LENGTH`.
    pub fn downstream(&self, length: u64) -> Self {
        match self.strand {
            Strand::Plus => self.behind(length),
            Strand::Minus => self.before(length),
        }
    }

    /// Widens the region on both sides, in the direction of its strand; as `bedtools slop -s`.
    ///
    /// # Examples
    ///
    /// ```
    /// use chromex_io::{genes::Strand, promoters::Region};
    /// let region = Region { contig: "1".into(), start: 10, end: 20, strand: Strand::Minus };
    /// assert_eq!((region.widened(5, 2).start, region.widened(5, 2).end), (8, 25));
    /// ```
    pub fn widened(&self, upstream: u64, downstream: u64) -> Self {
        let (left, right) = match self.strand {
            Strand::Plus => (upstream, downstream),
            Strand::Minus => (downstream, upstream),
        };
        Self {
            start: self.start.saturating_sub(left),
            end: self.end.saturating_add(right),
            ..self.clone()
        }
    }

    /// Cuts off what lies past the end of the contig.
    pub fn clipped(&self, length: u64) -> Self {
        Self {
            start: self.start.min(length),
            end: self.end.min(length),
            ..self.clone()
        }
    }

    fn before(&self, length: u64) -> Self {
        Self {
            start: self.start.saturating_sub(length),
            end: self.start,
            ..self.clone()
        }
    }

    fn behind(&self, length: u64) -> Self {
        Self {
            start: self.end,
            end: self.end.saturating_add(length),
            ..self.clone()
        }
    }
}
