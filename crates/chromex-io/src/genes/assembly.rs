/// What part of an assembly a sequence is: of loci of one gene on several, the first kind wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum AssemblyUnit {
    /// A chromosome, or a sequence of an assembly that has none.
    Primary,
    /// A piece whose place is not known: `_random`, `chrUn`, `KI270706.1`, scaffolds.
    Unplaced,
    /// Another version of a stretch of a chromosome: alternate loci, patches and haplotypes.
    Alternate,
}

/// The letters of accessions of GenBank that its assemblies use for pieces; chromosomes have others (`CM`, `CP`, `OX`).
const PIECES: [&str; 14] = [
    "KI", "GL", "KN", "KQ", "KV", "KZ", "ML", "MU", "JH", "KB", "KE", "KK", "KL", "DS",
];

impl AssemblyUnit {
    /// Tells by a sequence's name as UCSC, Ensembl, NCBI or GENCODE write it.
    pub(super) fn of(name: &str) -> Self {
        let name = name.to_ascii_uppercase();
        let bare = name.strip_prefix("CHR").unwrap_or(&name);
        let bare = bare.strip_prefix('_').unwrap_or(bare);
        let is_numbered = |prefix: &str| {
            let rest = bare.strip_prefix(prefix);
            rest.is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()))
        };
        let is_haplotype = bare.match_indices("_HAP").any(|(place, mark)| {
            let rest = &bare[place + mark.len()..];
            rest.bytes().all(|byte| byte.is_ascii_digit())
        });
        if ["_ALT", "_FIX", "_PATCH", "_NOVEL"].iter().any(|end| bare.ends_with(end))
            || is_haplotype
            || bare.starts_with("HSCHR")
            || bare.starts_with("MMCHR")
            || bare.starts_with("LRG_")
            || (is_numbered("HG") && bare.contains('_'))
            || (is_numbered("MG") && bare.contains('_'))
            // Haplotypes of the histocompatibility complex as Ensembl wrote them: `6_COX`, `c6_QBL`.
            || ["6_APD", "6_COX", "6_DBB", "6_MANN", "6_MCF", "6_QBL", "6_SSTO"]
                .iter()
                .any(|end| bare.ends_with(end))
        {
            return Self::Alternate;
        }
        let is_piece = PIECES.iter().any(|letters| is_numbered(letters));
        if bare.ends_with("_RANDOM")
            || bare == "UN"
            || bare.starts_with("UN_")
            || bare.starts_with("UNK")
            || bare.starts_with("UNPLACED")
            || bare.starts_with("UNLOCALIZED")
            || bare.starts_with("NT_")
            || bare.starts_with("NW_")
            || bare.starts_with("SCAFFOLD")
            || bare.starts_with("CONTIG")
            || is_piece
            || is_shotgun(bare)
        {
            return Self::Unplaced;
        }
        Self::Primary
    }
}

/// Tells accessions of whole-genome shotgun pieces: four or six letters and at least eight digits.
fn is_shotgun(name: &str) -> bool {
    let name = name.split('.').next().unwrap_or(name);
    let letters = name.bytes().take_while(u8::is_ascii_uppercase).count();
    let digits = &name[letters..];
    (letters == 4 || letters == 6)
        && digits.len() >= 8
        && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// Tells the Y chromosome, also by the accessions of human and mouse.
pub(super) fn is_y(name: &str) -> bool {
    let bare = name
        .get(..3)
        .filter(|start| start.eq_ignore_ascii_case("chr"));
    let bare = bare.map_or(name, |_| &name[3..]);
    let accession = bare.split('.').next().unwrap_or(bare);
    bare.eq_ignore_ascii_case("y")
        || ["NC_000024", "NC_000087", "CM000686", "CM001014"].contains(&accession)
}

/// Puts names of chromosomes in an order that does not depend on a file: by number, then by letters.
pub(super) fn natural(name: &str) -> (u64, &str) {
    let bare = name
        .get(..3)
        .filter(|start| start.eq_ignore_ascii_case("chr"));
    let bare = bare.map_or(name, |_| &name[3..]);
    (bare.parse().unwrap_or(u64::MAX), name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_all_sources_tell_what_is_not_a_chromosome() {
        for name in [
            "chr1",
            "1",
            "X",
            "chrM",
            "MT",
            "2L",
            "I",
            "NC_000017.11",
            "CM000663.2",
            "CP001234.1",
            "OX123456.1",
            "Chr1",
            "BV02",
            "chr10",
            "Y",
            "mitochondrion",
            "HG",
            "SL4.0ch01",
            "é",
        ] {
            assert_eq!(AssemblyUnit::of(name), AssemblyUnit::Primary, "{name}");
        }
        for name in [
            "chr1_KI270706v1_random",
            "chrUn_GL000220v1",
            "chrUn",
            "KI270728.1",
            "GL000009.2",
            "GL000191.1",
            "NT_187361.1",
            "NW_009646201.1",
            "scaffold_12",
            "AABR07022258.1",
            "JACYVU010000001.1",
            "JH584304.1",
            "4_random",
            "Un",
        ] {
            assert_eq!(AssemblyUnit::of(name), AssemblyUnit::Unplaced, "{name}");
        }
        for name in [
            "chr1_KQ000001v1_alt",
            "chr6_apd_hap1",
            "chr17_ctg5_hap1",
            "chr10_KN196480v1_fix",
            "CHR_HSCHR6_MHC_COX_CTG1",
            "HSCHR6_MHC_APD",
            "HG104_HG975_PATCH",
            "HG1257_PATCH",
            "CHR_HG1_PATCH",
            "chr6_GL000250v2_alt",
            "6_COX",
            "CHR_MG4151_PATCH",
            "HSCHR19KIR_FH13_BA2_HAP_CTG3_1",
            "LRG_321",
        ] {
            assert_eq!(AssemblyUnit::of(name), AssemblyUnit::Alternate, "{name}");
        }
    }

    #[test]
    fn y_is_known_and_numbers_are_ordered_by_size() {
        assert!(
            ["chrY", "Y", "y", "NC_000024.10"]
                .iter()
                .all(|name| is_y(name))
        );
        assert!(
            !["chrX", "X", "é", "NC_000023.11"]
                .iter()
                .any(|name| is_y(name))
        );
        assert!(natural("chr2") < natural("chr10") && natural("chr10") < natural("chrX"));
    }
}
