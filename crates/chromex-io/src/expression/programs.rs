use super::ExpressionUnit;
use super::ExpressionUnit::{Fpkm, Reads, Tpm};

/// The table of one sample, or of several, that a program writes.
pub(super) struct Program {
    pub(super) name: &'static str,
    /// Columns that tell its tables from others.
    has: &'static [&'static str],
    /// Columns of numbers that are no expression.
    pub(super) others: &'static [&'static str],
    /// Its columns of expression, by what they count, where its tables hold one sample.
    pub(super) columns: &'static [(ExpressionUnit, &'static str)],
}

/// What programs write of genes. Columns of text need no word.
const PROGRAMS: [Program; 8] = [
    Program {
        name: "RSEM",
        has: &["effective_length", "expected_count", "TPM", "FPKM"],
        others: &[],
        columns: &[(Reads, "expected_count"), (Tpm, "TPM"), (Fpkm, "FPKM")],
    },
    Program {
        name: "Salmon",
        has: &["Name", "EffectiveLength", "TPM", "NumReads"],
        others: &[],
        columns: &[(Reads, "NumReads"), (Tpm, "TPM")],
    },
    Program {
        name: "kallisto",
        has: &["target_id", "eff_length", "est_counts", "tpm"],
        others: &[],
        columns: &[(Reads, "est_counts"), (Tpm, "tpm")],
    },
    Program {
        name: "StringTie",
        has: &["Gene ID", "Coverage", "FPKM", "TPM"],
        others: &[],
        columns: &[(Tpm, "TPM"), (Fpkm, "FPKM")],
    },
    Program {
        name: "Cufflinks",
        has: &["tracking_id", "FPKM", "FPKM_conf_lo", "FPKM_conf_hi"],
        others: &[],
        columns: &[(Fpkm, "FPKM")],
    },
    Program {
        name: "featureCounts",
        has: &["Geneid", "Chr", "Start", "End", "Strand", "Length"],
        others: &["Start", "End", "Length"],
        columns: &[],
    },
    Program {
        name: "DESeq2",
        has: &["baseMean", "log2FoldChange", "padj"],
        others: &["log2FoldChange", "lfcSE", "stat", "pvalue", "padj"],
        columns: &[],
    },
    Program {
        name: "edgeR",
        has: &["logFC", "logCPM", "PValue", "FDR"],
        others: &["logFC", "logCPM", "LR", "F", "PValue", "FDR"],
        columns: &[],
    },
];

impl Program {
    /// Tells by the names of the columns which program wrote a table.
    pub(super) fn of(names: &[&str]) -> Option<&'static Self> {
        PROGRAMS
            .iter()
            .find(|program| program.has.iter().all(|name| names.contains(name)))
    }

    /// Finds the one column that counts in a unit.
    pub(super) fn column(&self, unit: &ExpressionUnit) -> Option<&'static str> {
        let found = self.columns.iter().find(|(own, _)| own == unit);
        found.map(|(_, name)| *name)
    }
}

/// Tells whether a row counts what is no gene: HTSeq's and STAR's reads without one.
pub(super) fn is_no_gene(id: &str) -> bool {
    id.starts_with("__")
        || ["N_unmapped", "N_multimapping", "N_noFeature", "N_ambiguous"].contains(&id)
}
