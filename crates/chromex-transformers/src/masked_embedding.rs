use std::sync::Arc;

use burn::Tensor;
use chromex_core::observe::{Observer, Silent};
use chromex_core::{Dataset, Encode, Fit, Rows, Shared, TokenIds, View};
use chromex_nn::{
    Checkpoints, Decay, Device, Length, Optimizer, Recipe, Schedule, Trained, Trainer,
};
use ndarray::{Array2, s};
use serde::{Deserialize, Serialize};

use crate::token_windows::columns_of;
use crate::{
    MaskedLanguage, PaddingSide, Result, RobertaConfig, RobertaMaskedLanguage, SpecialTokens,
    TokenLayout,
};

/// Trains a RoBERTa on the sentences of token ids, each a row of its own between the tokens that begin and end one.
#[derive(Clone)]
pub struct MaskedLanguageModel {
    /// The network's shape, the layout of rows and the masking.
    pub architecture: MaskedLanguage,
    /// How it is trained.
    pub recipe: Recipe,
    /// The views that it learns from.
    pub corpus: Vec<View>,
    /// Tokens of a row that is learned from, the two of the ends included; what comes after them in a sentence is not read.
    pub block: usize,
    device: Device,
    observer: Arc<dyn Observer>,
    checkpoints: Option<Checkpoints>,
}

/// Turns sentences into numbers by a RoBERTa that learned to find hidden tokens.
///
/// It is learned once per training rows and seed and shared by all clones, as
/// [`TokenEmbedding`](crate::TokenEmbedding)'s model is.
#[derive(Clone)]
pub struct MaskedEmbedding {
    model: Shared<MaskedLanguageModel, Trained<RobertaMaskedLanguage>>,
    layout: TokenLayout,
    features: MaskedFeatures,
}

/// What becomes a feature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaskedFeatures {
    /// What is taken of a sentence.
    pub kind: MaskedFeature,
    /// The views whose numbers are taken, side by side.
    pub views: Vec<View>,
    /// The last tokens of a sentence that are read, those of the ends not counted; none reads all.
    pub last: Option<usize>,
}

/// What is taken of a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MaskedFeature {
    /// The score of every token at the place that begins the sentence, as GeneBERT has it: a number per row of the token table.
    StartScores,
    /// The last hidden state of the place that begins the sentence.
    StartState,
    /// The mean of the words' last hidden states.
    MeanState,
}

/// A RoBERTa that turns sentences into features. Learned by [`MaskedEmbedding`].
#[derive(Clone, Debug)]
pub struct FittedMaskedEmbedding {
    /// The network.
    pub model: Arc<Trained<RobertaMaskedLanguage>>,
    /// What becomes a feature.
    pub features: MaskedFeatures,
    layout: TokenLayout,
}

impl Default for MaskedFeatures {
    /// GeneBERT's: scores at the beginning of the last 512 letters of a sentence, of which the last six are one token.
    fn default() -> Self {
        Self {
            kind: MaskedFeature::StartScores,
            views: vec![View::First, View::Second, View::Difference],
            last: Some(507),
        }
    }
}

impl MaskedLanguageModel {
    /// Follows GeneBERT: 44.67 million parameters learn from the first 128 tokens of each sentence of both cells, once, in batches
    /// of 64, with the Python library's defaults of AdamW and a rate that falls in a line.
    pub fn genebert() -> Self {
        Self {
            architecture: MaskedLanguage {
                network: RobertaConfig::genebert(),
                layout: TokenLayout {
                    special: SpecialTokens {
                        start: 0,
                        padding: 1,
                        end: 2,
                        unknown: 3,
                        mask: 4,
                    },
                    side: PaddingSide::Right,
                    length: None,
                },
                ..MaskedLanguage::default()
            },
            recipe: Recipe {
                optimizer: Optimizer::AdamW {
                    beta_1: 0.9,
                    beta_2: 0.999,
                    epsilon: 1e-8,
                    weight_decay: 0.0,
                    decay: Decay::All,
                },
                learning_rate: 5e-5,
                schedule: Schedule::WarmUpLinear { steps: 0 },
                batch_rows: 64,
                length: Length::Epochs(1),
                report_every: 1,
                ..Recipe::default()
            },
            corpus: vec![View::First, View::Second],
            block: 128,
            device: Device::default(),
            observer: Arc::new(Silent),
            checkpoints: None,
        }
    }

