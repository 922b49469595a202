use chromex_core::{Metric, Prediction, Predictions};
use chromex_metrics::Pearson;
use ndarray::Array1;
use plotters::style::RGBColor;

use super::axes::{self, Axis};
use super::canvas::{Anchor, BLUE, Canvas, GREY, INK, Stroke, shortened};
use crate::Result;

/// The side of a panel's square.
const SIDE: f64 = 280.0;
const LEFT: f64 = 66.0;
const TOP: f64 = 54.0;
const PANEL: (f64, f64) = (LEFT + SIDE + 16.0, TOP + SIDE + 54.0);
const TITLE: f64 = 34.0;
const COLUMNS: usize = 3;
/// From so many points on, single ones cannot be seen: cells are shaded by their number of points.
const MOST_POINTS: usize = 3000;
const CELLS: usize = 70;

/// Draws a model's predictions (up) against the observed values (across), one square per target.
///
/// All folds are drawn, of the first seed. Both axes span the same values; the line is where prediction
/// and observation agree. Above three thousand points, cells are shaded by how many points they hold.
///
/// # Errors
///
/// [`Error::Core`](crate::Error::Core) when there is no model of this name;
/// [`Error::Draw`](crate::Error::Draw) when drawing fails.
pub fn scatter(predictions: &Predictions, model: &str) -> Result<String> {
    let of_model: Vec<&Prediction> = predictions
        .records
        .iter()
        .filter(|record| record.model == model)
        .collect();
    let Some(first) = of_model.first() else {
        return Err(chromex_core::Error::UnknownName {
            what: "model",
            name: model.to_owned(),
            known: predictions.models().into_iter().map(String::from).collect(),
        }
        .into());
    };
    let seed = first.seed;
    let mut targets: Vec<&String> = Vec::new();
    for target in of_model.iter().flat_map(|record| &record.targets) {
        if !targets.contains(&target) {
            targets.push(target);
        }
    }
    let columns = targets.len().clamp(1, COLUMNS);
    let rows = targets.len().div_ceil(columns).max(1);
    let size = (columns as f64 * PANEL.0, TITLE + rows as f64 * PANEL.1);
    Canvas::draw("scatter plot", size, |canvas| {
        let most = (size.0 / 9.0) as usize;
        let title = shortened(model, most);
        canvas.text(&title, (LEFT, 22.0), 16.0, INK, Anchor::Start)?;
        for (index, target) in targets.iter().enumerate() {
            let corner = (
                (index % columns) as f64 * PANEL.0,
                TITLE + (index / columns) as f64 * PANEL.1,
            );
            let points = Points::of(&of_model, target, seed);
            panel(canvas, corner, target, seed, &points)?;
        }
        Ok(())
    })
}

/// The finite pairs of one target.
struct Points {
    truth: Vec<f32>,
    predicted: Vec<f32>,
    left_out: usize,
}

impl Points {
    fn of(records: &[&Prediction], target: &str, seed: u64) -> Self {
        let mut points = Self {
            truth: Vec::new(),
            predicted: Vec::new(),
            left_out: 0,
        };
        for record in records.iter().filter(|record| record.seed == seed) {
            let Some(column) = record.targets.iter().position(|name| name == target) else {
                continue;
            };
            let pairs = record.truth.column(column).into_iter();
            for (&truth, &predicted) in pairs.zip(record.predicted.column(column)) {
                if truth.is_finite() && predicted.is_finite() {
                    points.truth.push(truth);
                    points.predicted.push(predicted);
                } else {
                    points.left_out += 1;
                }
            }
        }
        points
    }

    fn pairs(&self) -> impl Iterator<Item = (f64, f64)> {
        let truth = self.truth.iter().map(|&value| f64::from(value));
        truth.zip(self.predicted.iter().map(|&value| f64::from(value)))
    }

    fn caption(&self, seed: u64) -> String {
        let truth = Array1::from_vec(self.truth.clone());
        let predicted = Array1::from_vec(self.predicted.clone());
        let r = Pearson.score(truth.view(), predicted.view());
        let r = match r.is_finite() {
            true => format!("r = {r:.3}"),
            false => "r undefined".into(),
        };
        let left_out = match self.left_out {
            0 => String::new(),
            count => format!(", {count} not finite left out"),
        };
        format!("{r}, n = {}{left_out}, seed {seed}", self.truth.len())
    }
}

fn panel(
    canvas: &Canvas<'_>,
    (x0, y0): (f64, f64),
    target: &str,
    seed: u64,
    points: &Points,
) -> Result<()> {
    let (left, top) = (x0 + LEFT, y0 + TOP);
    let both = points
        .pairs()
        .flat_map(|(truth, predicted)| [truth, predicted]);
    let x = Axis::around(both, (left, left + SIDE));
    let y = Axis {
        pixels: (top + SIDE, top),
        ..x
    };
    let heading = shortened(target, 40);
    canvas.text(&heading, (left, y0 + 16.0), 13.0, INK, Anchor::Start)?;
    canvas.text(
        &points.caption(seed),
        (left, y0 + 35.0),
        11.5,
        GREY,
        Anchor::Start,
    )?;
    axes::draw(canvas, (&x, &y), ("observed", "predicted"))?;
    let agree = Stroke {
        colour: GREY,
        width: 1.0,
        dash: true,
    };
    if points.truth.len() > MOST_POINTS {
        shade(canvas, points, &x, &y)?;
    } else {
        let (radius, opacity) = match points.truth.len() {
            0..=500 => (2.6, 0.55),
            _ => (2.0, 0.35),
        };
        for (truth, predicted) in points.pairs() {
            canvas.circle((x.place(truth), y.place(predicted)), radius, BLUE, opacity)?;
        }
    }
    canvas.line(&[(left, top + SIDE), (left + SIDE, top)], agree)
}

