//! The stages before fine-tuning: tokens, and the language of promoters.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use chromex::core::{Dataset, Fingerprint, Rows, Sequences};
use chromex::nn::weights::Snapshot;
use chromex::nn::{Clip, Device, Length, Optimizer, Perplexity, Recipe, Schedule, Trainer};
use chromex::tokens::{BpeTokenizer, DnaBpe, DnaTokenizer, KeptEnd};
use chromex::transformers::{MaskedLanguage, Masking, Replacement, RobertaConfig};

use crate::sets::Set;
use crate::support::{Anything, Run};
use crate::{Flags, Mode, Stage};

/// What fine-tuning begins with.
pub(crate) struct Stages {
    pub(crate) tokenizer: DnaTokenizer,
    pub(crate) network: RobertaConfig,
    /// The pre-trained base; none where only the names of models are wanted.
    pub(crate) base: Option<Snapshot>,
    pub(crate) device: Device,
}

/// Rows of a batch of pre-training.
const BATCH_ROWS: usize = 32;

impl Stages {
    /// Learns tokens and language, or takes them from the folder where they are skipped.
    pub(crate) fn run(flags: &Flags, set: &Set, run: &mut Run) -> Result<Self, Anything> {
        let folder = run.model_folder()?;
        let device = flags.options.device()?;
        let own = set.dataset.inputs.select(&set.corpus_rows(flags.mode)?);
        let file = folder.join("tokenizer.json");
        if flags.from == Stage::Tokenizer {
            let corpus = together(&set.others, &own)?;
            bpe(flags).learn(&corpus)?.tokenizer.save(&file)?;
        }
        present(&file, "tokenizer", flags)?;
        let tokenizer = bpe(flags).with(BpeTokenizer::load(&file)?)?;
        let tokens = tokenizer.tokenizer.vocabulary_size();
        if let Some(most) = flags.vocabulary.filter(|&most| most < tokens) {
            let file = file.display();
            return Err(format!("--vocabulary {most}: {file} has {tokens} tokens").into());
        }
        // One that was left in the folder may have been learned otherwise than this run's flags say.
        let mut print = Fingerprint::default();
        print.text(&tokenizer.tokenizer.to_json()?);
        run.setting("tokenizer", print.finish());
        let network = network(flags, tokens);
        let language = Language {
            flags,
            tokenizer: &tokenizer,
            model: MaskedLanguage {
                network: network.clone(),
                masking: Masking {
                    replacement: match flags.mode {
                        Mode::Faithful => Replacement::Mask,
                        Mode::Rigorous => Replacement::Mixed,
                    },
                    ..Masking::default()
                },
                ..MaskedLanguage::default()
            },
            device: device.clone(),
            folder: run.folder("model/pretrained")?,
        };
        let wanted = flags.options.chosen(&crate::models::names(flags)?)?;
        let base = if wanted.iter().any(|name| name == crate::models::PRETRAINED) {
            if flags.from < Stage::Finetune {
                language.learn(set, &own, run)?;
            }
            present(
                &language.folder.join("config.json"),
                "pretrained language model",
                flags,
            )?;
            let (found, base) = RobertaConfig::read_base(&language.folder, &device)?;
            if found.vocabulary != network.vocabulary
                || found.width != network.width
                || found.layers != network.layers
            {
                return Err(format!(
                    "{}: expected {} tokens, width {} and {} layers, found {}, {} and {}",
                    language.folder.display(),
                    network.vocabulary,
                    network.width,
                    network.layers,
                    found.vocabulary,
                    found.width,
                    found.layers
                )
                .into());
            }
            run.setting("base", serde_json::to_string(&base)?);
            Some(base)
        } else {
            None
        };
        Ok(Self {
            tokenizer,
            network,
            base,
            device,
        })
    }

    /// What the models' names need.
    pub(crate) fn none(flags: &Flags) -> Result<Self, Anything> {
        let tokenizer = DnaBpe::new(265).learn(&Sequences::new(&["ACGTACGT"])?)?;
        Ok(Self {
            network: network(flags, tokenizer.tokenizer.vocabulary_size()),
            tokenizer,
            base: None,
            device: flags.options.device()?,
        })
    }
}

