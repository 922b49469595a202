use std::collections::BTreeSet;

use chromex::baselines::{
    AttentiveChromeConfig, DeepChromeConfig, DeepDiffConfig, FcnConfig, LinearNetworkConfig,
    LogisticRegression, StagedWakaWaka, WakaWakaConfig, load_network, save_network, saved_marks,
};
use chromex::boosting::{GradientBoosting, RandomForest, Ridge};
use chromex::core::{
    CellByGene, CellPair, Dataset, Encode, Ensemble, Fit, GatedExperts, GroupEnsemble, Keys,
    LogMeans, MarkWindows, Predict, Rows, Sequences, Target, Targets, Then, Transform,
    WindowColumns, WindowMaxima,
};
use chromex::nn::{Architecture, Device, Length, Recipe, Trained, Trainer};
use chromex::tokens::{Bpe, MarkWords, MarkWordsQuantiles, TokenColumns};
use ndarray::{Array2, Array3, Axis};

const ROWS: usize = 24;
const BINS: usize = 100;
const MARKS: [&str; 5] = ["H3K4me3", "H3K27me3", "H3K36me3", "H3K4me1", "H3K9me3"];
const ORDERS: [[usize; 5]; 3] = [[1, 0, 2, 3, 4], [4, 3, 2, 1, 0], [2, 4, 1, 0, 3]];

/// How rows are laid out: the order of their marks, what the last mark is called, bins and their width.
#[derive(Clone, Copy)]
struct Layout {
    places: [usize; 5],
    last: &'static str,
    bins: usize,
    width: u32,
}

const OWN: Layout = Layout {
    places: [0, 1, 2, 3, 4],
    last: MARKS[4],
    bins: BINS,
    width: 100,
};

fn windows(cell: usize, layout: Layout) -> MarkWindows {
    let signal = Array3::from_shape_fn((ROWS, layout.bins, 5), |(row, bin, mark)| {
        ((cell * 17 + row * 7 + bin * (mark + 2) + mark * mark * 5) % 13) as f32
    });
    let mut names = MARKS;
    names[4] = layout.last;
    let marks = layout.places.map(|place| names[place].to_owned()).to_vec();
    MarkWindows::new(signal.select(Axis(2), &layout.places), marks, layout.width).unwrap()
}

fn fewer(windows: &MarkWindows) -> MarkWindows {
    let signal = windows.signal().select(Axis(2), &[0, 1, 2, 3]);
    MarkWindows::new(
        signal,
        windows.marks()[..4].to_vec(),
        windows.bin_width_bp(),
    )
    .unwrap()
}

/// Rows of one kind in any layout, and with a mark less.
trait Laid: Rows + 'static {
    fn laid(layout: Layout) -> Self;
    fn lacking() -> Self;
}

impl Laid for MarkWindows {
    fn laid(layout: Layout) -> Self {
        windows(0, layout)
    }

    fn lacking() -> Self {
        fewer(&windows(0, OWN))
    }
}

impl Laid for CellPair {
    fn laid(layout: Layout) -> Self {
        Self::new(windows(0, layout), windows(1, layout)).unwrap()
    }

    fn lacking() -> Self {
        Self::new(fewer(&windows(0, OWN)), fewer(&windows(1, OWN))).unwrap()
    }
}

impl Laid for (MarkWindows, Sequences) {
    fn laid(layout: Layout) -> Self {
        (windows(0, layout), dna())
    }

    fn lacking() -> Self {
        (fewer(&windows(0, OWN)), dna())
    }
}

impl Laid for CellByGene {
    fn laid(layout: Layout) -> Self {
        cells(&windows(0, layout))
    }

    fn lacking() -> Self {
        cells(&fewer(&windows(0, OWN)))
    }
}

/// Four cells of six genes.
fn cells(windows: &MarkWindows) -> CellByGene {
    let genes = (0..6).map(|gene| format!("G{gene}")).collect();
    let width = windows.bin_width_bp();
    let mut builder = CellByGene::builder(genes, windows.marks().to_vec(), windows.bins(), width);
    for cell in 0..4 {
        let rows: Vec<usize> = (cell * 6..(cell + 1) * 6).collect();
        builder
            .cell(&format!("E{cell}"), &windows.select(&rows))
            .unwrap();
    }
    builder.finish()
}

fn dna() -> Sequences {
    let sequences: Vec<Vec<u8>> = (0..ROWS)
        .map(|row| {
            (0..640)
                .map(|base| b"ACGT"[(row * 5 + base * base) % 4])
                .collect()
        })
        .collect();
    Sequences::new(&sequences).unwrap()
}

