use std::path::Path;

use chromex_nn::Device;
use chromex_nn::weights::{self, Snapshot, Stored};

use super::{MaskedLanguage, RobertaConfig, RobertaMaskedLanguage, RobertaRegression};
use super::{Roberta, RobertaRegressor};
use crate::Result;

/// What a parameter path's part is called in published files.
const NAMES: [(&str, &str); 12] = [
    ("roberta.tokens.", "roberta.embeddings.word_embeddings."),
    (
        "roberta.positions.",
        "roberta.embeddings.position_embeddings.",
    ),
    (
        "roberta.token_types.",
        "roberta.embeddings.token_type_embeddings.",
    ),
    ("roberta.norm.", "roberta.embeddings.LayerNorm."),
    ("roberta.blocks.", "roberta.encoder.layer."),
    (".attention_norm.", ".attention.output.LayerNorm."),
    (".attention.output.weight", ".attention.output.dense.weight"),
    (".attention.output.bias", ".attention.output.dense.bias"),
    (".feed_forward_norm.", ".output.LayerNorm."),
    (".feed_forward.expand.", ".intermediate.dense."),
    (".feed_forward.contract.", ".output.dense."),
    ("head.", ""),
];

/// The prefix of the base in files that hold a head as well.
const PREFIX: &str = "roberta.";
/// The same in files of a BERT.
const BERT_PREFIX: &str = "bert.";
/// The names of the heads.
const LANGUAGE_HEAD: &str = "lm_head.";
const REGRESSION_HEAD: &str = "classifier.";

impl MaskedLanguage {
    /// Reads a folder of published files, `config.json` and weights (`model.safetensors` or `pytorch_model.bin`), with the head of masked tokens. The layout
    /// and the masking stay as they are.
    ///
    /// # Errors
    ///
    /// When a file cannot be read, does not describe a RoBERTa, or asks for an output table of its own.
    pub fn read_folder(
        &self,
        folder: &Path,
        device: &Device,
    ) -> Result<(Self, RobertaMaskedLanguage)> {
        let config = folder.join("config.json");
        RobertaConfig::require_tied(&config)?;
        let own = Self {
            network: RobertaConfig::read(&config)?,
            ..self.clone()
        };
        let network = own.load(folder, device)?;
        Ok((own, network))
    }

    /// Writes a folder that the Python libraries open, `config.json` and `model.safetensors`.
    ///
    /// # Errors
    ///
    /// When positions are counted as BERT's are, or a file cannot be written.
    pub fn write_folder(&self, network: &RobertaMaskedLanguage, folder: &Path) -> Result<()> {
        let config = folder.join("config.json");
        self.network.write(&config, "RobertaForMaskedLM")?;
        let file = folder.join("model.safetensors");
        Ok(weights::save(network, &file, |path| {
            stored(path, LANGUAGE_HEAD)
        })?)
    }

    /// Reads published weights of this shape; heads of other tasks are passed over.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, or a tensor is missing, of another shape, or not RoBERTa's.
    pub fn load(&self, path: &Path, device: &Device) -> Result<RobertaMaskedLanguage> {
        // The output layer's bias has two names, of which files hold one or both.
        let names = weights::names(path)?;
        let bias = if names.iter().any(|name| name == "lm_head.bias") {
            "lm_head.bias"
        } else {
            "lm_head.decoder.bias"
        };
        let network = weights::load(
            self.blank(device)?,
            path,
            |parameter| match parameter {
                "head.bias" => bias.to_owned().into(),
                _ => stored(parameter, LANGUAGE_HEAD),
            },
            |name| passed_over(name) || name.starts_with("lm_head.") || is_other_head(name),
        )?;
        Ok(network)
    }
}

impl RobertaRegression {
    /// Reads a folder of published files, `config.json` and weights (`model.safetensors` or `pytorch_model.bin`), with a head such as FloraBERT's for
    /// this number of targets. The layout and the dropout of the head stay as they are.
    ///
    /// # Errors
    ///
    /// When a file cannot be read or does not describe a RoBERTa with this head and as many targets.
    pub fn read_folder(
        &self,
        targets: usize,
        folder: &Path,
        device: &Device,
    ) -> Result<(Self, RobertaRegressor)> {
        let own = Self {
            network: RobertaConfig::read(&folder.join("config.json"))?,
            ..self.clone()
        };
        let network = weights::load(
            own.blank(targets, device)?,
            folder,
            |parameter| stored(parameter, REGRESSION_HEAD),
            |name| passed_over(name) || name.starts_with("lm_head."),
        )?;
        Ok((own, network))
    }

