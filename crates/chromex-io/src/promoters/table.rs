use std::collections::HashMap;
use std::path::Path;

use crate::Result;
use crate::error::{listed, quoted};
use crate::tables::{ColumnKind, Table, TableHeader, Wanted, is_missing};

/// What a promoter takes in memory beside its texts and numbers.
const PROMOTER_BYTES: usize = 256;

/// What the columns of a table of promoters are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PromoterTableLayout {
    /// The column that names the genes.
    pub gene: String,
    /// The column of the sequences.
    pub sequence: String,
    /// The column that names each row's part of a split.
    pub part: Option<String>,
    /// Whether a table without that column is taken.
    pub part_may_lack: bool,
    /// The columns of numbers that are read; all when none is named.
    pub tissues: Vec<String>,
    /// Whether numbers are logarithms or the like, which may be negative.
    pub may_be_negative: bool,
    /// Whether the first row names the columns.
    pub header: TableHeader,
}

/// A table of promoters as it stands in the file: a gene, its sequence, and a number in each tissue.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PromoterTable {
    /// The genes.
    pub genes: Vec<String>,
    /// Their sequences, in the letters of the file.
    pub sequences: Vec<String>,
    /// Their parts of a split; none where there is no such column.
    pub parts: Vec<String>,
    /// The columns of numbers.
    pub tissues: Vec<String>,
    /// The numbers, row after row.
    pub values: Vec<f64>,
    /// What was left aside and left out, a sentence each.
    pub notes: Vec<String>,
}

impl Default for PromoterTableLayout {
    /// `gene`, `sequence`, and a column for each tissue, of numbers that are not negative.
    fn default() -> Self {
        Self {
            gene: "gene".into(),
            sequence: "sequence".into(),
            part: None,
            part_may_lack: false,
            tissues: Vec::new(),
            may_be_negative: false,
            header: TableHeader::Guessed,
        }
    }
}

