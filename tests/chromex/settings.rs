//! Every count and number of every configuration, far out of its range: the answer is a named error or a sound result, in no time,
//! and never a panic, a wrapped number or an allocation that ends the process.

use std::fmt::Display;
use std::time::{Duration, Instant};

use chromex::baselines::{
    AttentiveChromeConfig, DeepChromeConfig, DeepDiffConfig, FcnConfig, FcnOutput,
    LinearNetworkConfig, WakaWakaConfig,
};
use chromex::boosting::{
    CrossValidatedElasticNet, DecisionTree, ElasticNet, GbdtBoosting, GradientBoosting, Objective,
    RandomForest, Ridge, SupportVectorRegression, TreeMethod, TunedElasticNet,
};
use chromex::core::{
    Dataset, DoubleHoldOut, Encode, Ensemble, Experiment, Fit, GroupEnsemble, GroupKFold,
    GroupShares, KFold, Keys, LocationImportance, MarkLayout, MarkWindows, Sequences, Split,
    Target, Targets, TokenIds, TrainMean, Transform, View,
};
use chromex::io::genes::{Gene, GeneSet, GeneWindows, Strand, WindowLayout};
use chromex::io::simulate::{SimulatedGenome, SimulatedPair, SimulatedPromoters};
use chromex::metrics::{Bootstrap, Pearson};
use chromex::nn::{
    Adaptation, Clip, Device, Group, Length, LowRank, Optimizer, Recipe, Schedule, Trainer,
};
use chromex::tokens::{
    Bpe, Dexter, DnaBpe, Homology, KeptEnd, KmerCounts, KmerVocabulary, LocalisedMotifs,
    MarkAlphabet, OneHot, RegionLattice, TokenColumns,
};
use chromex::transformers::{
    Dnabert2Config, Dnabert2Regression, Gpt2Config, MaskedLanguage, RobertaConfig,
    RobertaRegression,
};
use ndarray::{Array2, Array3};
use proptest::prelude::*;

/// Counts that nothing can have, and the smallest.
fn counts() -> impl Strategy<Value = usize> {
    prop_oneof![
        0_usize..3,
        Just(1 << 33),
        Just(1 << 62),
        Just((1 << 63) - 1),
        Just(1 << 63),
        Just(usize::MAX),
        (1_usize << 33)..usize::MAX,
    ]
}

/// Numbers of which a step, a share or a rate can be made, and mostly cannot.
fn numbers() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<f64>(),
        Just(f64::NAN),
        Just(f64::INFINITY),
        Just(f64::NEG_INFINITY),
        Just(-1.0),
        Just(0.0),
        Just(1.0),
    ]
}

/// Runs what may refuse: a count that nothing can have is refused by name, and soon.
fn refused<T, E: Display>(count: usize, what: &str, run: impl FnOnce() -> Result<T, E>) {
    let begun = Instant::now();
    match run() {
        Ok(_) => assert!(count < 1 << 33, "{what} of {count} went through"),
        Err(error) => {
            let text = error.to_string();
            let named = text.contains("setting `") || text.contains("number of resamples");
            assert!(named || count < 3, "{what} of {count}: {text}");
        }
    }
    soon(begun, what);
}

/// Runs what may refuse or take it.
fn answered<T, E: Display>(what: &str, run: impl FnOnce() -> Result<T, E>) {
    let begun = Instant::now();
    if let Err(error) = run() {
        assert!(!error.to_string().is_empty());
    }
    soon(begun, what);
}

fn soon(begun: Instant, what: &str) {
    assert!(
        begun.elapsed() < Duration::from_secs(20),
        "{what} took long"
    );
}

fn table(rows: usize) -> Dataset<Array2<f32>> {
    let inputs = Array2::from_shape_fn((rows, 3), |(row, column)| {
        ((row * 7 + column * 3) % 5) as f32
    });
    labelled(inputs, rows)
}

