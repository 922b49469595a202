//! The models of the table: CornBERT, its baselines, and floors.

use chromex::boosting::{GradientBoosting, GrowPolicy, OrdinaryLeastSquares, Ridge, TreeMethod};
use chromex::core::{
    Experiment, GivenSplit, InUnits, Sequences, ShuffledTargets, Then, TrainMeanInUnits,
};
use chromex::metrics::{Bootstrap, MeanAbsoluteError, MeanSquaredError, Pearson, RSquared};
use chromex::nn::{Group, Keep, Recipe, Trained, Trainer};
use chromex::tokens::{KmerCounts, LocalisedMotifs, MotifPresence};
use chromex::transformers::{RobertaRegression, RobertaRegressor, TokenLayout};

use crate::sets::Set;
use crate::stages::Stages;
use crate::support::{Anything, Run};
use crate::{Flags, Mode};

/// CornBERT in the table, and the same network without its language.
pub(crate) const PRETRAINED: &str = "CornBERT pre-trained";
const SCRATCH: &str = "CornBERT from scratch";
/// The floor that predicts the mean of the logarithms.
pub(crate) const MEAN: &str = "mean";

/// Errors in TPM take an exponential per row and resample: the usual 10,000 would take longer than the training.
const RESAMPLES: usize = 2000;

/// Penalties that the validation genes choose among.
const PENALTIES: [f64; 6] = [1.0, 10.0, 100.0, 1e3, 1e4, 1e5];

/// Lists the models.
pub(crate) fn names(flags: &Flags) -> Result<Vec<String>, Anything> {
    let stages = Stages::none(flags)?;
    Ok(experiment(flags, &Set::tiny()?, &stages, None)?.names())
}

pub(crate) fn experiment(
    flags: &Flags,
    set: &Set,
    stages: &Stages,
    run: Option<&Run>,
) -> Result<Experiment<Sequences>, Anything> {
    let split = match flags.mode {
        Mode::Faithful => GivenSplit::pooled(),
        Mode::Rigorous => GivenSplit::default(),
    };
    let dataset = set.dataset.clone();
    let first = &set.dataset.targets.columns[0];
    let ridge = || KmerCounts::new(5).then(Ridge::tuned(PENALTIES));
    let mut experiment = Experiment::new(dataset, split)
        .metric(MeanSquaredError)
        .metric(InUnits::new(MeanAbsoluteError, first)?)
        .metric(RSquared)
        .metric(Pearson)
        .resample_by("cluster")
        .bootstrap(Bootstrap {
            resamples: RESAMPLES,
            ..Bootstrap::default()
        })
        .floor(&format!("mean {}", first.unit), TrainMeanInUnits);
    if set.dataset.targets.columns.len() > 1 {
        experiment = experiment.pooled("All");
    }
    experiment = match flags.mode {
        // There is nothing to choose a penalty by.
        Mode::Faithful => experiment,
        Mode::Rigorous => experiment
            .floor("5-mers ridge", ridge())
            .floor("5-mers ridge shuffled", ShuffledTargets(ridge())),
    };
    experiment = experiment.fixed_model(
        "5-mers linear",
        KmerCounts::cornbert().then(OrdinaryLeastSquares::default()),
    );
    experiment = match &flags.motifs {
        Some(path) => {
            let motifs = MotifPresence::read(path)?;
            experiment.fixed_model("motifs boosted", motifs.then(boosting()))
        }
        None => experiment.fixed_model(
            "motifs boosted",
            LocalisedMotifs::default().then(boosting()),
        ),
    };
    let learner = |base: bool, name: &str| -> Result<_, Anything> {
        let regression = RobertaRegression {
            begin: stages.base.clone().filter(|_| base),
            begin_at_means: flags.mode == Mode::Rigorous,
            ..regression(stages)
        };
        let recipe = recipe(flags, &regression, base);
        let mut trainer = Trainer::new(regression, recipe)
            .device(&stages.device)
            .tell_each_target();
        if let Some(run) = run {
            trainer = trainer
                .checkpoints(run.checkpoints()?)
                .observe(&format!("fine-tune {name}"), run.observer());
        }
        Ok(stages.tokenizer.clone().then(trainer))
    };
    let folder = run.map(|run| run.folder("model/finetuned")).transpose()?;
    let published = regression(stages);
    let keep = move |fitted: &chromex::core::Chain<_, Trained<RobertaRegressor>>, _: &str, seed| {
        match &folder {
            Some(folder) if seed == 0 => {
                Ok(published.write_folder(&fitted.second.network, folder)?)
            }
            _ => Ok(()),
        }
    };
    Ok(experiment
        .model_with(PRETRAINED, learner(true, "pre-trained")?, keep)
        .model(SCRATCH, learner(false, "from scratch")?))
}

/// CornBERT's network with its head.
pub(crate) fn regression(stages: &Stages) -> RobertaRegression {
    RobertaRegression {
        network: stages.network.clone(),
        layout: TokenLayout::default(),
        ..RobertaRegression::default()
    }
}

/// The document's unfreezing, drawn out over the steps that there are; without a language all thaws at once.
///
/// Its rates are for thousands of steps, so that shorter trainings take four times as much where the document is not followed.
fn recipe(flags: &Flags, regression: &RobertaRegression, unfreezing: bool) -> Recipe {
    const PUBLISHED_STEPS: u64 = 1600;
    let steps = flags.finetune_steps();
    let published = regression.progressive_unfreezing(steps, (steps / 16).max(1));
    let factor = match flags.mode {
        Mode::Faithful => 1.0,
        Mode::Rigorous => 4.0,
    };
    let groups = published.groups.iter().map(|group| Group {
        learning_rate: group.learning_rate * factor,
        from_step: match group.from_step {
            u64::MAX => u64::MAX,
            step => step * steps / PUBLISHED_STEPS.max(steps),
        },
        ..group.clone()
    });
    Recipe {
        learning_rate: published.learning_rate * factor,
        groups: if unfreezing {
            groups.collect()
        } else {
            Vec::new()
        },
        batch_rows: 32,
        precision: flags.options.precision(),
        validate_every: Some((steps / 16).max(1)),
        keep: match flags.mode {
            Mode::Faithful => Keep::Last,
            Mode::Rigorous => Keep::BestValidation,
        },
        ..published
    }
}

/// LightGBM's defaults: 100 trees of 31 leaves, the best first, at least 20 rows in each, rate 0.1.
fn boosting() -> GradientBoosting {
    GradientBoosting {
        rounds: 100,
        eta: 0.1,
        max_depth: 0,
        max_leaves: 31,
        grow_policy: GrowPolicy::LossGuided,
        reg_lambda: 0.0,
        min_child_weight: 20.0,
        base_score: None,
        tree_method: TreeMethod::Histogram { max_bins: 256 },
        ..GradientBoosting::default()
    }
}
