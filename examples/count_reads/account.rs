use chromex::io::counting::CountedWindows;
use chromex::io::expression::JoinReport;
use chromex::io::genes::{GeneSet, GeneWindows};
use chromex::report::markdown::escaped;

/// The names that a line of the report shows; the table beside it has all.
const SHOWN: usize = 10;

/// What was left out, folded or kept as it was, with the reason: nothing goes without a word.
#[derive(Default)]
pub(crate) struct Account {
    /// Gene, reason, detail.
    rows: Vec<[String; 3]>,
    /// Sentences on what is no gene.
    notes: Vec<String>,
}

impl Account {
    /// What an annotation's reader says.
    pub(crate) fn of_genes(genes: &GeneSet) -> Self {
        let mut account = Self::default();
        for (id, reason) in &genes.left_out {
            account.add(id, reason.reason(), "");
        }
        for gene in &genes.several {
            let others: Vec<String> = gene.others.iter().map(ToString::to_string).collect();
            let detail = format!("taken {}, not {}", gene.chosen, others.join(", "));
            account.add(&gene.id, "several loci, of which one was taken", &detail);
        }
        for id in &genes.kept_versions {
            account.add(id, "version kept, for two genes would be one", "");
        }
        if !genes.unused_features.is_empty() {
            let kinds = genes.unused_features.iter();
            let kinds: Vec<String> = kinds
                .map(|(kind, count)| format!("{count} {kind}"))
                .collect();
            account.notes.push(format!(
                "Features that are no gene, transcript or exon: {}",
                first_of(&kinds)
            ));
        }
        account
    }

    /// What stands twice among windows.
    pub(crate) fn of_windows(windows: &GeneWindows) -> Self {
        let mut account = Self::default();
        for id in windows.repeated_ids() {
            account.add(id, "several windows of one name", "");
        }
        account
    }

    /// What did not join. Genes of the table that have no window were not asked for, and are counted.
    pub(crate) fn add_join(&mut self, report: &JoinReport) {
        for id in &report.without_expression {
            self.add(id, "not in the table of expression", "");
        }
        for id in &report.ambiguous {
            self.add(id, "several genes of its name on either side", "");
        }
    }

    /// What files lack.
    pub(crate) fn add_totals(&mut self, counted: &CountedWindows) {
        for file in counted.totals.iter().flatten() {
            let name = file.path.file_name().unwrap_or_default().to_string_lossy();
            if !file.without_reads.is_empty() {
                self.notes.push(format!(
                    "{name} has nothing on {} of the windows: {}",
                    plural(file.without_reads.len(), "chromosome"),
                    first_of(&file.without_reads)
                ));
            }
            if file.counted == 0 {
                self.notes.push(format!(
                    "{name} has nothing within any window: zeros are all that it gives"
                ));
            }
            if !file.remark.is_empty() {
                self.notes.push(format!("{name}: {}", file.remark));
            }
        }
    }

    fn add(&mut self, gene: &str, reason: &str, detail: &str) {
        self.rows.push([gene, reason, detail].map(str::to_owned));
    }

    /// Counts by reason and names the first, as lines of Markdown.
    pub(crate) fn summary(&self, table: &str) -> String {
        let mut by_reason: Vec<(&str, Vec<String>)> = Vec::new();
        for [gene, reason, detail] in &self.rows {
            let shown = match detail.is_empty() {
                true => gene.clone(),
                false => format!("{gene} ({detail})"),
            };
            match by_reason.iter_mut().find(|(known, _)| known == reason) {
                Some((_, genes)) => genes.push(shown),
                None => by_reason.push((reason, vec![shown])),
            }
        }
        let mut text = String::new();
        if !by_reason.is_empty() {
            text.push_str(&format!(
                "\nLeft out or folded, all of them in {table}:\n\n"
            ));
        }
        for (reason, genes) in by_reason {
            let count = plural(genes.len(), "gene");
            text.push_str(&format!(
                "- {count}: {reason}: {}\n",
                escaped(&first_of(&genes))
            ));
        }
        if !self.notes.is_empty() {
            text.push('\n');
        }
        for note in &self.notes {
            text.push_str(&format!("- {}\n", escaped(note)));
        }
        text
    }

    /// Lists all as a table of tabs.
    pub(crate) fn table(&self) -> String {
        let mut text = "gene\treason\tdetail\n".to_owned();
        for row in &self.rows {
            let cells = row.iter().map(|cell| cell.replace(['\t', '\n', '\r'], " "));
            text.push_str(&cells.collect::<Vec<_>>().join("\t"));
            text.push('\n');
        }
        text
    }
}

fn plural(count: usize, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    }
}

/// Names the first of a list, and counts the rest.
fn first_of(names: &[String]) -> String {
    let shown = names[..names.len().min(SHOWN)].join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
