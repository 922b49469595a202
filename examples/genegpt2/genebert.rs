//! GeneBERT on the same genes: a RoBERTa that reads the sentences letter by letter, with the features that were published and with
//! such as see all bins.

use chromex::core::{CellPair, Experiment, Then};
use chromex::nn::Length;
use chromex::tokens::{Bpe, MarkWords};
use chromex::transformers::{
    MaskedEmbedding, MaskedFeature, MaskedFeatures, MaskedLanguageModel, RobertaConfig,
};

use crate::models::{FEATURE_SETS, Setup};

/// Letters and spaces of a sentence of 200 words.
const LETTERS: usize = 1200;

/// Adds GeneBERT of a width, boosted as the others are.
pub(crate) fn add(
    mut experiment: Experiment<CellPair>,
    setup: &Setup,
    width: usize,
) -> Experiment<CellPair> {
    let published = MaskedEmbedding::new(setup.masked_language_model(published(width)));
    let corrected = MaskedEmbedding::new(setup.masked_language_model(corrected(width)));
    for (set, views) in FEATURE_SETS {
        let features = MaskedFeatures {
            views: views.to_vec(),
            ..MaskedFeatures::default()
        };
        let learner = MarkWords::default()
            .then(letters(" <mask>"))
            .then(published.features(features))
            .then(setup.boosting());
        experiment = experiment.model(&format!("genebert {set}"), learner);
        for (name, kind) in [
            ("mean", MaskedFeature::MeanState),
            ("start", MaskedFeature::StartState),
        ] {
            let features = MaskedFeatures {
                kind,
                views: views.to_vec(),
                last: None,
            };
            let learner = MarkWords::default()
                .then(letters(""))
                .then(corrected.features(features))
                .then(setup.boosting());
            experiment = experiment.model(&format!("genebert-corrected {set} {name}"), learner);
        }
    }
    experiment
}

/// The published tokenizer: its file has no merges, so that every letter is a token.
pub(crate) fn letters(suffix: &str) -> Bpe {
    Bpe {
        vocabulary: 261,
        special_tokens: ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
            .map(str::to_owned)
            .to_vec(),
        suffix: suffix.to_owned(),
        ..Bpe::default()
    }
}

fn published(width: usize) -> MaskedLanguageModel {
    let mut model = MaskedLanguageModel::genebert();
    let network = &mut model.architecture.network;
    *network = RobertaConfig {
        width,
        heads: network.heads.min(width / 16).max(1),
        hidden: 4 * width,
        ..network.clone()
    };
    model
}

/// Reads whole sentences, and learns from as many tokens as GPT-2 does: 1,000 steps of 64 windows of 64.
fn corrected(width: usize) -> MaskedLanguageModel {
    let mut model = published(width);
    model.architecture.network.positions = LETTERS + 4;
    model.architecture.network.vocabulary = 261;
    model.block = LETTERS + 2;
    model.recipe.batch_rows = 8;
    model.recipe.learning_rate = 1e-3;
    model.recipe.length = Length::Steps((1000 * 64 * 64 / (8 * LETTERS)) as u64);
    model.recipe.report_every = 10;
    model
}
