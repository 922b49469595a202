use std::path::Path;

use chromex_core::random;
use chromex_nn::Device;
use chromex_nn::tensor_file::TensorFile;
use chromex_nn::weights::{self, Stored};

use super::{Dnabert2Config, Dnabert2Regression, Dnabert2Regressor};
use crate::Result;

/// What a parameter path's part is called in published files.
const NAMES: [(&str, &str); 12] = [
    ("bert.tokens.", "bert.embeddings.word_embeddings."),
    (
        "bert.token_types.",
        "bert.embeddings.token_type_embeddings.",
    ),
    ("bert.norm.", "bert.embeddings.LayerNorm."),
    ("bert.blocks.", "bert.encoder.layer."),
    // Before the normalisation's name, which has this one's part.
    (".attention.output.", ".attention.output.dense."),
    (".attention_norm.", ".attention.output.LayerNorm."),
    (".attention.queries_keys_values.", ".attention.self.Wqkv."),
    (".feed_forward_norm.", ".mlp.layernorm."),
    (".feed_forward.expand.", ".mlp.gated_layers."),
    (".feed_forward.contract.", ".mlp.wo."),
    ("head.pooler.", "bert.pooler.dense."),
    ("head.output.", "classifier."),
];

/// The prefix of the base in files that hold a head as well.
const PREFIX: &str = "bert.";

impl Dnabert2Regression {
    /// Reads a folder of published files: `config.json` and weights of any kind that
    /// [`TensorFile`](chromex_nn::tensor_file::TensorFile) opens.
    ///
    /// The pooler and the output layer are read where the files have them; else they are drawn from the seed, as they are
    /// in fine-tuning. Layout, pooling and the longest sequence stay as they are.
    ///
    /// # Errors
    ///
    /// When a file cannot be read or does not describe a DNABERT-2 of this number of targets.
    pub fn read_folder(
        &self,
        targets: usize,
        folder: &Path,
        seed: u64,
        device: &Device,
    ) -> Result<(Self, Dnabert2Regressor)> {
        let own = Self {
            network: Dnabert2Config::read(&folder.join("config.json"))?,
            begin: None,
            ..self.clone()
        };
        let network = own.load(targets, folder, seed, device)?;
        Ok((own, network))
    }

    /// Reads published weights of this shape, with or without the prefix `bert.`; heads of other tasks are passed over.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, or a tensor is missing, of another shape, or not DNABERT-2's.
    pub fn load(
        &self,
        targets: usize,
        path: &Path,
        seed: u64,
        device: &Device,
    ) -> Result<Dnabert2Regressor> {
        let file = TensorFile::open(path)?;
        let prefixed = file.tensors().any(|(name, _)| name.starts_with(PREFIX));
        let name = |stored: Stored| match prefixed {
            true => stored,
            false => Stored {
                names: stored
                    .names
                    .into_iter()
                    .map(|name| {
                        name.strip_prefix(PREFIX)
                            .map_or(name.clone(), str::to_owned)
                    })
                    .collect(),
                ..stored
            },
        };
        let mut generator = random::generator(seed, "initial head of DNABERT-2");
        let network = weights::load_from(
            self.blank(targets, device)?,
            &file,
            |parameter| name(stored(parameter)),
            // A checkpoint of the language model has neither pooler nor output.
            |parameter, shape| {
                let count = shape.iter().product();
                let drawn = match parameter.strip_prefix("head.")?.ends_with("bias") {
                    true => vec![0.0; count],
                    false => weights::normal(&mut generator, 0.02, count),
                };
                Some(drawn)
            },
            |name| {
                let name = name.strip_prefix(PREFIX).unwrap_or(name);
                name.starts_with("cls.") || name == "embeddings.position_ids"
            },
        )?;
        Ok(network)
    }

    /// Writes a folder that the published code opens, `config.json` and `model.safetensors`.
    ///
    /// # Errors
    ///
    /// When a file cannot be written.
    pub fn write_folder(&self, network: &Dnabert2Regressor, folder: &Path) -> Result<()> {
        weights::save(network, &folder.join("model.safetensors"), stored)?;
        let [_, targets] = network.head.output.weight.dims();
        self.network.write(&folder.join("config.json"), targets)
    }
}

/// Says where a parameter lies in published files: linear layers are stored `[outputs, inputs]`.
fn stored(path: &str) -> Stored {
    let mut name = path.to_owned();
    for (ours, theirs) in NAMES {
        if name.starts_with(ours) || (ours.starts_with('.') && name.contains(ours)) {
            name = name.replacen(ours, theirs, 1);
        }
    }
    let table = path.starts_with("bert.token");
    let name = match (name.strip_suffix(".gamma"), name.strip_suffix(".beta")) {
        (Some(start), _) => format!("{start}.weight"),
        (_, Some(start)) => format!("{start}.bias"),
        _ => name,
    };
    Stored {
        transposed: !table,
        ..Stored::from(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_parameter_has_its_published_name() {
        let model = Dnabert2Regression {
            network: Dnabert2Config {
                vocabulary: 7,
                width: 24,
                layers: 2,
                hidden: 8,
                ..Dnabert2Config::published()
            },
            ..Dnabert2Regression::default()
        };
        let network = model.init(2, 0, &Device::default()).unwrap();
        let names: Vec<String> = weights::shapes(&network)
            .iter()
            .flat_map(|(path, _)| stored(path).names)
            .collect();
        for expected in [
            "bert.embeddings.word_embeddings.weight",
            "bert.embeddings.token_type_embeddings.weight",
            "bert.embeddings.LayerNorm.bias",
            "bert.encoder.layer.0.attention.self.Wqkv.weight",
            "bert.encoder.layer.1.attention.self.Wqkv.bias",
            "bert.encoder.layer.0.attention.output.dense.weight",
            "bert.encoder.layer.0.attention.output.LayerNorm.weight",
            "bert.encoder.layer.1.mlp.gated_layers.weight",
            "bert.encoder.layer.0.mlp.wo.bias",
            "bert.encoder.layer.0.mlp.layernorm.bias",
            "bert.pooler.dense.weight",
            "classifier.bias",
        ] {
            assert!(
                names.iter().any(|name| name == expected),
                "{expected}: {names:?}"
            );
        }
        assert_eq!(names.len(), 4 + 2 * 11 + 4);
    }
}
