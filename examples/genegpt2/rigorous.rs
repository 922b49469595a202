//! The corrected protocol: tokenizer, language model and regressor learn from training genes only, the validation genes
//! choose among feature sets and regressors, and what was chosen is refitted on both and reads the test genes once.

use std::path::PathBuf;

use chromex::boosting::{GradientBoosting, Ridge};
use chromex::core::{
    CellPair, Dataset, Experiment, GivenSplit, LogMeans, Part, Report, ShuffledTargets, Then, View,
};
use chromex::tokens::{Bpe, BpeTokenizer, MarkWords};
use chromex::transformers::{
    EmbeddingKind, FittedTokenEmbedding, Gpt2Config, TokenEmbedding, TokenFeatures,
};

use crate::models::{FEATURE_SETS, Setup, scored};
use crate::support::{Anything, Options, Run, save_model};

/// The penalties that the validation genes choose among, for embeddings and for the floor alike.
const PENALTIES: [f64; 4] = [1.0, 10.0, 100.0, 1000.0];

/// What the table calls the embeddings that were chosen.
const CHOSEN: &str = "embeddings";

/// One way to make features of a language model and predict from them.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    kind: EmbeddingKind,
    set: &'static str,
    views: &'static [View],
    average: usize,
    regressor: Regressor,
}

#[derive(Clone, Copy, Debug)]
enum Regressor {
    Boosting,
    Ridge(f64),
}

/// Lists the models that are scored on the test genes.
pub(crate) fn names(dataset: Dataset<CellPair>) -> Vec<String> {
    let mut names = with_floors(dataset, PENALTIES[0]).names();
    names.push(CHOSEN.to_owned());
    names
}

pub(crate) fn run(
    dataset: Dataset<CellPair>,
    setup: &Setup,
    options: &Options,
    wanted: &[String],
    run: Run,
) -> Result<(), Anything> {
    let base = TokenEmbedding::new(setup.language_model(Gpt2Config::genegpt2()));
    let boosting = setup.boosting();

    let mut selection =
        Experiment::new(dataset.clone(), GivenSplit::default()).part(Part::Validation);
    selection = scored(selection);
    for penalty in PENALTIES {
        selection = selection.fixed_model(&ridge_name(penalty), start_ridge(penalty));
    }
    // Embeddings that nothing asks for need not be chosen.
    let candidates = match wanted.iter().any(|name| name == CHOSEN) {
        true => candidates(),
        false => Vec::new(),
    };
    for candidate in &candidates {
        let name = candidate.name();
        selection = add(selection, &name, *candidate, &base, &boosting, None);
    }
    let selected = run.experiment(selection)?.run()?;
    let penalty = best(&selected, PENALTIES.iter().copied(), |p| ridge_name(*p))?;
    run.note(&format!(
        "Chosen on the validation genes: the floor's {}",
        ridge_name(penalty)
    ));
    // Nothing is left to choose: the validation genes may train as well.
    let mut test = with_floors(dataset, penalty);
    if !candidates.is_empty() {
        let chosen = best(&selected, candidates.into_iter(), Candidate::name)?;
        run.note(&format!(
            "Chosen on the validation genes: {}",
            chosen.name()
        ));
        test = add(test, CHOSEN, chosen, &base, &boosting, setup.model_folder());
    }
    run.save_selection(&selected)?;
    let test = options.choose(test)?;
    let report = run.experiment(test)?.run()?;
    run.finish(&report, "GeneGPT-2, corrected protocol", &[])
}

/// Every combination that the validation genes choose among.
fn candidates() -> Vec<Candidate> {
    let regressors = [Regressor::Boosting]
        .into_iter()
        .chain(PENALTIES.map(Regressor::Ridge));
    let mut candidates = Vec::new();
    for kind in [EmbeddingKind::Static, EmbeddingKind::Contextual] {
        for (set, views) in FEATURE_SETS {
            for average in [1, 10] {
                for regressor in regressors.clone() {
                    candidates.push(Candidate {
                        kind,
                        set,
                        views,
                        average,
                        regressor,
                    });
                }
            }
        }
    }
    candidates
}

impl Candidate {
    fn name(&self) -> String {
        format!(
            "{:?} {}, mean of {}, {:?}",
            self.kind, self.set, self.average, self.regressor
        )
    }
}

/// Adds a candidate, and writes the first seed's tokenizer and language model into a folder where there is one.
fn add(
    experiment: Experiment<CellPair>,
    name: &str,
    candidate: Candidate,
    base: &TokenEmbedding,
    boosting: &GradientBoosting,
    folder: Option<PathBuf>,
) -> Experiment<CellPair> {
    let features = TokenFeatures {
        kind: candidate.kind,
        views: candidate.views.to_vec(),
        length: 200,
        average: candidate.average,
    };
    let encoder = MarkWords::default()
        .then(Bpe::rigorous())
        .then(base.features(features));
    let save = move |seed, tokenizer: &BpeTokenizer, embedding: &FittedTokenEmbedding| {
        save_model(folder.as_deref(), seed, tokenizer, embedding)
    };
    match candidate.regressor {
        Regressor::Boosting => experiment.model_with(
            name,
            encoder.then(boosting.clone()),
            move |fitted, _, seed| save(seed, &fitted.first.first.second, &fitted.first.second),
        ),
        Regressor::Ridge(alpha) => {
            experiment.model_with(name, encoder.then(ridge(alpha)), move |fitted, _, seed| {
                save(seed, &fitted.first.first.second, &fitted.first.second)
            })
        }
    }
}

fn ridge(alpha: f64) -> Ridge {
    Ridge {
        alpha,
        ..Ridge::default()
    }
}

fn start_ridge(alpha: f64) -> chromex::core::Pipeline<LogMeans, Ridge> {
    LogMeans::transcription_start().then(ridge(alpha))
}

fn ridge_name(penalty: f64) -> String {
    format!("ridge, penalty {penalty}")
}

fn with_floors(dataset: Dataset<CellPair>, penalty: f64) -> Experiment<CellPair> {
    scored(Experiment::new(dataset, GivenSplit::pooled()))
        .floor("ridge", start_ridge(penalty))
        .floor(
            "ridge, shuffled targets",
            ShuffledTargets(start_ridge(penalty)),
        )
}

/// Finds what scores best on the validation genes.
fn best<T>(
    report: &Report,
    among: impl Iterator<Item = T>,
    name: impl Fn(&T) -> String,
) -> Result<T, Anything> {
    let score = |item: &T| {
        report
            .summary(&name(item), "pearson")
            .map(|line| line.mean)
            // What predicts one number for all has no correlation.
            .filter(|mean| mean.is_finite())
            .unwrap_or(f64::NEG_INFINITY)
    };
    among
        .max_by(|a, b| score(a).total_cmp(&score(b)))
        .ok_or_else(|| "nothing to choose among".into())
}
