use std::path::Path;

use super::{Promoters, Region};
use crate::genes::Strand;
use crate::{Result, compressed};

/// Bases of a line of FASTA.
const LINE_BASES: usize = 60;

impl Promoters {
    /// Writes FASTA, a record per promoter: the gene, then its place as `contig:start-end(strand)`, 0-based and half-open.
    /// Packed where the name ends in `.gz` or `.zst`.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn write_fasta(&self, path: &Path) -> Result<()> {
        compressed::write(path, |file| {
            for promoter in &self.promoters {
                let Region {
                    contig, start, end, ..
                } = &promoter.region;
                let strand = sign(&promoter.region);
                writeln!(file, ">{} {contig}:{start}-{end}({strand})", promoter.gene)?;
                for line in promoter.sequence.chunks(LINE_BASES) {
                    file.write_all(line)?;
                    file.write_all(b"\n")?;
                }
            }
            Ok(())
        })
    }

    /// Writes BED of six columns: contig, start, end, gene, 0, strand. Packed where the name ends in `.gz` or `.zst`.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn write_bed(&self, path: &Path) -> Result<()> {
        compressed::write(path, |file| {
            for promoter in &self.promoters {
                let Region {
                    contig, start, end, ..
                } = &promoter.region;
                let strand = sign(&promoter.region);
                writeln!(
                    file,
                    "{contig}\t{start}\t{end}\t{}\t0\t{strand}",
                    promoter.gene
                )?;
            }
            Ok(())
        })
    }
}

fn sign(region: &Region) -> char {
    match region.strand {
        Strand::Plus => '+',
        Strand::Minus => '-',
    }
}