/// Learning the language of promoters.
struct Language<'a> {
    flags: &'a Flags,
    tokenizer: &'a DnaTokenizer,
    model: MaskedLanguage,
    device: Device,
    folder: PathBuf,
}

impl Language<'_> {
    /// Learns from all species, then from the set's own, and writes what was learned.
    fn learn(&self, set: &Set, own: &Sequences, run: &Run) -> Result<(), Anything> {
        // Its validation rows tell of the language, and choose nothing.
        let valid = self.tokens(&set.dataset.inputs.select(&set.part("valid")?))?;
        let steps = self.flags.pretrain_steps();
        let all = self.tokens(&together(&set.others, own)?)?;
        let own = self.tokens(own)?;
        let mut model = self.model.clone();
        let stages = [
            ("all species", &all, steps / 2),
            ("this species", &own, steps - steps / 2),
        ];
        for (name, corpus, steps) in stages {
            let trainer = Trainer::new(model.clone(), recipe(steps, self.flags))
                .device(&self.device)
                .checkpoints(run.checkpoints()?)
                .observe(
                    &format!("pre-train on {name}"),
                    Arc::new(Perplexity(run.observer())),
                );
            let trained = trainer.train(corpus, &valid, 0)?;
            model.begin = Some(Snapshot::of(&trained.network, ""));
            model.write_folder(&trained.network, &self.folder)?;
        }
        Ok(())
    }

    fn tokens(&self, promoters: &Sequences) -> Result<Dataset<chromex::core::TokenIds>, Anything> {
        Ok(Dataset::unlabelled(self.tokenizer.tokens(promoters)?))
    }
}

/// LAMB up and down in a line as in the document. Its peak of 1e-3 is for thousands of steps of two thousand rows; where it is not
/// followed, shorter trainings take ten times as much.
fn recipe(steps: u64, flags: &Flags) -> Recipe {
    Recipe {
        optimizer: Optimizer::LambUncorrected {
            beta_1: 0.9,
            beta_2: 0.999,
            epsilon: 1e-8,
            weight_decay: 0.0,
            largest_norm: 10.0,
        },
        learning_rate: match flags.mode {
            Mode::Faithful => 1e-3,
            Mode::Rigorous => 1e-2,
        },
        schedule: Schedule::WarmUpLinear {
            steps: (steps / 10).max(1),
        },
        batch_rows: BATCH_ROWS,
        precision: flags.options.precision(),
        length: Length::Steps(steps),
        clip: Clip::GlobalNorm(10.0),
        validate_every: Some((steps / 8).max(1)),
        ..Recipe::default()
    }
}

fn bpe(flags: &Flags) -> DnaBpe {
    DnaBpe {
        vocabulary: flags.vocabulary(),
        kept: match flags.mode {
            Mode::Faithful => KeptEnd::First,
            Mode::Rigorous => KeptEnd::Last,
        },
        ..DnaBpe::default()
    }
}

/// The published shape, narrower.
fn network(flags: &Flags, vocabulary: usize) -> RobertaConfig {
    let published = match flags.mode {
        Mode::Faithful => RobertaConfig::florabert(),
        Mode::Rigorous => RobertaConfig::cornbert(),
    };
    RobertaConfig {
        vocabulary,
        width: flags.width,
        layers: flags.layers as usize,
        heads: (flags.width / 128).max(2),
        hidden: 4 * flags.width,
        ..published
    }
}

fn together(first: &Sequences, second: &Sequences) -> Result<Sequences, Anything> {
    let all: Vec<&[u8]> = first.iter().chain(second.iter()).collect();
    Ok(Sequences::new(&all)?)
}

fn present(file: &Path, what: &str, flags: &Flags) -> Result<(), Anything> {
    if file.exists() {
        return Ok(());
    }
    let from = flags.from.to_possible_value_name();
    Err(format!("--from {from}: no {what} in {}", file.display()).into())
}

impl Stage {
    fn to_possible_value_name(self) -> String {
        use clap::ValueEnum;
        let value = self.to_possible_value();
        value.map_or_else(String::new, |value| value.get_name().to_owned())
    }
}