fn labelled<X: chromex::core::Rows>(inputs: X, rows: usize) -> Dataset<X> {
    let target = Target {
        name: "y".into(),
        unit: "1".into(),
        transform: Transform::Identity,
    };
    let values = Array2::from_shape_fn((rows, 1), |(row, _)| (row % 2) as f32);
    let targets = Targets::new(values, vec![target]).unwrap();
    let labels: Vec<String> = (0..rows).map(|row| format!("g{}", row % 6)).collect();
    let keys = Keys::numbered(rows)
        .with_group("gene", &labels)
        .unwrap()
        .with_group("cell", &labels)
        .unwrap();
    Dataset::new(inputs, targets, keys).unwrap()
}

/// Windows of so many bins and of marks by number.
fn layout([bins, marks]: [usize; 2]) -> MarkLayout {
    MarkLayout {
        marks: (0..marks.min(64)).map(|mark| mark.to_string()).collect(),
        bins,
        bin_width_bp: 100,
    }
}

fn windows(rows: usize) -> Dataset<MarkWindows> {
    let signal = Array3::from_shape_fn((rows, 4, 2), |(row, bin, mark)| {
        ((row + bin + mark) % 3) as f32
    });
    let marks = vec!["a".to_owned(), "b".to_owned()];
    labelled(MarkWindows::new(signal, marks, 100).unwrap(), rows)
}

fn promoters() -> Sequences {
    Sequences::new(&["ACGTACGTACGTACGT", "TTTTACGTACGTAAAA", "CCCCACGTACGTGGGG"]).unwrap()
}

fn gpt2() -> Gpt2Config {
    Gpt2Config {
        vocabulary: 9,
        positions: 4,
        width: 4,
        layers: 1,
        heads: 1,
        hidden: 4,
        ..Gpt2Config::genegpt2()
    }
}

fn roberta() -> RobertaConfig {
    RobertaConfig {
        vocabulary: 9,
        positions: 9,
        width: 4,
        layers: 1,
        heads: 1,
        hidden: 4,
        ..RobertaConfig::cornbert()
    }
}

