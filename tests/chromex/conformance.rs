use chromex::baselines::DeepDiffConfig;
use chromex::boosting::{GradientBoosting, Ridge};
use chromex::core::{
    CellPair, Dataset, Encode, Ensemble, Fit, LogMeans, Predict, Rows, ShuffledTargets, Then,
    TrainMean, TrainMedian,
};
use chromex::io::simulate::SimulatedPair;
use chromex::nn::{Length, Trainer};
use chromex::tokens::{Bpe, MarkWords, TokenColumns};
use chromex::transformers::{Gpt2Config, LanguageModel, TokenEmbedding, TokenFeatures};

fn data() -> Dataset<CellPair> {
    let simulation = SimulatedPair {
        genes: 48,
        ..SimulatedPair::default()
    };
    simulation.draw(11).unwrap().dataset
}

/// Fits on the first rows, checks what every learner promises, and tells whether the seed matters.
fn check<L>(name: &str, learner: L) -> bool
where
    L: Fit<CellPair>,
    L::Fitted: Predict<CellPair>,
{
    let data = data();
    let train = data.select(&(0..32).collect::<Vec<_>>());
    let valid = data.select(&(32..40).collect::<Vec<_>>());
    let test = data.select(&(40..48).collect::<Vec<_>>());
    let predict = |seed| {
        let fitted = learner.fit(&train, &valid, seed).unwrap();
        let all = fitted.predict(&test.inputs).unwrap();
        // A row's prediction is its own: it does not depend on what else is predicted with it.
        let some = fitted.predict(&test.inputs.select(&[5, 2])).unwrap();
        assert!((some[[0, 0]] - all[[5, 0]]).abs() < 1e-4, "{name}");
        assert!((some[[1, 0]] - all[[2, 0]]).abs() < 1e-4, "{name}");
        all
    };
    let first = predict(1);
    assert_eq!(first.dim(), (8, 1), "{name}");
    assert!(first.iter().all(|value| value.is_finite()), "{name}");
    assert_eq!(
        first,
        predict(1),
        "{name}: the same seed gave other numbers"
    );
    first != predict(2)
}

fn small_boosting() -> GradientBoosting {
    GradientBoosting {
        rounds: 5,
        max_depth: 2,
        ..GradientBoosting::default()
    }
}

#[test]
fn learners_that_draw_nothing_ignore_the_seed() {
    let start = LogMeans::transcription_start();
    assert!(!check("mean", TrainMean));
    assert!(!check("median", TrainMedian));
    assert!(!check("ridge", start.clone().then(Ridge::default())));
    assert!(!check("boosting", start.then(small_boosting())));
    let raw_tokens = MarkWords::default()
        .then(Bpe::new(400))
        .then(TokenColumns::raw_d())
        .then(small_boosting());
    assert!(!check("raw tokens", raw_tokens));
}

#[test]
fn learners_that_draw_follow_the_seed() {
    let start = LogMeans::transcription_start();
    assert!(check(
        "shuffled ridge",
        ShuffledTargets(start.then(Ridge::default()))
    ));
    let mut model = LanguageModel::genegpt2(Gpt2Config {
        layers: 1,
        ..Gpt2Config::genegpt2()
    });
    model.recipe.length = Length::Steps(3);
    model.recipe.batch_rows = 4;
    let embedding = TokenEmbedding::new(model).features(TokenFeatures {
        length: 200,
        average: 20,
        ..TokenFeatures::default()
    });
    let learner = MarkWords::default()
        .then(Bpe::rigorous())
        .then(embedding)
        .then(small_boosting());
    assert!(check("embeddings", learner));
    let config = DeepDiffConfig::raw_d();
    let mut recipe = config.recipe();
    recipe.length = Length::Steps(3);
    let trainer = Trainer::new(config, recipe);
    assert!(check("deepdiff", trainer.clone()));
    assert!(check("ensemble", Ensemble::new(trainer, 2)));
}

/// A tokenizer that saw test rows would have words in its vocabulary that training rows lack.
#[test]
fn nothing_is_learned_from_rows_outside_training() {
    let data = data();
    let train = data.select(&(0..16).collect::<Vec<_>>());
    let others = data.select(&(16..48).collect::<Vec<_>>());
    let learner = MarkWords::default().then(Bpe::rigorous());
    let alone = learner.fit(&train, &train.select(&[]), 0).unwrap();
    let beside = learner.fit(&train, &others, 0).unwrap();
    assert_eq!(
        alone.encode(&others.inputs).unwrap(),
        beside.encode(&others.inputs).unwrap()
    );
}
