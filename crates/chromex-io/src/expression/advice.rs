use std::collections::HashSet;

use super::JoinReport;
use crate::Error;
use crate::genes::{is_known_id, without_source, without_version};

/// The ids of either side that an error shows.
const SHOWN: usize = 3;

/// Says of a join without rows what either side holds and what to try.
pub(super) fn unjoined(windows: &[String], expression: &[String], report: &JoinReport) -> Error {
    let shown = |ids: &[String]| match ids {
        [] => "no gene".to_owned(),
        ids => {
            let some: Vec<&str> = ids.iter().take(SHOWN).map(String::as_str).collect();
            let rest = ids.len() - some.len();
            let rest = if rest > 0 { ", .." } else { "" };
            format!("{}{rest}", some.join(", "))
        }
    };
    Error::NoJoin {
        windows: shown(windows),
        expression: shown(expression),
        advice: advice(windows, expression, report),
    }
}

fn advice(windows: &[String], expression: &[String], report: &JoinReport) -> String {
    if !report.ambiguous.is_empty() {
        return "ids that several genes share join none: make them distinct".into();
    }
    let shared = |form: fn(&str) -> String| {
        let ours: HashSet<String> = windows.iter().map(|id| form(id)).collect();
        expression.iter().any(|id| ours.contains(&form(id)))
    };
    if shared(|id| without_version(without_source(id))) {
        return "they are the same without what follows the last dot: --cut-versions cuts it"
            .into();
    }
    if shared(|id| without_source(id).trim().to_ascii_lowercase()) {
        return "they are the same but for capital letters and blanks: write them alike".into();
    }
    let most = |ids: &[String], is: fn(&str) -> bool| {
        let count = ids.iter().filter(|id| is(without_source(id))).count();
        2 * count > ids.len()
    };
    let (ours, theirs) = (kind(windows, &most), kind(expression, &most));
    match (ours, theirs) {
        (Kind::Gene, Kind::Transcript) => {
            "the table is of transcripts and the windows are of genes: take the table of genes".into()
        }
        (Kind::Transcript, Kind::Gene) => {
            "the windows are of transcripts and the table is of genes: take windows of genes".into()
        }
        (Kind::Gene | Kind::Transcript, Kind::Number) => {
            "the table names genes by numbers (Entrez): map them to the ids of the annotation".into()
        }
        (_, Kind::Other) => {
            "where the table names genes by symbol, join by it (--by symbol); else take the annotation that the table was made with"
                .into()
        }
        _ => "take the annotation that the table was made with".into(),
    }
}

/// What most ids of a side are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Gene,
    Transcript,
    Number,
    Other,
}

fn kind(ids: &[String], most: &impl Fn(&[String], fn(&str) -> bool) -> bool) -> Kind {
    if most(ids, |id| {
        !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit())
    }) {
        Kind::Number
    } else if most(ids, is_transcript) {
        Kind::Transcript
    } else if most(ids, |id| is_known_id(id) && !is_transcript(id)) {
        Kind::Gene
    } else {
        Kind::Other
    }
}

/// Tells ids of transcripts: `ENST..`, `ENSMUST..`, `NM_..`.
fn is_transcript(id: &str) -> bool {
    let is_ensembl = id.starts_with("ENS") && {
        let letters = id.bytes().take_while(u8::is_ascii_uppercase);
        letters.last() == Some(b'T')
    };
    let is_refseq = ["NM_", "NR_", "XM_", "XR_"]
        .iter()
        .any(|start| id.starts_with(start));
    is_known_id(id) && (is_ensembl || is_refseq)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(windows: &[&str], expression: &[&str]) -> String {
        let owned = |ids: &[&str]| ids.iter().map(|&id| id.to_owned()).collect::<Vec<_>>();
        unjoined(&owned(windows), &owned(expression), &JoinReport::default()).to_string()
    }

    #[test]
    fn three_ids_of_either_side_and_what_to_try_are_said() {
        let said = message(
            &["ENSG1", "ENSG2", "ENSG3", "ENSG4"],
            &["ENST1.1", "ENST2.1"],
        );
        assert!(
            said.contains(
                "the windows have ENSG1, ENSG2, ENSG3, .., the table has ENST1.1, ENST2.1"
            )
        );
        assert!(said.contains("the table is of transcripts"), "{said}");
        for (windows, expression, expected) in [
            ("NM_000546", "ENSG1", "the windows are of transcripts"),
            ("ENSMUSG1", "7157", "numbers (Entrez)"),
            ("ENSG1", "TP53", "--by symbol"),
            ("AT1G01010.1", "AT1G01010", "--cut-versions"),
            ("tp53", "TP53", "capital letters"),
            (
                "ENSG1",
                "ENSG2",
                "the annotation that the table was made with",
            ),
        ] {
            let said = message(&[windows], &[expression]);
            assert!(said.contains(expected), "{said}");
        }
    }
}