fn data<X: Laid>() -> Dataset<X> {
    let column = Target {
        name: "expressed".into(),
        unit: "class".into(),
        transform: Transform::Identity,
    };
    let values = Array2::from_shape_fn((ROWS, 1), |(row, _)| (row * row % 3 % 2) as f32);
    let targets = Targets::new(values, vec![column]).unwrap();
    let auxiliary = Array2::from_shape_fn((ROWS, 2), |(row, cell)| (row % 5 + cell) as f32);
    let columns = ["first", "second"].map(|name| Target {
        name: name.into(),
        unit: "log2".into(),
        transform: Transform::Identity,
    });
    let auxiliary = Targets::new(auxiliary, columns.to_vec()).unwrap();
    let targets = targets.with_auxiliary(auxiliary).unwrap();
    let cell: Vec<String> = (0..ROWS).map(|row| format!("E{}", row / 6)).collect();
    let keys = Keys::numbered(ROWS).with_group("cell", &cell).unwrap();
    Dataset::new(X::laid(OWN), targets, keys).unwrap()
}

/// Fits on rows of one layout and asks in others.
fn check<X: Laid, L: Fit<X>>(name: &str, learner: L)
where
    L::Fitted: Predict<X>,
{
    let train = data::<X>();
    let fitted = learner.fit(&train, &train, 0).unwrap();
    let own = fitted.predict(&train.inputs).unwrap();
    for places in ORDERS {
        let shuffled = X::laid(Layout { places, ..OWN });
        assert_eq!(
            fitted.predict(&shuffled).unwrap(),
            own,
            "{name}: {places:?}"
        );
        // Rows that are looked at while fitting are known by name as well.
        let mut valid = data::<X>();
        valid.inputs = shuffled;
        let again = learner.fit(&train, &valid, 0).unwrap();
        assert_eq!(
            again.predict(&train.inputs).unwrap(),
            own,
            "{name}: validation"
        );
    }
    let last = Layout {
        last: "H3K27ac",
        ..OWN
    };
    let narrow = Layout { width: 25, ..OWN };
    let short = Layout { bins: 96, ..OWN };
    let both = Layout {
        places: ORDERS[1],
        width: 25,
        ..OWN
    };
    for (what, rows, found) in [
        ("another mark", X::laid(last), "H3K27ac"),
        ("bins of 25 bp", X::laid(narrow), "100 bins of 25 bp"),
        ("fewer bins", X::laid(short), "96 bins of 100 bp"),
        (
            "another order and width",
            X::laid(both),
            "100 bins of 25 bp",
        ),
        ("a mark less", X::lacking(), "missing: H3K9me3"),
    ] {
        let error = fitted.predict(&rows).expect_err(&format!("{name}: {what}"));
        let message = error.to_string();
        assert!(
            message.contains("100 bins of 100 bp of 5 marks"),
            "{name}, {what}: {message}"
        );
        assert!(message.contains(found), "{name}, {what}: {message}");
    }
}

fn short(mut recipe: Recipe) -> Recipe {
    recipe.length = Length::Steps(2);
    recipe.batch_rows = 4;
    recipe
}

fn boosting() -> GradientBoosting {
    GradientBoosting {
        rounds: 3,
        max_depth: 2,
        ..GradientBoosting::default()
    }
}

