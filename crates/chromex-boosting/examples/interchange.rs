//! Converts models of XGBoost: reads every model in a folder, and writes it back in both formats with what it predicts.
//!
//! `cargo run --release --example interchange -- FOLDER`
//!
//! A model is a file `NAME.json`, `NAME.ubj` or `NAME.model` (the binary format of old versions) in FOLDER. Its two
//! copies go to FOLDER/chromex, from where XGBoost reads them, since version 1.7. Where FOLDER/NAME.csv holds rows of numbers
//! without a header, their predictions go to FOLDER/chromex/FILE.csv. Where `NAME.targets.csv` stands beside it, a model
//! is fitted to both and written as well, as `NAME.fitted.*`.

#![allow(clippy::print_stdout)]

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use chromex_boosting::{GradientBoosting, TreeMethod, XgboostModel};
use ndarray::Array2;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args_os().nth(1).map(PathBuf::from);
    let folder = folder.ok_or("usage: interchange FOLDER")?;
    let out = folder.join("chromex");
    std::fs::create_dir_all(&out)?;
    let mut entries: Vec<PathBuf> = std::fs::read_dir(&folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    entries.sort();
    for path in entries {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let stem = path.with_extension("");
        match path.extension().and_then(|ending| ending.to_str()) {
            Some("json" | "ubj" | "model") => {
                let model = XgboostModel::load(&path)?;
                save(&model, &out, &name, &stem.with_extension("csv"))?;
            }
            Some("csv") if stem.extension().is_some_and(|ending| ending == "targets") => {
                let inputs = stem.with_extension("csv");
                let booster = GradientBoosting {
                    rounds: 20,
                    max_depth: 4,
                    tree_method: TreeMethod::Histogram { max_bins: 64 },
                    ..GradientBoosting::default()
                };
                let model = booster.fit_table(read(&inputs)?.view(), read(&path)?.view())?;
                let stem = stem.with_extension("fitted");
                let name = stem.file_name().unwrap_or_default().to_string_lossy();
                save(&XgboostModel::Trees(model), &out, &name, &inputs)?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// Writes a model in both formats, and the predictions for a table if there is one.
fn save(model: &XgboostModel, out: &Path, name: &str, table: &Path) -> Result<(), Box<dyn Error>> {
    for ending in ["json", "ubj"] {
        let path = out.join(format!("{name}.{ending}"));
        match model {
            XgboostModel::Trees(model) => model.save(&path)?,
            XgboostModel::Linear(model) => model.save(&path)?,
            _ => return Err("a kind of model that this example does not know".into()),
        }
    }
    if table.exists() {
        let mut text = String::new();
        for row in model.predict_table(read(table)?.view())?.rows() {
            let cells: Vec<String> = row.iter().map(f32::to_string).collect();
            writeln!(text, "{}", cells.join(","))?;
        }
        std::fs::write(out.join(format!("{name}.csv")), text)?;
    }
    println!("{name}");
    Ok(())
}

/// Reads rows of numbers; what is no number is missing.
fn read(path: &Path) -> Result<Array2<f32>, Box<dyn Error>> {
    let text = std::fs::read_to_string(path)?;
    let rows: Vec<Vec<f32>> = text
        .lines()
        .map(|line| {
            let cells = line.split(',');
            cells.map(|cell| cell.parse().unwrap_or(f32::NAN)).collect()
        })
        .collect();
    let columns = rows.first().map_or(0, Vec::len);
    Ok(Array2::from_shape_vec(
        (rows.len(), columns),
        rows.concat(),
    )?)
}
