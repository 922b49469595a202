use std::sync::Arc;

use chromex_core::{Dataset, Encode, Fit, Rows, Shared, TokenIds, View};
use ndarray::Array2;
use serde::{Deserialize, Serialize};

use crate::gpt2::ids;
use crate::language_model::{LanguageModel, TrainedLanguageModel};
use crate::token_regression::below_vocabulary;
use crate::token_windows::columns_of;
use crate::{Error, Result};

/// Turns each token into the vector that a language model has for it.
///
/// The language model is learned once per training rows and seed and shared by all clones, so that the
/// feature sets of a table ask the same model.
#[derive(Clone)]
pub struct TokenEmbedding {
    model: Shared<LanguageModel, TrainedLanguageModel>,
    features: TokenFeatures,
}

/// What becomes a feature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenFeatures {
    /// Which vector a token gets.
    pub kind: EmbeddingKind,
    /// The views whose tokens are taken, side by side.
    pub views: Vec<View>,
    /// How many tokens of each view are taken; what comes after is cut off.
    pub length: usize,
    /// How many neighbouring tokens are averaged into one vector; 1 keeps them apart. Must divide the
    /// length.
    pub average: usize,
}

/// Which vector a token gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EmbeddingKind {
    /// Its row of the token table: the same wherever it stands.
    Static,
    /// Its last hidden state: what stands before it, up to the model's context, takes part.
    Contextual,
}

/// A language model that turns tokens into features. Learned by [`TokenEmbedding`].
#[derive(Clone, Debug)]
pub struct FittedTokenEmbedding {
    /// The language model.
    pub model: Arc<TrainedLanguageModel>,
    /// What becomes a feature.
    pub features: TokenFeatures,
}

impl Default for TokenFeatures {
    /// GeneGPT-2's "Raw": the static vectors of the first 207 tokens of all three views.
    fn default() -> Self {
        Self {
            kind: EmbeddingKind::Static,
            views: vec![View::First, View::Second, View::Difference],
            length: 207,
            average: 1,
        }
    }
}

impl TokenEmbedding {
    /// Learns a language model and takes the default features from it.
    pub fn new(model: LanguageModel) -> Self {
        Self {
            model: Shared::new(model),
            features: TokenFeatures::default(),
        }
    }

    /// Takes other features from the same language model.
    pub fn features(&self, features: TokenFeatures) -> Self {
        Self {
            model: self.model.clone(),
            features,
        }
    }
}

impl Fit<TokenIds> for TokenEmbedding {
    type Fitted = FittedTokenEmbedding;

    fn fit(
        &self,
        train: &Dataset<TokenIds>,
        valid: &Dataset<TokenIds>,
        seed: u64,
    ) -> chromex_core::Result<FittedTokenEmbedding> {
        let TokenFeatures {
            length, average, ..
        } = self.features;
        if average == 0 || !length.is_multiple_of(average) {
            return Err(chromex_core::Error::Setting {
                name: "average",
                expected: format!("a divisor of the length {length}"),
                found: average.to_string(),
            });
        }
        Ok(FittedTokenEmbedding {
            model: self.model.fit(train, valid, seed)?,
            features: self.features.clone(),
        })
    }
}

impl Encode<TokenIds> for FittedTokenEmbedding {
    type Output = Array2<f32>;

    /// Gives `[rows, views x length / average x width]`: view after view, token after token.
    fn encode(&self, inputs: &TokenIds) -> chromex_core::Result<Array2<f32>> {
        Ok(self.table(inputs)?)
    }
}