    /// Writes a folder, `config.json` and `model.safetensors`, under FloraBERT's names.
    ///
    /// # Errors
    ///
    /// When positions are counted as BERT's are, or a file cannot be written.
    pub fn write_folder(&self, network: &RobertaRegressor, folder: &Path) -> Result<()> {
        let config = folder.join("config.json");
        self.network
            .write(&config, "RobertaForSequenceClassification")?;
        let file = folder.join("model.safetensors");
        Ok(weights::save(network, &file, |path| {
            stored(path, REGRESSION_HEAD)
        })?)
    }
}

impl RobertaConfig {
    /// Reads the base of a published folder, whatever its head, as weights to begin with.
    ///
    /// # Errors
    ///
    /// When a file cannot be read or does not describe a RoBERTa or a BERT.
    pub fn read_base(folder: &Path, device: &Device) -> Result<(Self, Snapshot)> {
        let config = Self::read(&folder.join("config.json"))?;
        let names = weights::names(folder)?;
        let prefix = [PREFIX, BERT_PREFIX]
            .into_iter()
            .find(|prefix| names.iter().any(|name| name.starts_with(prefix)));
        let network: Base = Base {
            roberta: config.blank(device)?,
        };
        let network = weights::load(
            network,
            folder,
            |parameter| {
                let mut stored = stored(parameter, LANGUAGE_HEAD);
                for name in &mut stored.names {
                    *name = name.replacen(PREFIX, prefix.unwrap_or(""), 1);
                }
                stored
            },
            |name| {
                let language = name.starts_with("lm_head.") || name.starts_with("cls.");
                passed_over(name) || language || is_other_head(name)
            },
        )?;
        Ok((config, Snapshot::of(&network, "")))
    }
}

/// A base alone, under the path that it has in every network.
#[derive(burn::module::Module, Debug)]
struct Base {
    roberta: Roberta,
}

/// Buffers of old files, and the pooler that no network here reads.
fn passed_over(name: &str) -> bool {
    name.ends_with("position_ids") || name.ends_with("token_type_ids") || name.contains("pooler.")
}

fn is_other_head(name: &str) -> bool {
    name.starts_with(REGRESSION_HEAD)
}

