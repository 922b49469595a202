#![allow(clippy::print_stderr)]

use std::path::{Path, PathBuf};

use chromex_boosting::{GradientBoosting, Ridge, TreeMethod, XgboostModel};
use ndarray::{Array2, ArrayView2, Axis, concatenate};

pub(crate) fn data() -> PathBuf {
    let folder = std::env::var_os("CHROMEX_DATA").expect("CHROMEX_DATA is set");
    PathBuf::from(folder)
}

/// ln(1 + mean count) of the 30 bins around the start of each gene, five marks of one cell.
fn marks(path: &Path) -> Array2<f32> {
    let text = std::fs::read_to_string(path).unwrap();
    let counts: Vec<f64> = text
        .lines()
        .flat_map(|line| line.split(',').skip(1))
        .map(|count| count.trim().parse().unwrap())
        .collect();
    let genes = counts.len() / (200 * 5);
    Array2::from_shape_fn((genes, 5), |(gene, mark)| {
        let sum: f64 = (85..115)
            .map(|bin| counts[(gene * 200 + bin) * 5 + mark])
            .sum();
        (sum / 30.0).ln_1p() as f32
    })
}

/// The ten numbers and the label of each gene of a part: `train`, `valid` or `test`.
fn part(data: &Path, part: &str, label: &str) -> (Array2<f32>, Array2<f32>) {
    let [one, two] = ["Cell1", "Cell2"]
        .map(|cell| marks(&data.join(format!("deepdiff_sample/{cell}.{part}.csv"))));
    let inputs = concatenate![Axis(1), one, two];
    let labels =
        std::fs::read_to_string(data.join(format!("genegpt2/data/C12{label}Diff.tsv"))).unwrap();
    let labels: Vec<f32> = labels
        .lines()
        .map(|line| line.trim().parse().unwrap())
        .collect();
    let targets = Array2::from_shape_vec((labels.len(), 1), labels).unwrap();
    assert_eq!(inputs.nrows(), targets.nrows());
    (inputs, targets)
}

fn pearson(one: ArrayView2<'_, f32>, other: ArrayView2<'_, f32>) -> f64 {
    let centred = |table: ArrayView2<'_, f32>| {
        let table = table.mapv(f64::from);
        let mean = table.mean().unwrap();
        table - mean
    };
    let (one, other) = (centred(one), centred(other));
    (&one * &other).sum() / ((&one * &one).sum() * (&other * &other).sum()).sqrt()
}

#[test]
#[ignore = "needs CHROMEX_DATA"]
fn ridge_on_ten_numbers_around_the_gene_start_reaches_the_known_correlation() {
    let data = data();
    let [train, valid, test] = [("train", "Train"), ("valid", "Valid"), ("test", "Test")]
        .map(|(name, label)| part(&data, name, label));
    let inputs = concatenate![Axis(0), train.0, valid.0];
    let targets = concatenate![Axis(0), train.1, valid.1];
    for standardize in [false, true] {
        let ridge = Ridge {
            alpha: 1.0,
            standardize,
        };
        let model = ridge.fit_table(inputs.view(), targets.view()).unwrap();
        let predicted = model.predict_table(test.0.view()).unwrap();
        let r = pearson(predicted.view(), test.1.view());
        assert!((r - 0.711).abs() < 0.005, "{r}");
    }
}

#[test]
#[ignore = "needs CHROMEX_DATA"]
fn bins_cost_hardly_any_accuracy_on_real_marks() {
    let data = data();
    let train = part(&data, "train", "Train");
    let test = part(&data, "test", "Test");
    let r = |tree_method| {
        let booster = GradientBoosting {
            tree_method,
            ..GradientBoosting::xgboost_0_90()
        };
        let model = booster.fit_table(train.0.view(), train.1.view()).unwrap();
        pearson(
            model.predict_table(test.0.view()).unwrap().view(),
            test.1.view(),
        )
    };
    let exact = r(TreeMethod::Exact);
    let binned = r(TreeMethod::Histogram { max_bins: 32 });
    assert!(
        exact > 0.5 && (exact - binned).abs() < 0.04,
        "{exact} and {binned}"
    );
}

