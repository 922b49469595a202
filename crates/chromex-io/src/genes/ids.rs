//! What an id may be taken apart into. A dot, a dash and an underscore are letters like others: only ids of a form whose
//! makers say what stands behind the dot or before the colon are cut, and everywhere an exact id wins.

/// What follows the digits of an id whose form is known.
struct Known<'a> {
    /// Up to the last digit of the number.
    stem: &'a str,
    /// What follows.
    rest: &'a str,
}

/// The letters before the underscore of RefSeq's accessions.
const REFSEQ: [&str; 19] = [
    "AC", "AP", "NC", "NG", "NM", "NP", "NR", "NT", "NW", "NZ", "WP", "XM", "XP", "XR", "YP", "ZP",
    "NS", "AS", "XG",
];
/// What a copy on the Y chromosome of the pseudo-autosomal regions is marked by.
const PAR_Y: &str = "_PAR_Y";
/// What sources write before ids of GFF3 so that kinds do not collide; with a colon, whatever the case.
const SOURCES: [&str; 11] = [
    "gene",
    "transcript",
    "mrna",
    "rna",
    "cds",
    "exon",
    "ncrna_gene",
    "pseudogene",
    "id",
    "protein",
    "trna",
];

/// Takes the front of a text as an id of Ensembl and GENCODE (`ENSG..`, `ENSMUST..`), Havana (`OTTHUMG..`), RefSeq
/// (`NM_..`) or UCSC (`uc001abc`), the namespaces that number versions behind a dot.
fn known(text: &str) -> Option<Known<'_>> {
    let digits = |from: usize| {
        let count = text.get(from..)?.bytes().take_while(u8::is_ascii_digit);
        Some(count.count()).filter(|&count| count > 0)
    };
    let cut = |end: usize| {
        Some(Known {
            stem: text.get(..end)?,
            rest: text.get(end..)?,
        })
    };
    if text.starts_with("ENS") || text.starts_with("OTT") {
        let letters = text.bytes().take_while(u8::is_ascii_uppercase).count();
        let is_kind = text.get(..letters)?.ends_with(['G', 'T', 'P', 'E', 'R']);
        return match is_kind && letters > 3 {
            true => cut(letters + digits(letters)?),
            false => None,
        };
    }
    if let Some((letters, _)) = text.split_once('_')
        && REFSEQ.contains(&letters)
    {
        return cut(3 + digits(3)?);
    }
    if text.starts_with("uc") && digits(2) == Some(3) {
        let is_letter = |byte: &u8| byte.is_ascii_lowercase();
        let letters = text.get(5..)?.bytes().take_while(is_letter).count();
        return if letters == 3 { cut(8) } else { None };
    }
    None
}

/// Takes a version, the number of a liftover and the mark of a copy on Y off the front of what follows a stem: gives
/// whether there is the mark, and the rest.
fn tail(mut rest: &str, mut takes_version: bool) -> (bool, &str) {
    let number = |text: &str, mark: char| {
        let digits = text.strip_prefix(mark)?;
        let end = digits.bytes().take_while(u8::is_ascii_digit).count();
        (end > 0).then(|| digits.len() - end)
    };
    let mut is_copy = false;
    if takes_version && let Some(left) = number(rest, '.') {
        rest = &rest[rest.len() - left..];
    } else {
        takes_version = false;
    }
    loop {
        if let Some(after) = rest.strip_prefix(PAR_Y).filter(|_| !is_copy) {
            (is_copy, rest) = (true, after);
        } else if takes_version && let Some(left) = number(rest, '_') {
            // GENCODE's liftovers number themselves behind the version.
            (takes_version, rest) = (false, &rest[rest.len() - left..]);
        } else {
            return (is_copy, rest);
        }
    }
}

/// Cuts the version off an id of a form that has versions, and leaves every other id as it is: `SPBC1604.12`, `Y74C9A.3` and
/// `AT1G01010.1` are names of their own. The mark of a copy on Y stays.
pub(crate) fn without_known_version(id: &str) -> String {
    let Some(known) = known(id) else {
        return id.to_owned();
    };
    match tail(known.rest, true) {
        (true, "") => format!("{}{PAR_Y}", known.stem),
        (false, "") => known.stem.to_owned(),
        _ => id.to_owned(),
    }
}

/// Cuts whatever digits stand behind the last dot, where that was asked for.
pub(crate) fn without_version(id: &str) -> String {
    let cut = without_known_version(id);
    if cut != id || known(id).is_some() {
        return cut;
    }
    match id.rsplit_once('.') {
        Some((stem, digits))
            if !stem.is_empty()
                && !digits.is_empty()
                && digits.bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            stem.to_owned()
        }
        _ => id.to_owned(),
    }
}