    /// Trains on another device.
    pub fn device(mut self, device: &Device) -> Self {
        self.device = device.clone();
        self
    }

    /// Tells progress to a listener.
    pub fn observe(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observer = observer;
        self
    }

    /// Saves training as it goes, and goes on with what was saved.
    pub fn checkpoints(mut self, checkpoints: Checkpoints) -> Self {
        self.checkpoints = Some(checkpoints);
        self
    }

    fn learn(
        &self,
        train: &TokenIds,
        valid: &TokenIds,
        seed: u64,
    ) -> Result<Trained<RobertaMaskedLanguage>> {
        let special = self.architecture.layout.special;
        let rows = |tokens: &TokenIds| -> Result<_> {
            let most = self.block.saturating_sub(2);
            let first = |sentence: &[u32]| sentence[..sentence.len().min(most)].to_vec();
            let rows = between_ends(tokens, &self.corpus, special, first)?;
            Ok(Dataset::unlabelled(rows))
        };
        let RobertaConfig { width, layers, .. } = self.architecture.network;
        let task = format!("train RoBERTa, width {width}, {layers} layers");
        let mut trainer = Trainer::new(self.architecture.clone(), self.recipe.clone())
            .device(&self.device)
            .observe(&task, Arc::clone(&self.observer));
        if let Some(checkpoints) = &self.checkpoints {
            trainer = trainer.checkpoints(checkpoints.on_tokens(&[train, valid]));
        }
        Ok(trainer.train(&rows(train)?, &rows(valid)?, seed)?)
    }
}

impl Fit<TokenIds> for MaskedLanguageModel {
    type Fitted = Trained<RobertaMaskedLanguage>;

    fn fit(
        &self,
        train: &Dataset<TokenIds>,
        valid: &Dataset<TokenIds>,
        seed: u64,
    ) -> chromex_core::Result<Self::Fitted> {
        Ok(self.learn(&train.inputs, &valid.inputs, seed)?)
    }
}

impl MaskedEmbedding {
    /// Learns a RoBERTa and takes the default features from it.
    pub fn new(model: MaskedLanguageModel) -> Self {
        Self {
            layout: model.architecture.layout.clone(),
            model: Shared::new(model),
            features: MaskedFeatures::default(),
        }
    }

    /// Takes other features from the same RoBERTa.
    pub fn features(&self, features: MaskedFeatures) -> Self {
        Self {
            features,
            ..self.clone()
        }
    }
}

impl Fit<TokenIds> for MaskedEmbedding {
    type Fitted = FittedMaskedEmbedding;

    fn fit(
        &self,
        train: &Dataset<TokenIds>,
        valid: &Dataset<TokenIds>,
        seed: u64,
    ) -> chromex_core::Result<FittedMaskedEmbedding> {
        Ok(FittedMaskedEmbedding {
            model: self.model.fit(train, valid, seed)?,
            features: self.features.clone(),
            layout: self.layout.clone(),
        })
    }
}

impl Encode<TokenIds> for FittedMaskedEmbedding {
    type Output = Array2<f32>;

    /// Gives `[rows, views x numbers of a sentence]`, view after view.
    fn encode(&self, inputs: &TokenIds) -> chromex_core::Result<Array2<f32>> {
        Ok(self.table(inputs)?)
    }
}

impl FittedMaskedEmbedding {
    fn table(&self, tokens: &TokenIds) -> Result<Array2<f32>> {
        let most = self.features.last.unwrap_or(usize::MAX);
        let last = |sentence: &[u32]| sentence[sentence.len().saturating_sub(most)..].to_vec();
        let views = &self.features.views;
        let sentences = between_ends(tokens, views, self.layout.special, last)?;
        let (model, all) = (&self.model, (0..sentences.len()).collect::<Vec<_>>());
        let mut table = Array2::zeros((0, 0));
        let mut row = 0;
        for batch in all.chunks(model.batch_rows.max(1)) {
            let numbers = self.numbers(&sentences.select(batch), &model.device)?;
            let [rows, width] = numbers.dims();
            let data = numbers.into_data().convert::<f32>();
            let values: Vec<f32> = data.try_to_vec().expect("the data was just converted");
            let values =
                Array2::from_shape_vec((rows, width), values).expect("a tensor has its shape");
            if row == 0 {
                table = Array2::zeros((sentences.len(), width));
            }
            table.slice_mut(s![row..row + rows, ..]).assign(&values);
            row += rows;
        }
        // Views of a row lie below one another: side by side they are one row.
        let columns = views.len() * table.ncols();
        let table = table.into_shape_with_order((tokens.len(), columns));
        Ok(table.expect("each row gave a sentence per view"))
    }

