//! What GeneGPT-2 reports, from its saved result files: Pearson r and mean squared error on 200 test genes, one
//! run each.

use chromex::report::PublishedScores;
use chromex::report::tables::Published;

/// The three tables of the paper, model by model, and the eight tables of `Cell1` and `Cell2` that they are of.
pub(crate) const PUBLISHED: PublishedScores = PublishedScores {
    inputs: &[
        // Cell1.expr.csv
        "dc657dff53616eb6747fe6a019af07874b0bc563e241592c88340e8253315e43",
        // Cell1.test.csv
        "b61e90913832b1011b0a853fcff92192bdfc9fe85ff00f6dfeba2be9dd112aa9",
        // Cell1.train.csv
        "fe89e96b429a68252c86ec3f05f8ef3bc384fd0141a32fe558e3913e3e7fd38e",
        // Cell1.valid.csv
        "384e81d11cadc981c77941fab14634478a2484bf077d502ae2bb71f1a934dff8",
        // Cell2.expr.csv
        "8d0a37b72d055cf77d0a7d76ee0b5c735baa4f1e20d5b3b345dc6ffc2a1861e2",
        // Cell2.test.csv
        "5c656bbb81344c424260a7ace6cc3387f7fddbe2f1e461182b126d2f8f67b4f9",
        // Cell2.train.csv
        "22d7ea31479ee2a73a2b2391037cd98e462f36e3ccbc40b26c4272903ecee18a",
        // Cell2.valid.csv
        "6f2357d58147dba8bfa3c5ef7393787121c84b500ea1522d7a40a48a2bc34d76",
    ],
    scores: &SCORES,
};

const SCORES: [Published; 42] = [
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