/// Cuts what a source writes before ids: `gene:` and `transcript:` of Ensembl, `Gene:` of WormBase, `gene-` and `rna-` of
/// NCBI.
pub(crate) fn without_source(id: &str) -> &str {
    if let Some((source, rest)) = id.split_once(':')
        && !rest.is_empty()
        && SOURCES.contains(&source.to_ascii_lowercase().as_str())
    {
        return rest;
    }
    // A number alone is not a name of NCBI's: `gene-1` is the whole id of another program.
    let rest = id.strip_prefix("gene-").or_else(|| id.strip_prefix("rna-"));
    match rest {
        Some(rest) if rest.bytes().any(|byte| !byte.is_ascii_digit()) => rest,
        _ => id,
    }
}

/// Takes `ID_SYMBOL` apart where the id is of a known form, underscores of its own included; nothing where it is not.
pub(crate) fn known_id_and_symbol(label: &str) -> Option<(&str, &str)> {
    let known = known(label)?;
    let (_, rest) = tail(known.rest, true);
    let id = &label[..label.len() - rest.len()];
    match rest.strip_prefix('_') {
        Some(symbol) => Some((id, symbol)),
        // `ENSG1x_A` is no id of this form.
        None => None,
    }
}

/// Tells whether the whole of a text is an id of a known form.
pub(crate) fn is_known_id(text: &str) -> bool {
    known(text).is_some_and(|known| tail(known.rest, true).1.is_empty())
}

/// Tells names that say nothing.
pub(super) fn is_placeholder(name: &str) -> bool {
    matches!(name, "" | "." | "-" | "*" | "NA" | "N/A" | "n/a")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_cut_off_ids_that_have_them_and_off_no_others() {
        for (id, expected) in [
            ("ENSG00000130749.5", "ENSG00000130749"),
            ("ENSMUSG00000000001.4", "ENSMUSG00000000001"),
            ("ENSG00000002586.18_PAR_Y", "ENSG00000002586_PAR_Y"),
            ("ENSG00000223972.5_2", "ENSG00000223972"),
            ("ENSG00000182378.13_2_PAR_Y", "ENSG00000182378_PAR_Y"),
            ("ENSG00000182378.13_PAR_Y_2", "ENSG00000182378_PAR_Y"),
            ("OTTHUMG00000000961.2", "OTTHUMG00000000961"),
            ("NM_000546.6", "NM_000546"),
            ("uc001aaa.3", "uc001aaa"),
        ] {
            assert_eq!(without_known_version(id), expected);
            assert_eq!(without_version(id), expected);
        }
        for id in [
            "SPBC1604.12",
            "Y74C9A.3",
            "AT1G01010.1",
            "Os01t0100100.1",
            "MSTRG.1",
            "LRG_1.2",
            "ENSEMBL.1",
            "ENSG1.2.3",
            "ENSG00000000003_A",
            "NM_A.1",
            "é.1é",
            "",
        ] {
            assert_eq!(without_known_version(id), id);
        }
        assert_eq!(without_version("AT1G01010.1"), "AT1G01010");
        for id in ["LOC1.x", "a.1b", ".1", "a.", "ENSG1.2.3"] {
            assert_eq!(without_version(id), id);
        }
    }

    #[test]
    fn prefixes_of_sources_are_cut_and_names_are_not() {
        for (id, expected) in [
            ("gene:ENSG1", "ENSG1"),
            ("Gene:WBGene1", "WBGene1"),
            ("transcript:T", "T"),
            ("gene-TP53", "TP53"),
            ("rna-NM_000546.6", "NM_000546.6"),
            ("gene-1", "gene-1"),
            ("gene:", "gene:"),
            ("HGNC:5", "HGNC:5"),
            ("HLA-A", "HLA-A"),
            ("chr1:5-9", "chr1:5-9"),
        ] {
            assert_eq!(without_source(id), expected);
        }
    }

    #[test]
    fn labels_are_split_behind_ids_of_known_forms() {
        for (label, expected) in [
            ("ENSG1_Y_RNA", Some(("ENSG1", "Y_RNA"))),
            ("NM_000546_TP53", Some(("NM_000546", "TP53"))),
            ("NM_000546.6_TP53", Some(("NM_000546.6", "TP53"))),
            ("ENSG1.2_PAR_Y_CD99", Some(("ENSG1.2_PAR_Y", "CD99"))),
            ("ENSG1_PAR_Y_CD99", Some(("ENSG1_PAR_Y", "CD99"))),
            ("ENSG1_", Some(("ENSG1", ""))),
            ("NM_000546", None),
            ("E1_A", None),
        ] {
            assert_eq!(known_id_and_symbol(label), expected, "{label}");
        }
        assert!(is_known_id("NM_000546") && is_known_id("ENSG1_PAR_Y") && !is_known_id("TP53"));
    }
}