/// Tells where a parameter lies in a published file.
fn stored(path: &str, head: &str) -> Stored {
    let mut name = path.to_owned();
    for (ours, theirs) in NAMES {
        if name.starts_with(ours) || (ours.starts_with('.') && name.contains(ours)) {
            let theirs = if ours == "head." { head } else { theirs };
            name = name.replacen(ours, theirs, 1);
            if ours == ".attention_norm." {
                // The new name holds what later rows look for.
                break;
            }
        }
    }
    if path.starts_with("head.") {
        let own = if head == LANGUAGE_HEAD {
            "layer_norm."
        } else {
            "norm."
        };
        name = name.replacen(".norm.", &format!(".{own}"), 1);
        name = name.replacen("classifier.output.", "classifier.out_proj.", 1);
    }
    if let Some(start) = name.strip_suffix(".gamma") {
        name = format!("{start}.weight");
    } else if let Some(start) = name.strip_suffix(".beta") {
        name = format!("{start}.bias");
    }
    let table = path.ends_with("tokens.weight")
        || path.ends_with("positions.weight")
        || path.ends_with("token_types.weight");
    let names = if name.contains(".queries_keys_values.") {
        ["query", "key", "value"]
            .map(|part| name.replacen(".queries_keys_values.", &format!(".self.{part}."), 1))
            .to_vec()
    } else {
        vec![name]
    };
    Stored {
        names,
        transposed: !table,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PositionCounting;

    fn small() -> RobertaConfig {
        RobertaConfig {
            vocabulary: 11,
            positions: 9,
            width: 4,
            hidden: 8,
            heads: 2,
            layers: 2,
            ..RobertaConfig::florabert()
        }
    }

    #[test]
    fn every_parameter_has_its_published_name() {
        let small = small();
        let language = MaskedLanguage {
            network: small.clone(),
            ..MaskedLanguage::default()
        };
        let network = language.init(0, &Device::default()).unwrap();
        let names: Vec<String> = weights::shapes(&network)
            .iter()
            .flat_map(|(path, _)| stored(path, LANGUAGE_HEAD).names)
            .collect();
        for expected in [
            "roberta.embeddings.word_embeddings.weight",
            "roberta.embeddings.position_embeddings.weight",
            "roberta.embeddings.token_type_embeddings.weight",
            "roberta.embeddings.LayerNorm.weight",
            "roberta.encoder.layer.0.attention.self.query.weight",
            "roberta.encoder.layer.1.attention.self.value.bias",
            "roberta.encoder.layer.1.attention.output.dense.weight",
            "roberta.encoder.layer.0.attention.output.LayerNorm.bias",
            "roberta.encoder.layer.0.intermediate.dense.weight",
            "roberta.encoder.layer.0.output.dense.bias",
            "roberta.encoder.layer.1.output.LayerNorm.weight",
            "lm_head.dense.weight",
            "lm_head.layer_norm.weight",
            "lm_head.layer_norm.bias",
            "lm_head.bias",
        ] {
            assert!(
                names.iter().any(|name| name == expected),
                "{expected}: {names:?}"
            );
        }
        assert_eq!(names.len(), 5 + 2 * 16 + 5);
        let regression = RobertaRegression {
            network: small,
            ..RobertaRegression::default()
        };
        let network = regression.init(3, 0, &Device::default()).unwrap();
        let names: Vec<String> = weights::shapes(&network)
            .iter()
            .flat_map(|(path, _)| stored(path, REGRESSION_HEAD).names)
            .collect();
        for expected in [
            "classifier.dense.weight",
            "classifier.dense2.bias",
            "classifier.out_proj.weight",
        ] {
            assert!(
                names.iter().any(|name| name == expected),
                "{expected}: {names:?}"
            );
        }
    }

    #[test]
    fn a_folder_that_no_library_opens_is_not_written() {
        let (folder, device) = (tempfile::tempdir().unwrap(), Device::default());
        let network = RobertaConfig {
            counting: PositionCounting::Places,
            ..small()
        };
        let language = MaskedLanguage {
            network: network.clone(),
            ..MaskedLanguage::default()
        };
        let regression = RobertaRegression {
            network,
            ..RobertaRegression::default()
        };
        let weights = language.init(0, &device).unwrap();
        let masked = language.write_folder(&weights, folder.path());
        let weights = regression.init(3, 0, &device).unwrap();
        let regressed = regression.write_folder(&weights, folder.path());
        for refused in [masked, regressed] {
            let message = refused.unwrap_err().to_string();
            assert!(message.starts_with("setting `counting`"), "{message}");
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_decoder_of_its_own_is_refused_where_it_would_be_dropped() {
        let (folder, device) = (tempfile::tempdir().unwrap(), Device::default());
        let language = MaskedLanguage {
            network: small(),
            ..MaskedLanguage::default()
        };
        let network = language.init(0, &device).unwrap();
        language.write_folder(&network, folder.path()).unwrap();
        assert!(language.read_folder(folder.path(), &device).is_ok());
        let config = folder.path().join("config.json");
        let text = std::fs::read_to_string(&config).unwrap();
        let untied = text.replace(
            "\"tie_word_embeddings\": true",
            "\"tie_word_embeddings\": false",
        );
        assert_ne!(text, untied);
        std::fs::write(&config, untied).unwrap();
        let message = language
            .read_folder(folder.path(), &device)
            .unwrap_err()
            .to_string();
        assert!(message.ends_with("`tie_word_embeddings`: expected true, found false"));
        // The base has no decoder.
        assert!(RobertaConfig::read_base(folder.path(), &device).is_ok());
    }

    #[test]
    fn a_missing_folder_is_named() {
        let missing = Path::new("nowhere");
        let error = MaskedLanguage::default().read_folder(missing, &Device::default());
        assert!(error.unwrap_err().to_string().contains("nowhere"));
    }
}
