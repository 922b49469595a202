use std::collections::HashSet;

use crate::genes::{is_known_id, known_id_and_symbol};

/// What is asked of ids and symbols that are written with a `_` between them.
pub(super) const UNPARTED: &str = "a gene id without `_`, or one of a form whose end is known (ENSG.., NM_..), with a symbol that does not \
                        look like its end";

/// Takes `ID_SYMBOL` apart: behind an id of a form that has underscores of its own (`NM_000546`, `ENSG00000002586.20_PAR_Y`), else
/// at the first underscore.
pub(super) fn id_and_symbol(label: &str) -> Option<(&str, &str)> {
    if is_known_id(label) {
        return None;
    }
    let parted = known_id_and_symbol(label).or_else(|| label.split_once('_'));
    parted.filter(|(id, _)| !id.is_empty())
}

/// Tells whether an id and a symbol can stand in a table of windows: whether what is written reads back as it was.
pub(super) fn reads_back(id: &str, symbol: &str) -> bool {
    id_and_symbol(&format!("{id}_{symbol}")) == Some((id, symbol))
}

/// Finds the first gene that a table of windows cannot hold, before anything is counted or written: gives its row and what is
/// asked of it.
///
/// # Examples
///
/// ```
/// use chromex_io::deepdiff::unwritable;
/// let ids = ["ENSG00000002586.20_PAR_Y", "NM_000546", "a_b"].map(str::to_owned);
/// let symbols = ["CD99", "TP53", ""].map(str::to_owned);
/// assert_eq!(unwritable(&ids, &symbols).unwrap().0, 2);
/// ```
pub fn unwritable(ids: &[String], symbols: &[String]) -> Option<(usize, &'static str)> {
    let breaks = |character: char| character == ',' || character.is_control();
    let mut seen = HashSet::new();
    ids.iter()
        .zip(symbols)
        .enumerate()
        .find_map(|(row, (id, symbol))| {
            if !seen.insert(id) {
                Some((row, "genes that stand once"))
            } else if id.is_empty() || id.contains(breaks) || symbol.contains(breaks) {
                Some((row, "an id and a symbol without `,` or line end"))
            } else if !reads_back(id, symbol) {
                Some((row, UNPARTED))
            } else {
                None
            }
        })
}

#[cfg(test)]
mod tests {
    use chromex_core::MarkWindows;
    use ndarray::Array3;
    use proptest::prelude::*;

    use super::*;
    use crate::deepdiff::{DeepDiffLayout, WindowTable, read_windows, write_windows};

    fn layout() -> DeepDiffLayout {
        DeepDiffLayout {
            marks: vec!["H3K4me3".into(), "H3K36me3".into()],
            bins: 2,
            bin_width_bp: 100,
        }
    }

    proptest! {
        #[test]
        fn every_id_and_symbol_that_is_written_reads_back_equal(
            id in "(ENSG[0-9]{1,3}|NM_[0-9]{1,3}|uc001aaa|E1|é|[A-Za-z_.0-9é]{0,6})(\\.[0-9])?(_PAR_Y|_[0-9])?",
            symbol in "(PAR_Y|PAR|_|[0-9]|[A-Za-z_.0-9 é,-]{0,6}){0,2}",
        ) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("a.csv");
            let layout = layout();
            let signal = Array3::ones((1, 2, 2));
            let windows = MarkWindows::new(signal, layout.marks.clone(), 100).unwrap();
            let table = WindowTable::new(vec![id], vec![symbol], windows);
            let is_written = write_windows(&path, &table).is_ok();
            prop_assert_eq!(is_written, unwritable(&table.ids, &table.symbols).is_none());
            if is_written {
                prop_assert_eq!(read_windows(&path, &layout).unwrap(), table);
            }
        }
    }

    #[test]
    fn ids_with_underscores_of_their_own_are_parted_behind_them() {
        let text = "NM_000546_TP53_1,0,1\nNM_000546_TP53_2,2,3\nENSG1.2_PAR_Y_A_1,4,5\nENSG1.2_PAR_Y_A_2,6,7\n";
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        let read = |text: &str| {
            std::fs::write(&path, text).unwrap();
            read_windows(&path, &layout())
        };
        let table = read(text).unwrap();
        assert_eq!(table.ids, ["NM_000546", "ENSG1.2_PAR_Y"]);
        assert_eq!(table.symbols, ["TP53", "A"]);
        let message = read("NM_000546_1,0,1\n").unwrap_err().to_string();
        assert!(
            message.contains("line 1, column 1: expected `GENE_SYMBOL_BIN`"),
            "{message}"
        );
    }
}