    fn numbers(&self, sentences: &TokenIds, device: &Device) -> Result<Tensor<2>> {
        let network = &self.model.network;
        Ok(match self.features.kind {
            MaskedFeature::StartScores => network.start_scores(sentences, device)?,
            MaskedFeature::StartState => network.start_states(sentences, device)?,
            MaskedFeature::MeanState => chromex_nn::Network::forward(network, sentences, device)?,
        })
    }
}

/// Makes a row of each sentence of some views, a part of it between the tokens that begin and end one.
fn between_ends(
    tokens: &TokenIds,
    views: &[View],
    special: SpecialTokens,
    part: impl Fn(&[u32]) -> Vec<u32>,
) -> Result<TokenIds> {
    let columns = columns_of(tokens, views)?;
    let (mut ids, mut offsets) = (Vec::new(), vec![0]);
    for row in 0..tokens.len() {
        for &column in &columns {
            ids.push(special.start);
            ids.extend(part(tokens.sentence(row, column)));
            ids.push(special.end);
            offsets.push(ids.len());
        }
    }
    let (vocabulary, view) = (tokens.vocabulary(), vec![View::Whole]);
    let rows = TokenIds::new(ids, offsets, view, vocabulary, None);
    Ok(rows.map_err(chromex_nn::Error::from)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens() -> TokenIds {
        // Two rows, two views, of different lengths.
        let ids = (0..22).map(|place| 5 + place * 7 % 6).collect();
        let views = vec![View::First, View::Difference];
        TokenIds::new(ids, vec![0, 8, 12, 16, 22], views, 11, None).unwrap()
    }

    /// A network that is fitted once, whatever is taken from it: what other trainings of the process draw would change the next.
    fn embedding() -> MaskedEmbedding {
        let mut model = MaskedLanguageModel::genebert();
        model.architecture.network = RobertaConfig {
            vocabulary: 13,
            positions: 20,
            width: 8,
            layers: 1,
            heads: 2,
            hidden: 16,
            ..RobertaConfig::genebert()
        };
        model.corpus = vec![View::First];
        model.recipe.batch_rows = 1;
        MaskedEmbedding::new(model)
    }

    fn encode(embedding: &MaskedEmbedding, features: MaskedFeatures) -> Array2<f32> {
        let data = Dataset::unlabelled(tokens());
        let fitted = embedding.features(features).fit(&data, &data, 5).unwrap();
        fitted.encode(&tokens()).unwrap()
    }

    fn features(kind: MaskedFeature, last: Option<usize>) -> MaskedFeatures {
        MaskedFeatures {
            kind,
            views: vec![View::Difference, View::First],
            last,
        }
    }

    #[test]
    fn features_have_a_number_per_token_of_the_table_or_channel_and_stand_view_by_view() {
        let embedding = embedding();
        for (kind, width) in [
            (MaskedFeature::StartScores, 13),
            (MaskedFeature::StartState, 8),
            (MaskedFeature::MeanState, 8),
        ] {
            let both = encode(&embedding, features(kind, None));
            assert_eq!(both.dim(), (2, 2 * width));
            let first = MaskedFeatures {
                views: vec![View::First],
                ..features(kind, None)
            };
            let one = encode(&embedding, first);
            let right = both.slice(s![.., width..]);
            let largest = (&right - &one).mapv(f32::abs);
            // Rows of other lengths in a batch change the order of sums alone.
            assert!(largest.iter().all(|&difference| difference < 1e-5));
            assert!(both.iter().any(|&value| value != 0.0));
        }
    }

    #[test]
    fn what_lies_before_the_last_tokens_is_not_read() {
        let embedding = embedding();
        let whole = encode(&embedding, features(MaskedFeature::StartScores, None));
        let cut = encode(&embedding, features(MaskedFeature::StartScores, Some(4)));
        // The second row's first view has four tokens, its other one six.
        let same = &cut.slice(s![1, 13..]) - &whole.slice(s![1, 13..]);
        assert!(same.iter().all(|difference| difference.abs() < 1e-5));
        assert_ne!(cut.slice(s![1, ..13]), whole.slice(s![1, ..13]));
    }
}