/// Reads a table of promoters: text (tabs, commas, semicolons, quotes), packed or not, or Parquet.
///
/// Genes without a sequence or without a number in a tissue are left out, and the notes of the table say so.
///
/// # Errors
///
/// [`Error::Table`](crate::Error::Table) and [`Error::Cell`](crate::Error::Cell) at a gene that stands twice, a letter that is no base of the IUPAC code, and
/// a number that is none or below 0; the same or [`Error::Column`](crate::Error::Column) when a column is not there, stands twice or holds
/// something else; [`Error::TooLarge`](crate::Error::TooLarge) and [`Error::Unpacks`](crate::Error::Unpacks) when a small file holds too much.
///
/// # Examples
///
/// ```
/// use chromex_io::promoters::{PromoterTableLayout, read_promoter_table};
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("promoters.tsv");
/// # std::fs::write(&path, "gene\tsequence\tleaf\nE1\tACGT\t3.69\n").unwrap();
/// let table = read_promoter_table(&path, &PromoterTableLayout::default())?;
/// assert_eq!((&table.sequences[0][..], table.values[0]), ("ACGT", 3.69));
/// # Ok::<(), chromex_io::Error>(())
/// ```
pub fn read_promoter_table(path: &Path, layout: &PromoterTableLayout) -> Result<PromoterTable> {
    let table = Table::open(path, layout.header)?;
    let gene = table.find(&layout.gene, "the genes")?;
    let sequence = table.find(&layout.sequence, "the sequences")?;
    let part = match &layout.part {
        Some(part) if layout.part_may_lack && !table.names().contains(&part.as_str()) => None,
        Some(part) => Some(table.find(part, "the parts of a split")?),
        None => None,
    };
    let texts: Vec<usize> = [gene, sequence].into_iter().chain(part).collect();
    let mut read = PromoterTable::default();
    let tissues = tissues(&table, layout, &texts, &mut read)?;
    let wanted = Wanted {
        texts,
        numbers: tissues,
        expected: match layout.may_be_negative {
            true => "a number",
            false => "a number of at least 0",
        },
        passes_over: |_| false,
    };
    let mut budget = table.budget(path);
    let mut places: HashMap<String, u64> = HashMap::new();
    let (mut without_bases, mut without_numbers) = (Vec::new(), Vec::new());
    let end = table.read(&wanted, |row| {
        let &[id, letters, ref more @ ..] = row.texts else {
            return Ok(());
        };
        if id.is_empty() {
            return Err(table.refuse_value(row.place, gene, "a gene", "nothing"));
        }
        let bytes = PROMOTER_BYTES + 2 * id.len() + letters.len() + size_of_val(row.numbers);
        budget.hold(bytes as u64)?;
        if let Some(first) = places.insert(id.to_owned(), row.place) {
            let expected = format!(
                "genes that stand once, and {} stands in {}",
                quoted(id.as_bytes()),
                table.place_name(first)
            );
            return Err(table.refuse_value(row.place, gene, &expected, quoted(id.as_bytes())));
        }
        if is_missing(letters) {
            without_bases.push(id.to_owned());
            return Ok(());
        }
        if let Some((base, other)) = letters
            .chars()
            .enumerate()
            .find(|(_, letter)| !is_base(*letter))
        {
            let expected = "letters of the IUPAC code";
            let found = format!("`{}` as letter {}", other.escape_debug(), base + 1);
            return Err(table.refuse_value(row.place, sequence, expected, found));
        }
        if row.numbers.iter().any(Option::is_none) {
            without_numbers.push(id.to_owned());
            return Ok(());
        }
        for (number, &column) in row.numbers.iter().zip(&wanted.numbers) {
            let number = number.unwrap_or_default();
            if !number.is_finite() || (number < 0.0 && !layout.may_be_negative) {
                let found = quoted(number.to_string().as_bytes());
                return Err(table.refuse_value(row.place, column, wanted.expected, found));
            }
            read.values.push(number);
        }
        read.genes.push(id.to_owned());
        read.sequences.push(letters.to_owned());
        read.parts
            .extend(more.first().map(|part| (*part).to_owned()));
        Ok(())
    })?;
    for (genes, lack) in [
        (&without_bases, "a sequence"),
        (&without_numbers, "a number in a column that was read"),
    ] {
        if !genes.is_empty() {
            let count = genes.len();
            read.notes.push(format!(
                "Genes left out, which lack {lack}: {count} ({})",
                listed(genes)
            ));
        }
    }
    if read.genes.is_empty() {
        let found = match without_bases.len() + without_numbers.len() {
            0 => "none".to_owned(),
            lacking => format!("{lacking} that lack a sequence or a number"),
        };
        let place = table.place_name(end);
        let expected = format!("a gene with a promoter before {place}");
        return Err(table.refuse_header(None, expected, found));
    }
    Ok(read)
}

/// The columns of numbers.
fn tissues(
    table: &Table,
    layout: &PromoterTableLayout,
    texts: &[usize],
    read: &mut PromoterTable,
) -> Result<Vec<usize>> {
    let names = table.names();
    let mut places = Vec::new();
    for tissue in &layout.tissues {
        let place = table.find(tissue, "the numbers")?;
        if let (Table::Parquet(_), ColumnKind::Text | ColumnKind::Other(_)) =
            (table, table.kind(place))
        {
            return Err(table.refuse_column(place, "numbers"));
        }
        places.push(place);
    }
    if layout.tissues.is_empty() {
        let mut aside = Vec::new();
        let index = table.index();
        for (place, &name) in names.iter().enumerate() {
            if texts.contains(&place)
                || (name.is_empty() && !matches!(table.kind(place), ColumnKind::Number))
            {
                continue;
            }
            match table.kind(place) {
                _ if index.contains(&place) => aside.push(format!("{name} (index)")),
                ColumnKind::Number if !name.is_empty() => {
                    places.push(table.find(name, "a tissue")?)
                }
                ColumnKind::Number => aside.push("a column without a name".to_owned()),
                ColumnKind::Text => aside.push(format!("{name} (text)")),
                ColumnKind::Other(kind) => aside.push(format!("{name} ({kind})")),
            }
        }
        if !aside.is_empty() {
            let count = aside.len();
            read.notes
                .push(format!("Columns left aside: {count} ({})", listed(&aside)));
        }
    }
    if places.is_empty() {
        let found = format!("the columns {}", listed(&names));
        return Err(table.refuse_header(None, "a column of numbers for each tissue", found));
    }
    read.tissues = places
        .iter()
        .map(|&place| names[place].to_owned())
        .collect();
    Ok(places)
}

