use std::path::Path;

use crate::Result;
use crate::error::quoted;
use crate::lines::Lines;

/// Reads a list of genes, one id per line, packed or not; blanks around an id are not part of it.
///
/// # Errors
///
/// [`Error::Table`](crate::Error::Table) at the first line that is empty, is not UTF-8 text or holds more than one
/// word; [`Error::Io`](crate::Error::Io) and [`Error::Damaged`](crate::Error::Damaged) when it cannot be read.
///
/// # Examples
///
/// ```
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("gene_list.txt");
/// # std::fs::write(&path, "ENSG00000000003 \nENSG00000000005 \n").unwrap();
/// let ids = chromex_io::genes::read_gene_list(&path)?;
/// assert_eq!(ids[1], "ENSG00000000005");
/// # Ok::<(), chromex_io::Error>(())
/// ```
pub fn read_gene_list(path: &Path) -> Result<Vec<String>> {
    let mut lines = Lines::open(path)?.keeping(64);
    let mut ids = Vec::new();
    while lines.advance()? {
        let id = std::str::from_utf8(lines.line()).map(str::trim);
        match id {
            Ok(id) if !id.is_empty() && !id.contains(char::is_whitespace) => {
                ids.push(id.to_owned());
            }
            _ => return Err(lines.error(Some(1), "one gene id", quoted(lines.line()))),
        }
    }
    Ok(ids)
}
