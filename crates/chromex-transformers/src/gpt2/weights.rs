use std::path::Path;

use chromex_nn::{Device, weights};

use super::{Gpt2, Gpt2Config};
use crate::Result;

/// What a parameter path's part is called in published files. GPT-2's linear layers are stored
/// `[inputs, outputs]`, as this network has them, so nothing is transposed.
const NAMES: [(&str, &str); 10] = [
    ("tokens.weight", "wte.weight"),
    ("positions.weight", "wpe.weight"),
    ("blocks.", "h."),
    (".attention_norm.", ".ln_1."),
    (".attention.queries_keys_values.", ".attn.c_attn."),
    (".attention.output.", ".attn.c_proj."),
    (".feed_forward_norm.", ".ln_2."),
    (".feed_forward.expand.", ".mlp.c_fc."),
    (".feed_forward.contract.", ".mlp.c_proj."),
    ("norm.", "ln_f."),
];

/// The prefix of files that hold the language model's head as well.
const PREFIX: &str = "transformer.";

impl Gpt2Config {
    /// Reads a folder of published files, `config.json` and `model.safetensors`.
    ///
    /// # Errors
    ///
    /// When a file cannot be read or does not describe a GPT-2.
    pub fn read_folder(folder: &Path, device: &Device) -> Result<(Self, Gpt2)> {
        let config = Self::read(&folder.join("config.json"))?;
        let network = config.load(folder, device)?;
        Ok((config, network))
    }

    /// Writes a folder that the Python libraries open, `config.json` and `model.safetensors`.
    ///
    /// # Errors
    ///
    /// When a file cannot be written.
    pub fn write_folder(&self, network: &Gpt2, folder: &Path) -> Result<()> {
        let file = folder.join("model.safetensors");
        weights::save(network, &file, |path| {
            format!("{PREFIX}{}", published(path))
        })?;
        self.write(&folder.join("config.json"))
    }

    /// Reads published weights of this shape, with or without the prefix `transformer.`. Heads of other
    /// tasks and the buffers of old files are passed over.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, or a tensor is missing, of another shape, or not GPT-2's.
    pub fn load(&self, path: &Path, device: &Device) -> Result<Gpt2> {
        let prefix = if has_prefix(path)? { PREFIX } else { "" };
        let network = weights::load(
            self.blank(device)?,
            path,
            |parameter| format!("{prefix}{}", published(parameter)),
            |name| {
                let name = name.strip_prefix(PREFIX).unwrap_or(name);
                let buffer = name.ends_with(".attn.bias") || name.ends_with(".attn.masked_bias");
                buffer || name == "lm_head.weight" || name == "score.weight"
            },
        )?;
        Ok(network)
    }
}

/// Gives the published name of a parameter.
fn published(path: &str) -> String {
    let mut name = path.to_owned();
    for (ours, theirs) in NAMES {
        if name.starts_with(ours) || (ours.starts_with('.') && name.contains(ours)) {
            name = name.replacen(ours, theirs, 1);
        }
    }
    if let Some(start) = name.strip_suffix(".gamma") {
        return format!("{start}.weight");
    }
    match name.strip_suffix(".beta") {
        Some(start) => format!("{start}.bias"),
        None => name,
    }
}

/// Tells whether the names of a file carry the prefix.
fn has_prefix(path: &Path) -> Result<bool> {
    let names = weights::names(path)?;
    Ok(names.iter().any(|name| name.starts_with(PREFIX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_parameter_has_its_published_name() {
        let network = Gpt2Config::genegpt2().init(0, &Device::default()).unwrap();
        let names: Vec<String> = weights::shapes(&network)
            .iter()
            .map(|(path, _)| published(path))
            .collect();
        for expected in [
            "wte.weight",
            "wpe.weight",
            "h.0.ln_1.weight",
            "h.7.ln_2.bias",
            "h.3.attn.c_attn.weight",
            "h.3.attn.c_proj.bias",
            "h.3.mlp.c_fc.weight",
            "h.3.mlp.c_proj.weight",
            "ln_f.bias",
        ] {
            assert!(names.iter().any(|name| name == expected), "{expected}");
        }
        assert_eq!(names.len(), 2 + 8 * 12 + 2);
    }
}
