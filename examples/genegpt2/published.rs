//! What GeneGPT-2 reports, from its saved result files: Pearson r and mean squared error on 200 test genes, one
//! run each.

use chromex::report::tables::Published;

/// The three tables of the paper, model by model.
pub(crate) const PUBLISHED: [Published; 42] = [
    published("raw-tokens raw_c", "pearson", 0.403),
    published("raw-tokens raw_c", "mse", 5.887),
    published("raw-tokens raw_d", "pearson", 0.190),
    published("raw-tokens raw_d", "mse", 7.141),
    published("raw-tokens raw", "pearson", 0.479),
    published("raw-tokens raw", "mse", 5.383),
    // Of GeneBERT, whose features see the last 86 bins only.
    published("genebert raw_c", "pearson", 0.377),
    published("genebert raw_c", "mse", 6.364),
    published("genebert raw_d", "pearson", 0.312),
    published("genebert raw_d", "mse", 6.687),
    published("genebert raw", "pearson", 0.295),
    published("genebert raw", "mse", 6.731),
    published("embeddings raw_c", "pearson", 0.415),
    published("embeddings raw_c", "mse", 5.818),
    published("embeddings raw_d", "pearson", 0.382),
    published("embeddings raw_d", "mse", 6.126),
    published("embeddings raw", "pearson", 0.528),
    published("embeddings raw", "mse", 5.105),
    published("embeddings raw_c width 128", "pearson", 0.421),
    published("embeddings raw_c width 128", "mse", 5.794),
    published("embeddings raw_d width 128", "pearson", 0.365),
    published("embeddings raw_d width 128", "mse", 6.153),
    published("embeddings raw width 128", "pearson", 0.454),
    published("embeddings raw width 128", "mse", 5.548),
    published("embeddings raw_c width 256", "pearson", 0.553),
    published("embeddings raw_c width 256", "mse", 4.852),
    published("embeddings raw_d width 256", "pearson", 0.493),
    published("embeddings raw_d width 256", "mse", 5.290),
    published("embeddings raw width 256", "pearson", 0.528),
    published("embeddings raw width 256", "mse", 5.022),
    published("embeddings raw_c context 32", "pearson", 0.446),
    published("embeddings raw_c context 32", "mse", 5.682),
    published("embeddings raw_d context 32", "pearson", 0.566),
    published("embeddings raw_d context 32", "mse", 4.746),
    published("embeddings raw context 32", "pearson", 0.479),
    published("embeddings raw context 32", "mse", 5.423),
    published("embeddings raw_c context 128", "pearson", 0.419),
    published("embeddings raw_c context 128", "mse", 5.873),
    published("embeddings raw_d context 128", "pearson", 0.427),
    published("embeddings raw_d context 128", "mse", 5.809),
    published("embeddings raw context 128", "pearson", 0.430),
    published("embeddings raw context 128", "mse", 5.859),
];

const fn published(model: &'static str, metric: &'static str, value: f64) -> Published {
    Published {
        model,
        metric,
        value,
    }
}