/// Rows of libsvm text, `label column:value ...`; what a row does not name is missing.
fn libsvm(text: &str, columns: usize) -> Array2<f32> {
    let rows: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    let mut table = Array2::from_elem((rows.len(), columns), f32::NAN);
    for (row, line) in rows.iter().enumerate() {
        for entry in line.split_whitespace() {
            // Neither the label nor what follows commas in it names a column.
            if let Some((column, value)) = entry.split_once(':') {
                table[[row, column.parse().unwrap()]] = value.parse().unwrap();
            }
        }
    }
    table
}

/// Rows of comma-separated numbers.
fn commas(text: &str) -> Array2<f32> {
    let rows: Vec<Vec<f32>> = text
        .lines()
        .map(|line| {
            let cells = line.split(',');
            cells
                .map(|cell| cell.trim().parse().unwrap_or(f32::NAN))
                .collect()
        })
        .collect();
    let columns = rows[0].len();
    Array2::from_shape_vec((rows.len(), columns), rows.concat()).unwrap()
}

fn text(path: &Path) -> String {
    let bytes = std::fs::read(path).unwrap();
    if path.extension().is_some_and(|ending| ending == "gz") {
        let mut text = String::new();
        std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&bytes[..]), &mut text)
            .unwrap();
        text
    } else {
        String::from_utf8(bytes).unwrap()
    }
}

#[test]
#[ignore = "needs CHROMEX_DATA"]
fn published_models_of_old_versions_predict_what_was_published_with_them() {
    let data = data();
    let folder = data.join("xgboost_models");
    let agaricus = |path: &str| libsvm(&text(&folder.join(path)), 127);
    let machine = text(&folder.join("gbdt-rs/xgb_reg_linear/machine.txt.test"));
    let skin = commas(&text(
        &folder.join("gbdt-rs/xgb_multi_softprob/dermatology.data.test"),
    ));
    let leaves = agaricus("leaves/agaricus_test.libsvm.gz");
    let cases = [
        (
            "gbdt-rs/xgb_binary_logistic/xgb.model",
            agaricus("gbdt-rs/xgb_binary_logistic/agaricus.txt.test.gz")
                .slice_move(ndarray::s![.., ..126]),
            Some("gbdt-rs/xgb_binary_logistic/pred.csv"),
        ),
        (
            "gbdt-rs/xgb_multi_softprob/xgb.model",
            skin.slice_move(ndarray::s![.., ..33]),
            Some("gbdt-rs/xgb_multi_softprob/pred.csv"),
        ),
        (
            "gbdt-rs/xgb_reg_linear/xgb.model",
            libsvm(&machine, 36),
            Some("gbdt-rs/xgb_reg_linear/pred.csv"),
        ),
        (
            "leaves/xgagaricus.model",
            leaves.clone(),
            Some("leaves/xgagaricus_true_predictions.txt"),
        ),
        (
            "leaves/xgblin_agaricus.model",
            leaves.clone(),
            Some("leaves/xgblin_agaricus_true_predictions.txt"),
        ),
        ("treelite/mushroom.model", leaves, None),
    ];
    for (name, inputs, predictions) in cases {
        let model = XgboostModel::load(&folder.join(name)).unwrap();
        let predicted = model.predict_table(inputs.view()).unwrap();
        let Some(predictions) = predictions else {
            assert!(predicted.iter().all(|value| (0.0..=1.0).contains(value)));
            continue;
        };
        let truth = commas(&text(&folder.join(predictions)));
        assert_eq!(predicted.dim(), truth.dim(), "{name}");
        let most = (&predicted - &truth).fold(0.0, |most: f32, difference| {
            assert!(!difference.is_nan());
            most.max(difference.abs())
        });
        eprintln!("{name}: {most:e}");
        assert!(
            most < 1e-6 * truth.fold(1.0, |most: f32, value| most.max(value.abs())),
            "{name}: {most:e}"
        );
    }
}
