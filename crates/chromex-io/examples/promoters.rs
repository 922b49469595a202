//! Cuts promoters out of a genome: `promoters GENOME ANNOTATION OUT.fa [LENGTH]` writes FASTA and, beside it, BED.
//!
//! At most 1,000 bases before each gene (or LENGTH), without those of other genes, from the gene's strand.

#![allow(clippy::print_stdout)]

use std::collections::BTreeMap;
use std::path::Path;

use chromex_io::genes::read_gene_rows;
use chromex_io::promoters::{Genome, PromoterLayout, PromoterWindow, extract_promoters};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let ([genome, annotation, out], rest) = arguments
        .split_first_chunk()
        .ok_or("usage: promoters GENOME ANNOTATION OUT.fa [LENGTH]")?;
    let mut layout = PromoterLayout::default();
    if let Some(length) = rest.first() {
        layout.window = PromoterWindow::Upstream {
            length: length.parse()?,
            without_genes: true,
        };
    }
    let rows = read_gene_rows(Path::new(annotation), "gene")?;
    let genome = Genome::open(Path::new(genome))?;
    let promoters = extract_promoters(&rows, &genome, &layout)?;
    promoters.write_fasta(Path::new(out))?;
    promoters.write_bed(&Path::new(out).with_extension("bed"))?;
    println!(
        "{} promoters of {} genes",
        promoters.promoters.len(),
        rows.len()
    );
    let mut reasons: BTreeMap<_, usize> = BTreeMap::new();
    for (_, reason) in &promoters.left_out {
        *reasons.entry(reason).or_default() += 1;
    }
    for (reason, count) in reasons {
        println!("left out: {count} ({reason:?})");
    }
    Ok(())
}