impl FittedTokenEmbedding {
    fn table(&self, tokens: &TokenIds) -> Result<Array2<f32>> {
        let (length, width) = (self.features.length, self.model.architecture.width);
        let views = columns_of(tokens, &self.features.views)?;
        let mut sentences = Vec::with_capacity(tokens.len() * views.len());
        for row in 0..tokens.len() {
            for &view in &views {
                let sentence = tokens.sentence(row, view);
                if sentence.len() < length {
                    return Err(Error::ShortSentence {
                        row,
                        view,
                        expected: length,
                        found: sentence.len(),
                    });
                }
                sentences.push(&sentence[..length]);
            }
        }
        let values = match self.features.kind {
            EmbeddingKind::Static => self.static_vectors(&sentences)?,
            EmbeddingKind::Contextual => self.contextual_vectors(&sentences)?,
        };
        let average = self.features.average;
        let values = if average == 1 {
            values
        } else {
            averages(&values, width, average)
        };
        let columns = views.len() * length / average * width;
        Ok(Array2::from_shape_vec((tokens.len(), columns), values)
            .expect("each token gave one vector"))
    }

    fn static_vectors(&self, sentences: &[&[u32]]) -> Result<Vec<f32>> {
        let width = self.model.architecture.width;
        let table = numbers(self.model.network.network.tokens.weight.val().into_data());
        let mut values = Vec::with_capacity(sentences.len() * self.features.length * width);
        for &id in sentences.iter().copied().flatten() {
            let start = id as usize * width;
            let row = table.get(start..start + width);
            values.extend_from_slice(row.ok_or_else(|| Error::Setting {
                name: "vocabulary",
                expected: format!("more than the token id {id}"),
                found: self.model.architecture.vocabulary.to_string(),
            })?);
        }
        Ok(values)
    }

    /// Windows of the model's context overlap by half: past the first window every token has at least half
    /// a context before it.
    fn contextual_vectors(&self, sentences: &[&[u32]]) -> Result<Vec<f32>> {
        let (length, width) = (self.features.length, self.model.architecture.width);
        let context = self.model.architecture.positions.min(length);
        let ids_of_all = sentences.iter().copied().flatten();
        below_vocabulary(ids_of_all, self.model.architecture.vocabulary)?;
        let model = &self.model.network;
        let batch_rows = model.batch_rows.max(1);
        let mut values = vec![0.0; sentences.len() * length * width];
        for (batch_index, batch) in sentences.chunks(batch_rows).enumerate() {
            let mut known = 0;
            while known < length {
                // The window that ends half a context after what is known, or at the sentence's end.
                let end = length.min(if known == 0 {
                    context
                } else {
                    known + context.div_ceil(2)
                });
                let start = end - context;
                let rows = batch.iter().map(|sentence| &sentence[start..end]);
                let hidden = model.network.hidden(ids(rows, context, &model.device));
                let hidden = numbers(hidden.into_data());
                let fresh = (known - start) * width..context * width;
                for (row, states) in hidden.chunks(context * width).enumerate() {
                    let sentence = batch_index * batch_rows + row;
                    let to = (sentence * length + known) * width;
                    values[to..to + fresh.len()].copy_from_slice(&states[fresh.clone()]);
                }
                known = end;
            }
        }
        Ok(values)
    }
}

fn numbers(data: burn::tensor::TensorData) -> Vec<f32> {
    data.convert::<f32>()
        .try_to_vec()
        .expect("the data was just converted to this type")
}

