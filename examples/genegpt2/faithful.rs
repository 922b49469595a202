//! The published protocol: trained on train and validation genes together, scored on the test genes, every
//! configuration of the paper's tables reported.

use chromex::boosting::Ridge;
use chromex::core::{CellPair, Dataset, Experiment, GivenSplit, LogMeans, Then};
use chromex::tokens::{Bpe, MarkWords, TokenColumns};
use chromex::transformers::{Gpt2Config, TokenEmbedding, TokenFeatures};

use crate::genebert;
use crate::models::{FEATURE_SETS, Setup, scored};
use crate::published::PUBLISHED;
use crate::support::{Anything, Run, save_model};
use crate::{Flags, Sweep};

/// Makes the experiment of the paper's first table, and of a sweep where one is asked for.
pub(crate) fn experiment(
    dataset: Dataset<CellPair>,
    setup: &Setup,
    flags: &Flags,
) -> Experiment<CellPair> {
    let ridge = LogMeans::transcription_start().then(Ridge::default());
    let mut experiment =
        scored(Experiment::new(dataset, GivenSplit::pooled())).floor("ridge", ridge);
    for (set, views) in FEATURE_SETS {
        let columns = TokenColumns {
            views: views.to_vec(),
            ..TokenColumns::raw()
        };
        let learner = MarkWords::default()
            .then(Bpe::new(1000))
            .then(columns)
            .then(setup.boosting());
        experiment = experiment.fixed_model(&format!("raw-tokens {set}"), learner);
    }
    for (suffix, architecture) in architectures(flags.sweep) {
        let embedding = TokenEmbedding::new(setup.language_model(architecture));
        for (set, views) in FEATURE_SETS {
            let features = TokenFeatures {
                kind: setup.kind,
                views: views.to_vec(),
                ..TokenFeatures::default()
            };
            let learner = MarkWords::default()
                .then(Bpe::new(1000))
                .then(embedding.features(features))
                .then(setup.boosting());
            let folder = setup.model_folder().filter(|_| suffix.is_empty());
            experiment = experiment.model_with(
                &format!("embeddings {set}{suffix}"),
                learner,
                move |fitted, _, seed| {
                    let (tokenizer, embedding) = (&fitted.first.first.second, &fitted.first.second);
                    save_model(folder.as_deref(), seed, tokenizer, embedding)
                },
            );
        }
    }
    match flags.genebert {
        Some(width) => genebert::add(experiment, setup, width),
        None => experiment,
    }
}

pub(crate) fn run(
    dataset: Dataset<CellPair>,
    setup: &Setup,
    flags: &Flags,
    run: Run,
) -> Result<(), Anything> {
    let options = &flags.options;
    let experiment = options.choose(experiment(dataset, setup, flags))?;
    let report = run.experiment(experiment)?.run()?;
    // The published scores are of the published genes; beside others they would mislead.
    let published = run.published(&PUBLISHED);
    run.finish(&report, "GeneGPT-2, published protocol", published)
}

/// The language models to train, each with what its models' names end in.
fn architectures(sweep: Option<Sweep>) -> Vec<(String, Gpt2Config)> {
    let mut all = vec![(String::new(), Gpt2Config::genegpt2())];
    match sweep {
        None => {}
        Some(Sweep::Embedding) => {
            all.extend([128, 256].map(|w| (format!(" width {w}"), Gpt2Config::genegpt2_wide(w))))
        }
        Some(Sweep::Context) => all
            .extend([32, 128].map(|c| (format!(" context {c}"), Gpt2Config::genegpt2_context(c)))),
    }
    all
}