fn dnabert2() -> Dnabert2Config {
    Dnabert2Config {
        vocabulary: 9,
        width: 4,
        layers: 1,
        heads: 1,
        hidden: 4,
        ..Dnabert2Config::published()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn transformers_refuse_shapes_that_no_network_has(a in counts(), b in counts(), x in numbers()) {
        let device = Device::default();
        type Change<C> = (&'static str, fn(&mut C, usize));
        let changes: [Change<Gpt2Config>; 6] = [
            ("vocabulary", |c, n| c.vocabulary = n), ("positions", |c, n| c.positions = n), ("width", |c, n| c.width = n),
            ("layers", |c, n| c.layers = n), ("heads", |c, n| c.heads = n), ("hidden", |c, n| c.hidden = n),
        ];
        for (name, first) in changes {
            for (_, second) in changes {
                let mut config = gpt2();
                second(&mut config, b);
                first(&mut config, a);
                let _ = config.parameter_count();
                refused(a, name, || config.init(0, &device));
            }
        }
        let changes: [Change<RobertaConfig>; 7] = [
            ("vocabulary", |c, n| c.vocabulary = n), ("positions", |c, n| c.positions = n), ("width", |c, n| c.width = n),
            ("layers", |c, n| c.layers = n), ("heads", |c, n| c.heads = n), ("hidden", |c, n| c.hidden = n),
            ("token_types", |c, n| c.token_types = n),
        ];
        for (name, first) in changes {
            for (_, second) in changes {
                let mut network = roberta();
                second(&mut network, b);
                first(&mut network, a);
                let _ = (network.parameter_count(), network.longest());
                let regression = RobertaRegression { network: network.clone(), ..RobertaRegression::default() };
                refused(a, name, || regression.init(1, 0, &device));
                let _ = regression.progressive_unfreezing(100, 10);
                refused(a, name, || MaskedLanguage { network, ..MaskedLanguage::default() }.init(0, &device));
            }
        }
        let changes: [Change<Dnabert2Config>; 6] = [
            ("vocabulary", |c, n| c.vocabulary = n), ("token_types", |c, n| c.token_types = n), ("width", |c, n| c.width = n),
            ("layers", |c, n| c.layers = n), ("heads", |c, n| c.heads = n), ("hidden", |c, n| c.hidden = n),
        ];
        for (name, change) in changes {
            let mut network = dnabert2();
            change(&mut network, a);
            let _ = network.parameter_count();
            let regression = Dnabert2Regression { network, ..Dnabert2Regression::default() };
            let _ = regression.last_blocks(a);
            refused(a, name, || regression.init(1, 0, &device));
        }
        refused(a, "targets", || RobertaRegression { network: roberta(), ..RobertaRegression::default() }.init(a, 0, &device));
        for change in [|c: &mut RobertaConfig, x| c.dropout = x, |c: &mut RobertaConfig, x| c.norm_epsilon = x] {
            let mut network = roberta();
            change(&mut network, x);
            let regression = RobertaRegression { network, ..RobertaRegression::default() };
            answered("a number of RoBERTa", || regression.init(1, 0, &device));
        }
        let network = RobertaConfig { padding_id: a.min(u32::MAX as usize) as u32, ..roberta() };
        answered("padding_id", || RobertaRegression { network, ..RobertaRegression::default() }.init(1, 0, &device));
        answered("head_dropout", || RobertaRegression { network: roberta(), head_dropout: x, ..RobertaRegression::default() }.init(1, 0, &device));
    }

    #[test]
    fn networks_of_marks_refuse_shapes_that_no_network_has(a in counts(), b in counts(), x in numbers()) {
        let device = Device::default();
        let shape = [20, 2];
        let deep = DeepChromeConfig { filters: 2, kernel: 3, pool: 2, hidden: [2, 2], ..DeepChromeConfig::default() };
        type Deep = fn(&mut DeepChromeConfig, usize);
        let changes: [(&str, Deep); 5] = [
            ("filters", |c, n| c.filters = n), ("kernel", |c, n| c.kernel = n), ("pool", |c, n| c.pool = n),
            ("hidden", |c, n| c.hidden[0] = n), ("hidden", |c, n| c.hidden[1] = n),
        ];
        for (name, first) in changes {
            for (_, second) in changes {
                let mut config = deep.clone();
                second(&mut config, b);
                first(&mut config, a);
                let _ = config.parameter_count(shape);
                refused(a, name, || config.init(&layout(shape), 0, &device));
            }
        }
        answered("dropout", || DeepChromeConfig { dropout: x, ..deep.clone() }.init(&layout(shape), 0, &device));
        answered("windows", || deep.init(&layout([a, b]), 0, &device));
        let attentive = AttentiveChromeConfig { bin_hidden: a, mark_hidden: b.min(4), ..AttentiveChromeConfig::default() };
        let _ = attentive.parameter_count(b);
        refused(a, "bin_hidden", || attentive.init(&layout(shape), 0, &device));
        let attentive = AttentiveChromeConfig { bin_hidden: 2, mark_hidden: a, initial_bound: 0.1, ..AttentiveChromeConfig::default() };
        refused(a, "mark_hidden", || attentive.init(&layout(shape), 0, &device));
        answered("initial_bound", || AttentiveChromeConfig { bin_hidden: 2, mark_hidden: 2, initial_bound: x, ..AttentiveChromeConfig::default() }.init(&layout(shape), 0, &device));
        for (name, config) in DeepDiffConfig::published() {
            for config in [
                DeepDiffConfig { bin_hidden: a, mark_hidden: 2, ..config.clone() },
                DeepDiffConfig { bin_hidden: 2, mark_hidden: a, ..config.clone() },
            ] {
                let _ = config.parameter_count(b);
                refused(a, name, || config.init(&layout(shape), 0, &device));
            }
            answered(name, || DeepDiffConfig { bin_hidden: 2, mark_hidden: 2, contrastive_margin: x, ..config.clone() }.init(&layout(shape), 0, &device));
        }
        let fcn = FcnConfig { filters: vec![2, 2], kernel: 3, ..FcnConfig::default() };
        for config in [
            FcnConfig { filters: vec![a, 2], ..fcn.clone() },
            FcnConfig { filters: vec![2, a], ..fcn.clone() },
            FcnConfig { kernel: a, ..fcn.clone() },
            FcnConfig { output: FcnOutput::Classes(a), ..fcn.clone() },
        ] {
            let _ = (config.parameter_count(b), config.lengths(b));
            refused(a, "a count of an FCN", || config.init(&layout([7, 2]), 0, &device));
        }
        answered("slope", || FcnConfig { slope: x, ..fcn.clone() }.init(&layout([7, 2]), 0, &device));
        let waka = WakaWakaConfig { dna: Vec::new(), module_width: 2, joint: vec![2], ..WakaWakaConfig::experiment_8() };
        let layer = |change: fn(&mut chromex::nn::blocks::ConvolutionConfig, usize)| {
            let mut config = waka.clone();
            change(&mut config.marks[0], a);
            config
        };
        for config in [
            WakaWakaConfig { module_width: a, ..waka.clone() },
            WakaWakaConfig { joint: vec![a], ..waka.clone() },
            layer(|l, n| l.filters = n), layer(|l, n| l.kernel = n), layer(|l, n| l.pool = n), layer(|l, n| l.dilation = n),
            layer(|l, n| l.stride = n),
        ] {
            let _ = config.parameter_count([b, 2], a);
            refused(a, "a count of a WakaWaka", || config.init(Some(&layout([100, 2])), 0, 0, &device));
        }
        answered("dna_around", || WakaWakaConfig { dna_around: Some(a), ..waka.clone() }.init(Some(&layout([100, 2])), 40, 0, &device));
        answered("module_dropout", || WakaWakaConfig { module_dropout: x, ..waka.clone() }.init(Some(&layout([100, 2])), 0, 0, &device));
    }

    #[test]
    fn recipes_refuse_what_cannot_train(a in counts(), x in numbers()) {
        let data = windows(12);
        let none = data.select(&[]);
        let one = || Recipe { length: Length::Steps(1), batch_rows: 4, ..Recipe::default() };
        let train = |recipe: Recipe| Trainer::new(LinearNetworkConfig::default(), recipe).train(&data, &none, 0);
        let count = a as u64;
        for (name, recipe) in [
            ("steps", Recipe { length: Length::Steps(count), ..one() }),
            ("epochs", Recipe { length: Length::Epochs(count), ..one() }),
            ("accumulate", Recipe { accumulate: a, ..one() }),
        ] {
            // What lies between is long, not wrong.
            if !(1 << 33..=1 << 53).contains(&count) {
                refused(a, name, || train(recipe));
            }
        }
        for recipe in [
            Recipe { batch_rows: a, ..one() },
            Recipe { report_every: count, ..one() },
            Recipe { validate_every: Some(count), ..one() },
            Recipe { patience: Some(count as u32), ..one() },
            Recipe { learning_rate: x, ..one() },
            Recipe { clip: Clip::GlobalNorm(x), ..one() },
            Recipe { clip: Clip::Value(x), ..one() },
            Recipe { schedule: Schedule::InverseTime { decay: x }, ..one() },
            Recipe { schedule: Schedule::WarmUp { steps: count }, ..one() },
            Recipe { schedule: Schedule::WarmUpLinear { steps: count }, ..one() },
            Recipe { schedule: Schedule::WarmUpCosine { steps: count }, ..one() },
            Recipe { optimizer: Optimizer::Sgd { momentum: x }, ..one() },
            Recipe { optimizer: Optimizer::Lamb { beta_1: x as f32, beta_2: 0.9, epsilon: 1e-8, weight_decay: 0.0 }, ..one() },
            Recipe { optimizer: Optimizer::Lamb { beta_1: 0.9, beta_2: 0.9, epsilon: x as f32, weight_decay: x as f32 }, ..one() },
            Recipe { groups: vec![Group { name: "g".into(), prefixes: vec!["head.".into()], learning_rate: x, from_step: count }], ..one() },
            Recipe { adaptation: Adaptation::LowRank(LowRank { rank: a, alpha: x, matrices: vec!["weight".into()], whole: vec!["head.".into()] }), ..one() },
        ] {
            answered("a recipe", || train(recipe));
        }
        let recipe = Recipe { length: Length::Epochs(u64::MAX), ..one() };
        prop_assert!(train(recipe).unwrap_err().to_string().contains("setting `length`"));
    }

    #[test]
    fn experiments_splits_and_intervals_refuse_counts_out_of_range(a in counts(), x in numbers()) {
        let data = table(12);
        refused(a, "k", || KFold { k: a }.folds(&data.keys, 0));
        refused(a, "k", || GroupKFold { group: "gene".into(), k: a }.folds(&data.keys, 0));
        answered("shares", || GroupShares { group: "gene".into(), test: x, valid: 0.1 }.folds(&data.keys, 0));
        answered("fractions", || DoubleHoldOut { test_fraction: x, ..DoubleHoldOut::default() }.folds(&data.keys, 0));
        refused(a, "members", || Ensemble::new(TrainMean, a).fit(&data, &data, 0));
        refused(a, "folds", || GroupEnsemble::new(TrainMean, "gene", a).fit(&data, &data, 0));
        refused(a, "seeds", || {
            let few = Bootstrap { resamples: 10, ..Bootstrap::default() };
            Experiment::new(data.clone(), KFold { k: 3 }).metric(Pearson).bootstrap(few).seeds(a as u64).run()
        });
        let (truth, predicted) = (ndarray::arr1(&[1.0, 2.0, 3.0]), ndarray::arr1(&[1.0, 2.5, 2.0]));
        let interval = |bootstrap: Bootstrap| bootstrap.interval(&Pearson, truth.view(), predicted.view(), None);
        refused(a, "resamples", || interval(Bootstrap { resamples: a, ..Bootstrap::default() }));
        answered("level", || interval(Bootstrap { resamples: 10, level: x, seed: a as u64 }));
        struct Lengths;
        impl chromex::core::Predict<Sequences> for Lengths {
            fn predict(&self, inputs: &Sequences) -> chromex::core::Result<Array2<f32>> {
                Ok(Array2::zeros((chromex::core::Rows::len(inputs), 1)))
            }
        }
        refused(a, "passes", || LocationImportance { passes: a, ..LocationImportance::default() }.measure(&Lengths, &promoters(), 0));
        answered("lengths", || LocationImportance { lengths: vec![a], passes: 1, batch_rows: a, ..LocationImportance::default() }.measure(&Lengths, &promoters(), 0));
    }

    #[test]
    fn boosters_and_linear_models_refuse_counts_out_of_range(a in counts(), x in numbers()) {
        let data = table(24);
        let (inputs, targets) = (data.inputs.view(), data.targets.values.view());
        let few = || GradientBoosting { rounds: 2, ..GradientBoosting::default() };
        for (name, booster) in [
            ("rounds", GradientBoosting { rounds: a, ..few() }),
            ("max_depth", GradientBoosting { max_depth: a, ..few() }),
            ("max_bins", GradientBoosting { tree_method: TreeMethod::Histogram { max_bins: a }, ..few() }),
            ("classes", GradientBoosting { objective: Objective::Softmax { classes: a }, ..few() }),
        ] {
            refused(a, name, || booster.fit_table(inputs, targets));
        }
        let f = x as f32;
        for booster in [
            GradientBoosting { max_leaves: a, ..few() },
            GradientBoosting { early_stopping_rounds: Some(a), ..few() },
            GradientBoosting { eta: f, ..few() }, GradientBoosting { reg_lambda: f, ..few() }, GradientBoosting { reg_alpha: f, ..few() },
            GradientBoosting { gamma: f, ..few() }, GradientBoosting { min_child_weight: f, ..few() },
            GradientBoosting { subsample: f, ..few() }, GradientBoosting { colsample_bynode: f, ..few() },
            GradientBoosting { base_score: Some(f), ..few() }, GradientBoosting { max_delta_step: Some(f), ..few() },
        ] {
            answered("a booster", || booster.fit_table(inputs, targets));
        }
        let forest = || RandomForest { trees: 2, ..RandomForest::default() };
        refused(a, "trees", || RandomForest { trees: a, ..forest() }.fit_table(inputs, targets, 0));
        refused(a, "max_bins", || RandomForest { max_bins: a, ..forest() }.fit_table(inputs, targets, 0));
        for forest in [
            RandomForest { max_depth: a, ..forest() },
            RandomForest { min_samples_leaf: a, ..forest() },
            RandomForest { max_features: f, ..forest() },
        ] {
            answered("a forest", || forest.fit_table(inputs, targets, 0));
        }
        refused(a, "max_depth", || DecisionTree { max_depth: a, ..DecisionTree::default() }.fit_table(inputs, targets));
        refused(a, "rounds", || GbdtBoosting { rounds: a, ..GbdtBoosting::default() }.fit_table(inputs, targets));
        answered("min_leaf_size", || GbdtBoosting { rounds: 2, min_leaf_size: a, shrinkage: f, ..GbdtBoosting::default() }.fit_table(inputs, targets));
        refused(a, "alphas", || TunedElasticNet { alphas: a, ..TunedElasticNet::default() }.fit_tables((inputs, targets), (inputs, targets)));
        for net in [CrossValidatedElasticNet { alphas: a, ..CrossValidatedElasticNet::default() }, CrossValidatedElasticNet { folds: a, ..CrossValidatedElasticNet::default() }] {
            refused(a, "alphas, folds", || net.fit_table(inputs, targets, 0));
        }
        answered("a net", || ElasticNet { alpha: x, max_sweeps: a.min(1000), ..ElasticNet::default() }.fit_table(inputs, targets));
        answered("a ridge", || Ridge { alpha: x, standardize: true }.fit(&data, &data, 0));
        for machine in [
            SupportVectorRegression { cache_megabytes: a, ..SupportVectorRegression::default() },
            SupportVectorRegression { c: if x > 1.0 { f64::INFINITY } else { -x.abs() }, ..SupportVectorRegression::default() },
            SupportVectorRegression { epsilon: x, ..SupportVectorRegression::default() },
        ] {
            answered("a machine", || machine.fit_table(inputs, targets));
        }
    }

    #[test]
    fn tokenizers_and_motifs_refuse_counts_out_of_range(a in counts(), b in counts(), x in numbers()) {
        let dna = promoters();
        let rows = labelled(dna.clone(), 3);
        let lines = Dataset::unlabelled(vec!["a b c".to_owned()]);
        refused(a, "vocabulary", || Bpe { vocabulary: a, ..Bpe::default() }.fit(&lines, &lines, 0));
        refused(a, "vocabulary", || DnaBpe { vocabulary: a, ..DnaBpe::dnabert2() }.learn(&dna));
        answered("min_frequency", || Bpe { min_frequency: a as u64, ..Bpe::default() }.fit(&lines, &lines, 0));
        answered("length", || {
            let bpe = DnaBpe { vocabulary: 300, length: Some(a), ..DnaBpe::dnabert2() };
            bpe.fit(&rows, &rows, 0)?.encode(&dna)
        });
        refused(a, "k", || KmerCounts::new(a).encode(&dna));
        let _ = KmerCounts::new(a).names();
        refused(a, "k", || KmerVocabulary::dnabert(a));
        refused(a, "length", || OneHot { length: a, kept: KeptEnd::Last }.encode(&dna));
        refused(a, "marks", || MarkAlphabet::new(a, b));
        refused(a, "levels", || MarkAlphabet::new(2, a));
        refused(a, "most_bins", || RegionLattice::new(100, 50, a));
        answered("a lattice", || RegionLattice::new(a, b, 13));
        let motifs = || LocalisedMotifs { homology: Homology { k: 8, ..Homology::default() }, ..LocalisedMotifs::default() };
        refused(a, "k", || LocalisedMotifs { k: a, ..motifs() }.learn(&dna));
        for motifs in [
            LocalisedMotifs { window: a, ..motifs() }, LocalisedMotifs { most: a, ..motifs() }, LocalisedMotifs { above: x, ..motifs() },
        ] {
            answered("motifs", || motifs.learn(&dna));
        }
        refused(a, "k", || Homology { k: a, ..Homology::default() }.clusters(&dna));
        for homology in [Homology { identity: x, ..Homology::default() }, Homology { most_rows: a, ..Homology::default() }] {
            answered("homology", || homology.clusters(&dna));
        }
        refused(a, "alignment", || Dexter { alignment: Some(a), ..Dexter::default() }.fit(&rows, &rows, 0).map(|_| assert!(a < 16)));
        refused(a, "most_bins", || Dexter { most_bins: a, ..Dexter::default() }.fit(&rows, &rows, 0));
        answered("least_gain", || Dexter { least_gain: x, least_score: x, ..Dexter::default() }.fit(&rows, &rows, 0));
        answered("longest", || Dexter { longest: Some(a), ..Dexter::default() }.fit(&rows, &rows, 0));
        let tokens = TokenIds::new(vec![1, 2, 3, 1], vec![0, 2, 4], vec![View::Whole], 5, None).unwrap();
        let columns = TokenColumns { length: a, views: vec![View::Whole], padding: Some(0) };
        refused(a, "length", || columns.encode(&tokens));
    }

    #[test]
    fn simulations_and_windows_refuse_counts_out_of_range(a in counts(), b in counts(), x in numbers()) {
        let pair = || SimulatedPair { genes: 6, ..SimulatedPair::default() };
        for (name, pair) in [
            ("genes", SimulatedPair { genes: a, ..pair() }),
            ("bins", SimulatedPair { bins: a, ..pair() }),
            ("chromosomes", SimulatedPair { chromosomes: a, ..pair() }),
        ] {
            refused(a, name, || pair.draw(0));
        }
        answered("noise", || SimulatedPair { noise: x, similarity: 0.5, ..pair() }.draw(0));
        let genome = || SimulatedGenome { genes: 3, ..SimulatedGenome::default() };
        for (name, genome) in [
            ("genes", SimulatedGenome { genes: a, ..genome() }),
            ("contigs", SimulatedGenome { contigs: a, ..genome() }),
            ("promoter_bases", SimulatedGenome { promoter_bases: a, genes: b, ..genome() }),
            ("gene_bases", SimulatedGenome { gene_bases: a, ..genome() }),
        ] {
            refused(a, name, || genome.draw(0));
        }
        let drawn = || SimulatedPromoters { genes: 3, ..SimulatedPromoters::default() };
        for (name, drawn) in [
            ("genes", SimulatedPromoters { genes: a, ..drawn() }),
            ("length", SimulatedPromoters { length: a, ..drawn() }),
            ("alignment", SimulatedPromoters { alignment: a, ..drawn() }),
        ] {
            refused(a, name, || drawn.draw(0));
        }
        let mut odd = drawn();
        odd.elements[0].first = i64::MIN;
        odd.elements[0].last = a as i64;
        answered("elements", || odd.draw(0));
        let gene = Gene {
            id: "G".into(), symbol: "G".into(), chromosome: "chr1".into(), start: 50_000, end: 60_000,
            strand: Strand::Minus, biotype: String::new(), transcript: None,
        };
        let set = GeneSet { genes: vec![gene], ..GeneSet::default() };
        for layout in [
            WindowLayout { upstream_bins: a, downstream_bins: b, ..WindowLayout::default() },
            WindowLayout { downstream_bins: a, bin_width_bp: b as u32, ..WindowLayout::default() },
            WindowLayout { bin_width_bp: a as u32, ..WindowLayout::default() },
        ] {
            answered("windows", || GeneWindows::around(&set, &layout));
        }
    }
}