/// Tells a letter of the IUPAC code.
pub(crate) fn is_base(letter: char) -> bool {
    "ACGTUNRYSWKMBDHV".contains(letter.to_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Result<PromoterTable> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("promoters.tsv");
        std::fs::write(&path, text).unwrap();
        read_promoter_table(&path, &PromoterTableLayout::default())
    }

    #[test]
    fn what_is_left_aside_and_left_out_is_said() {
        let table = read(
            "gene,symbol,sequence,leaf,root\nE1,\"A, B\",ACGTn,1,2\nE2,C,,1,2\nE3,D,AC,NA,2\n",
        )
        .unwrap();
        assert_eq!(
            (&table.genes[..], &table.values[..]),
            (&["E1".to_owned()][..], &[1.0, 2.0][..])
        );
        assert_eq!(table.tissues, ["leaf", "root"]);
        assert_eq!(
            table.notes,
            [
                "Columns left aside: 1 (`symbol (text)`)",
                "Genes left out, which lack a sequence: 1 (`E2`)",
                "Genes left out, which lack a number in a column that was read: 1 (`E3`)"
            ]
        );
    }

    #[test]
    fn what_is_wrong_is_named_by_file_line_and_column() {
        let refused = |text: &str, expected: &str| {
            let message = read(text).unwrap_err().to_string();
            assert!(message.contains("promoters.tsv: line "), "{message}");
            assert!(message.contains(expected), "{message} lacks {expected}");
        };
        refused(
            "gene\tsequence\tleaf\nE1\tACäGT\t1\n",
            "line 2, column 2: expected letters of the IUPAC code (sequence), found `ä` as letter 3",
        );
        refused(
            "gene\tsequence\tleaf\nE1\tA\t1\n\nE1\tA\t1\n",
            "line 4, column 1: expected genes that stand once, and `E1` stands in line 2 (gene), found `E1`",
        );
        refused(
            "gene\tsequence\tleaf\nE1\tA\t-1\n",
            "line 2, column 3: expected a number of at least 0 (leaf), found `-1`",
        );
        refused(
            "gene\tsequence\nE1\tA\n",
            "expected a column of numbers for each tissue",
        );
        refused(
            "gene\tseq\tleaf\nE1\tA\t1\n",
            "expected a column `sequence` (the sequences), found the columns `gene`, `seq`, `leaf`",
        );
        refused(
            "gene\tsequence\tleaf\nE1\t\t1\n",
            "found 1 that lack a sequence or a number",
        );
        refused(
            "gene\tsequence\tleaf\tleaf\nE1\tA\t1\t2\n",
            "line 1, column 4: expected one column `leaf`",
        );
        refused(
            "gene\tsequence\tleaf\nE1\tA\t1\nE2\tA\n",
            "line 3: expected 3 columns, found 2",
        );
    }

    proptest! {
        #[test]
        fn any_text_is_a_table_or_an_error(text in "(\\PC|[\t\n,;\"#]){0,120}") {
            let _ = read(&text);
            let _ = read(&format!("gene\tsequence\tleaf\n{text}"));
        }
    }
}