/// Averages each `count` neighbouring vectors.
fn averages(values: &[f32], width: usize, count: usize) -> Vec<f32> {
    let mut averaged = Vec::with_capacity(values.len() / count);
    for group in values.chunks(width * count) {
        for channel in 0..width {
            let sum: f32 = group[channel..].iter().step_by(width).sum();
            averaged.push(sum / count as f32);
        }
    }
    averaged
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Gpt2Config;
    use chromex_nn::Length;

    fn tokens() -> TokenIds {
        // Two rows, two views, eight tokens each.
        let ids = (0..32).map(|place| place * 7 % 11).collect();
        let views = vec![View::First, View::Difference];
        TokenIds::new(ids, vec![0, 8, 16, 24, 32], views, 11, None).unwrap()
    }

    fn embedding() -> TokenEmbedding {
        let architecture = Gpt2Config {
            vocabulary: 11,
            positions: 4,
            width: 8,
            layers: 1,
            heads: 2,
            hidden: 16,
            ..Gpt2Config::genegpt2()
        };
        let mut model = LanguageModel::genegpt2(architecture);
        model.recipe.length = Length::Steps(2);
        model.recipe.batch_rows = 4;
        model.corpus = vec![View::First];
        TokenEmbedding::new(model)
    }

    fn encode(features: TokenFeatures) -> Array2<f32> {
        let data = Dataset::unlabelled(tokens());
        let fitted = embedding().features(features).fit(&data, &data, 5).unwrap();
        fitted.encode(&tokens()).unwrap()
    }

    fn features(kind: EmbeddingKind) -> TokenFeatures {
        TokenFeatures {
            kind,
            views: vec![View::Difference, View::First],
            length: 6,
            average: 1,
        }
    }

    #[test]
    fn a_static_vector_is_the_same_wherever_its_token_stands() {
        let table = encode(features(EmbeddingKind::Static));
        assert_eq!(table.dim(), (2, 2 * 6 * 8));
        let token = |row: usize, view: usize, place: usize| {
            let start = (view * 6 + place) * 8;
            table.row(row).to_vec()[start..start + 8].to_vec()
        };
        let ids = tokens();
        // Tokens that stand in the first row's first view as well.
        for (row, view, place) in [(0, 0, 3), (1, 0, 1), (1, 1, 0)] {
            // The first view of the table is the second of the tokens.
            let id = ids.sentence(row, 1 - view)[place];
            let mut places = 0..6;
            let also = places.find(|&other| ids.sentence(0, 0)[other] == id);
            assert_eq!(token(row, view, place), token(0, 1, also.unwrap()));
        }
    }

    #[test]
    fn a_contextual_vector_depends_on_what_stands_before_and_not_on_what_comes_after() {
        let table = encode(features(EmbeddingKind::Contextual));
        let data = Dataset::unlabelled(tokens());
        let fitted = embedding()
            .features(features(EmbeddingKind::Contextual))
            .fit(&data, &data, 5)
            .unwrap();
        let changed = |place: usize| {
            let mut ids: Vec<u32> = (0..32).map(|place| place * 7 % 11).collect();
            ids[place] = (ids[place] + 1) % 11;
            let views = vec![View::First, View::Difference];
            let tokens = TokenIds::new(ids, vec![0, 8, 16, 24, 32], views, 11, None).unwrap();
            fitted.encode(&tokens).unwrap()
        };
        // The first view is the table's second half; its third token is place 2.
        let vector = |table: &Array2<f32>, place: usize| {
            table.row(0).to_vec()[(6 + place) * 8..(7 + place) * 8].to_vec()
        };
        assert_ne!(vector(&table, 3), vector(&changed(2), 3));
        assert_eq!(vector(&table, 1), vector(&changed(2), 1));
        // Past the first window every token still sees at least half a context back.
        assert_ne!(vector(&table, 5), vector(&changed(4), 5));
    }

    #[test]
    fn averaging_takes_the_mean_of_neighbours_channel_by_channel() {
        assert_eq!(averages(&[1.0, 10.0, 3.0, 30.0], 2, 2), [2.0, 20.0]);
        let apart = encode(features(EmbeddingKind::Static));
        let averaged = encode(TokenFeatures {
            average: 3,
            ..features(EmbeddingKind::Static)
        });
        assert_eq!(averaged.dim(), (2, 2 * 2 * 8));
        let mean = (apart[[1, 0]] + apart[[1, 8]] + apart[[1, 16]]) / 3.0;
        assert!((averaged[[1, 0]] - mean).abs() < 1e-6);
    }

    #[test]
    fn a_sentence_that_is_too_short_is_named() {
        let data = Dataset::unlabelled(tokens());
        let long = TokenFeatures {
            length: 9,
            ..features(EmbeddingKind::Static)
        };
        let fitted = embedding().features(long).fit(&data, &data, 5).unwrap();
        let error = fitted.table(&tokens()).unwrap_err();
        assert!(matches!(
            error,
            Error::ShortSentence {
                row: 0,
                view: 1,
                expected: 9,
                found: 8
            }
        ));
    }
}
