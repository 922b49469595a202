//! What GeneGPT-2 reports, from its saved result files: Pearson r and mean squared error on 200 test genes, one
//! run each.

/// A published score.
pub struct Published {
    /// The model as this example names it.
    pub model: &'static str,
    /// Pearson r.
    pub pearson: f64,
    /// Mean squared error.
    pub mse: f64,
}

const fn published(model: &'static str, pearson: f64, mse: f64) -> Published {
    Published {
        model,
        pearson,
        mse,
    }
}

/// The three tables of the paper, model by model.
pub const PUBLISHED: [Published; 18] = [
    published("raw-tokens raw_c", 0.403, 5.887),
    published("raw-tokens raw_d", 0.190, 7.141),
    published("raw-tokens raw", 0.479, 5.383),
    published("embeddings raw_c", 0.415, 5.818),
    published("embeddings raw_d", 0.382, 6.126),
    published("embeddings raw", 0.528, 5.105),
    published("embeddings raw_c, width 128", 0.421, 5.794),
    published("embeddings raw_d, width 128", 0.365, 6.153),
    published("embeddings raw, width 128", 0.454, 5.548),
    published("embeddings raw_c, width 256", 0.553, 4.852),
    published("embeddings raw_d, width 256", 0.493, 5.290),
    published("embeddings raw, width 256", 0.528, 5.022),
    published("embeddings raw_c, context 32", 0.446, 5.682),
    published("embeddings raw_d, context 32", 0.566, 4.746),
    published("embeddings raw, context 32", 0.479, 5.423),
    published("embeddings raw_c, context 128", 0.419, 5.873),
    published("embeddings raw_d, context 128", 0.427, 5.809),
    published("embeddings raw, context 128", 0.430, 5.859),
];