/// Every system of histone marks: what trains on them goes into this list.
#[test]
fn every_system_knows_its_marks_by_name() {
    macro_rules! networks {
        ($rows:ty: $($name:literal $config:expr),+ $(,)?) => {$(
            let config = $config;
            let recipe = short(config.recipe());
            check::<$rows, _>($name, Trainer::new(config, recipe));
        )+};
    }
    let small_attentive = |bidirectional| AttentiveChromeConfig {
        bin_hidden: 2,
        mark_hidden: 2,
        bidirectional,
        ..AttentiveChromeConfig::default()
    };
    networks!(MarkWindows:
        "deepchrome" DeepChromeConfig::default(),
        "deepchrome regression" DeepChromeConfig::regression(),
        "attentivechrome" small_attentive(true),
        "one direction" small_attentive(false),
        "linear network" LinearNetworkConfig::default(),
        "fcn" FcnConfig::default(),
        "wakawaka marks" WakaWakaConfig::experiment_8().marks_only(),
    );
    networks!(CellByGene: "fcn of cells" FcnConfig::default());
    networks!((MarkWindows, Sequences): "wakawaka" WakaWakaConfig::experiment_8());
    let mut staged = StagedWakaWaka::new(WakaWakaConfig::experiment_8());
    staged.recipe = short(staged.recipe);
    check::<(MarkWindows, Sequences), _>("wakawaka in stages", staged);
    for (name, config) in DeepDiffConfig::published() {
        let config = DeepDiffConfig {
            bin_hidden: 2,
            mark_hidden: 2,
            ..config
        };
        let recipe = short(config.recipe());
        check::<CellPair, _>(name, Trainer::new(config, recipe));
    }
    let fcn = || Trainer::new(FcnConfig::default(), short(FcnConfig::default().recipe()));
    check::<MarkWindows, _>("ensemble", Ensemble::new(fcn(), 2));
    check::<CellByGene, _>("ensemble of cells", GroupEnsemble::new(fcn(), "cell", 2));
    let classifier = FcnConfig::cell_classifier(4);
    let gated = GatedExperts {
        gate: Trainer::new(classifier.clone(), short(classifier.recipe())),
        expert: fcn(),
        group: "cell".into(),
    };
    check::<CellByGene, _>("learned weighting", gated);

    let penalised = LogisticRegression { penalty: 1.0 };
    check::<MarkWindows, _>("boosting of bins", WindowColumns.then(boosting()));
    let forest = RandomForest {
        trees: 3,
        ..RandomForest::default()
    };
    check::<MarkWindows, _>("forest of bins", WindowColumns.then(forest));
    check::<MarkWindows, _>("ridge of bins", WindowColumns.then(Ridge::default()));
    check::<MarkWindows, _>("shallowchrome", WindowMaxima.then(penalised));
    check::<CellByGene, _>("ridge of cells", WindowMaxima.then(Ridge::default()));
    let means = || LogMeans { bins: 35..65 };
    check::<MarkWindows, _>("ridge", means().then(Ridge::default()));
    check::<CellPair, _>("ridge of a pair", means().then(Ridge::default()));
    let words = MarkWords::default();
    let columns = || TokenColumns {
        length: 20,
        ..TokenColumns::raw()
    };
    let tokens = || words.clone().then(Bpe::new(300)).then(columns());
    check::<CellPair, _>("tokens", tokens().then(boosting()));
    let learned = MarkWordsQuantiles::default();
    let tokens = learned.then(Bpe::new(300)).then(columns());
    check::<CellPair, _>("learned words", tokens.then(boosting()));
}

/// A network that nothing but itself says anything of: loaded from a file, without its training rows.
#[test]
fn a_loaded_network_knows_its_marks_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let device = Device::default();
    let train = data::<MarkWindows>();
    let config = DeepChromeConfig::default();
    let trained = Trainer::new(config.clone(), short(config.recipe()))
        .train(&train, &train, 0)
        .unwrap();
    let own = trained.predict(&train.inputs).unwrap();
    let path = folder.path().join("deepchrome.safetensors");
    save_network(&trained.network, &path).unwrap();
    let layout = saved_marks(&path).unwrap().unwrap();
    assert_eq!(layout, train.inputs.layout());
    let network = load_network(config.init(&layout, 1, &device).unwrap(), &path).unwrap();
    let loaded = Trained::new(&network, &device, 8);
    for places in ORDERS {
        let shuffled = MarkWindows::laid(Layout { places, ..OWN });
        assert_eq!(loaded.predict(&shuffled).unwrap(), own);
        // A network that was built for another order does not take the weights.
        let other = config.init(&shuffled.layout(), 1, &device).unwrap();
        let message = load_network(other, &path).unwrap_err().to_string();
        assert!(message.contains("deepchrome.safetensors"), "{message}");
    }
    for rows in [
        MarkWindows::laid(Layout { width: 25, ..OWN }),
        MarkWindows::lacking(),
    ] {
        let message = loaded.predict(&rows).unwrap_err().to_string();
        assert!(
            message.contains("100 bins of 100 bp of 5 marks"),
            "{message}"
        );
    }
    // One that reads no marks says so.
    let both = data::<(MarkWindows, Sequences)>();
    let config = WakaWakaConfig::experiment_8().dna_only();
    let network = Architecture::build(&config, &both, 0, &device).unwrap();
    let path = folder.path().join("dna.safetensors");
    save_network(&network, &path).unwrap();
    assert_eq!(saved_marks(&path).unwrap(), None);
    assert!(load_network(network, &path).is_ok());
}

/// Words of a pair are those of its marks: the property that the systems of tokens lean on.
#[test]
fn the_list_has_rows_of_every_kind_that_has_marks() {
    let kinds: BTreeSet<usize> = [
        MarkWindows::laid(OWN).mark_layouts().len(),
        CellPair::laid(OWN).mark_layouts().len(),
        CellByGene::laid(OWN).mark_layouts().len(),
        <(MarkWindows, Sequences)>::laid(OWN).mark_layouts().len(),
    ]
    .into();
    assert_eq!(kinds, BTreeSet::from([1]));
    let sentences = MarkWords::default().encode(&CellPair::laid(OWN)).unwrap();
    assert!(sentences.mark_layouts().is_empty());
}