fn shade(canvas: &Canvas<'_>, points: &Points, x: &Axis, y: &Axis) -> Result<()> {
    let width = SIDE / CELLS as f64;
    let mut counts = vec![0_u32; CELLS * CELLS];
    let cell = |pixels: f64| ((pixels / width) as usize).min(CELLS - 1);
    for (truth, predicted) in points.pairs() {
        let across = cell(x.place(truth) - x.pixels.0);
        let down = cell(y.place(predicted) - y.pixels.1);
        counts[down * CELLS + across] += 1;
    }
    let most = counts.iter().copied().max().unwrap_or(1).max(2);
    for (place, &count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        let share = f64::from(count).ln() / f64::from(most).ln();
        let from = (
            x.pixels.0 + (place % CELLS) as f64 * width,
            y.pixels.1 + (place / CELLS) as f64 * width,
        );
        canvas.rectangle(from, (from.0 + width, from.1 + width), shade_of(share), 1.0)?;
    }
    Ok(())
}

/// From a light blue, that can be seen on white, to a dark one.
fn shade_of(share: f64) -> RGBColor {
    let mix = |light: f64, dark: f64| (light + share * (dark - light)).round() as u8;
    RGBColor(mix(178.0, 3.0), mix(212.0, 30.0), mix(236.0, 80.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;
    use crate::plots::attributes;
    use ndarray::Array2;

    fn predictions(rows: usize, targets: usize, seeds: u64) -> Predictions {
        let truth = Array2::from_shape_fn((rows, targets), |(row, _)| row as f32);
        let record = |fold: &str, seed| Prediction {
            model: "a <model>".into(),
            fold: fold.into(),
            seed,
            targets: (0..targets).map(|t| format!("tissue & {t}")).collect(),
            ids: (0..rows).map(|row| row.to_string()).collect(),
            clusters: (0..rows).map(|row| row.to_string()).collect(),
            strata: Vec::new(),
            predicted: truth.mapv(|v| v * 2.0),
            truth: truth.clone(),
        };
        let records = (0..seeds).flat_map(|seed| [record("0", seed), record("1", seed)]);
        Predictions {
            records: records.collect(),
        }
    }

    #[test]
    fn every_finite_point_of_the_first_seed_is_drawn() {
        let mut given = predictions(20, 2, 3);
        given.records[0].predicted[[3, 0]] = f32::NAN;
        let svg = scatter(&given, "a <model>").unwrap();
        // 2 folds of 20 rows and 2 targets, one of them not finite.
        assert_eq!(attributes(&svg, "circle", "r").len(), 79);
        assert!(svg.contains("r = 1.000, n = 39, 1 not finite left out, seed 0"));
        assert!(svg.contains("r = 1.000, n = 40, seed 0"));
        assert!(svg.contains("a &lt;model&gt;") && svg.contains("tissue &amp; 1"));
    }

    #[test]
    fn points_where_prediction_and_observation_agree_lie_on_the_diagonal() {
        let mut given = predictions(10, 1, 1);
        for record in &mut given.records {
            record.predicted = record.truth.clone();
        }
        let svg = scatter(&given, "a <model>").unwrap();
        let (x, y) = (
            attributes(&svg, "circle", "cx"),
            attributes(&svg, "circle", "cy"),
        );
        let corner = ((LEFT * 10.0) as i32, ((TITLE + TOP + SIDE) * 10.0) as i32);
        for (x, y) in x.iter().zip(&y) {
            let (x, y): (i32, i32) = (x.parse().unwrap(), y.parse().unwrap());
            assert!(((x - corner.0) - (corner.1 - y)).abs() <= 1, "{x} {y}");
        }
    }

    #[test]
    fn many_points_are_shaded_and_the_file_stays_small() {
        let svg = scatter(&predictions(50_000, 1, 1), "a <model>").unwrap();
        assert!(attributes(&svg, "circle", "r").is_empty());
        assert!(svg.contains("n = 100000") && svg.len() < 1_000_000);
    }

    #[test]
    fn constants_empty_folds_and_unknown_models_do_not_fail_badly() {
        let mut constant = predictions(5, 1, 1);
        constant.records[0].predicted.fill(1.0);
        constant.records.truncate(1);
        let svg = scatter(&constant, "a <model>").unwrap();
        assert!(svg.contains("r undefined, n = 5"));
        assert!(
            scatter(&predictions(0, 1, 1), "a <model>")
                .unwrap()
                .contains("n = 0")
        );
        assert!(scatter(&predictions(0, 0, 1), "a <model>").is_ok());
        let error = scatter(&constant, "other").unwrap_err();
        assert!(matches!(error, Error::Core(_)));
    }
}
