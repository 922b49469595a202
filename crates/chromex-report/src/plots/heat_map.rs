use ndarray::ArrayView3;

use super::axes::{self, Axis};
use super::canvas::{Anchor, BLUE, Canvas, GREY, INK, shortened};
use crate::Result;

const LEFT: f64 = 24.0;
const TOP: f64 = 64.0;
const PANEL: (f64, f64) = (150.0, 300.0);
const GAP: f64 = 22.0;
/// What cannot be told apart in a panel is drawn as one.
const STRIPS: usize = 50;
const COLUMNS: usize = 50;

/// Draws the signal of each mark, a panel per mark: genes from top to bottom, the strongest of the first mark on top,
/// and bins from left to right. Genes are drawn in strips of their mean, darker where the signal is stronger; a panel
/// is darkest at the 99th percentile of its strips.
///
/// # Shapes
///
/// `signal` is `[genes, bins, marks]`.
///
/// # Errors
///
/// [`Error::Draw`](crate::Error::Draw) when drawing fails.
pub fn heat_map(
    title: &str,
    signal: ArrayView3<'_, f32>,
    marks: &[String],
    (first_bp, bin_width_bp): (f64, f64),
) -> Result<String> {
    let (genes, bins, _) = signal.dim();
    let order = order(&signal);
    let panels = marks.len().max(1) as f64;
    let width = (LEFT + panels * (PANEL.0 + GAP)).max(320.0);
    Canvas::draw("heat map", (width, TOP + PANEL.1 + 50.0), |canvas| {
        let heading = shortened(title, 60);
        canvas.text(&heading, (LEFT, 22.0), 16.0, INK, Anchor::Start)?;
        for (mark, name) in marks.iter().enumerate() {
            let left = LEFT + mark as f64 * (PANEL.0 + GAP);
            let (rows, columns) = (genes.min(STRIPS), bins.min(COLUMNS));
            let mean = |row: usize, column: usize| {
                let genes = &order[share(row, rows, genes)];
                let bins = share(column, columns, bins);
                let count = genes.len() * bins.len();
                let values = genes
                    .iter()
                    .flat_map(|&gene| bins.clone().map(move |bin| (gene, bin)));
                let sum: f64 = values
                    .map(|(gene, bin)| f64::from(signal[[gene, bin, mark]]))
                    .sum();
                sum / count.max(1) as f64
            };
            let means: Vec<Vec<f64>> = (0..rows)
                .map(|row| (0..columns).map(|column| mean(row, column)).collect())
                .collect();
            let darkest = percentile(&means);
            let note = format!("{}, to {darkest:.3}", shortened(name, 14));
            canvas.text(&note, (left, 48.0), 11.5, GREY, Anchor::Start)?;
            let (across, down) = (PANEL.0 / columns as f64, PANEL.1 / rows as f64);
            for (row, values) in means.iter().enumerate() {
                for (column, value) in values.iter().enumerate() {
                    let opacity = (value / darkest).clamp(0.0, 1.0);
                    if opacity > 0.01 {
                        let from = (left + column as f64 * across, TOP + row as f64 * down);
                        let to = (from.0 + across, from.1 + down);
                        canvas.rectangle(from, to, BLUE, (opacity * 50.0).round() / 50.0)?;
                    }
                }
            }
            let x = Axis {
                low: first_bp / 1000.0,
                high: (first_bp + bins as f64 * bin_width_bp) / 1000.0,
                pixels: (left, left + PANEL.0),
            };
            axes::vertical(
                canvas,
                &x,
                (TOP + PANEL.1, TOP + PANEL.1),
                "kb from the start",
            )?;
        }
        Ok(())
    })
}

/// Sorts genes by the first mark, the strongest first.
fn order(signal: &ArrayView3<'_, f32>) -> Vec<usize> {
    let (genes, _, marks) = signal.dim();
    let strength = |gene: usize| -> f64 {
        match marks {
            0 => 0.0,
            _ => signal
                .slice(ndarray::s![gene, .., 0])
                .iter()
                .map(|&value| f64::from(value))
                .sum(),
        }
    };
    let mut keyed: Vec<(f64, usize)> = (0..genes).map(|gene| (strength(gene), gene)).collect();
    keyed.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    keyed.into_iter().map(|(_, gene)| gene).collect()
}

/// The places that part `index` of so many parts has.
fn share(index: usize, parts: usize, places: usize) -> std::ops::Range<usize> {
    index * places / parts..(index + 1) * places / parts
}

fn percentile(means: &[Vec<f64>]) -> f64 {
    let mut all: Vec<f64> = means
        .iter()
        .flatten()
        .copied()
        .filter(|value| value.is_finite())
        .collect();
    all.sort_by(f64::total_cmp);
    let place = (all.len() * 99 / 100).min(all.len().saturating_sub(1));
    match all.get(place) {
        Some(&value) if value > 0.0 => value,
        _ => all
            .last()
            .copied()
            .filter(|&value| value > 0.0)
            .unwrap_or(1.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plots::attributes;
    use ndarray::Array3;

    #[test]
    fn each_cell_above_nothing_is_drawn_and_the_strongest_gene_stands_on_top() {
        let mut signal = Array3::zeros((3, 4, 1));
        signal[[2, 1, 0]] = 9.0_f32;
        signal[[0, 3, 0]] = 4.0;
        let svg = heat_map("E003", signal.view(), &["H3K4me3".into()], (-200.0, 100.0)).unwrap();
        let tops = attributes(&svg, "rect", "y");
        // The sheet and two cells.
        assert_eq!(tops.len(), 3);
        let number = |text: &String| text.parse::<f64>().unwrap();
        assert_eq!(number(&tops[1]), TOP * 10.0);
        assert!(number(&tops[2]) > number(&tops[1]));
        assert_eq!(order(&signal.view()), [2, 0, 1]);
    }

    #[test]
    fn large_and_empty_signals_are_drawn() {
        let large = Array3::from_elem((1000, 400, 2), 1.0_f32);
        let marks = ["a".to_owned(), "b".to_owned()];
        let svg = heat_map("large", large.view(), &marks, (0.0, 1.0)).unwrap();
        assert_eq!(
            attributes(&svg, "rect", "y").len(),
            1 + 2 * STRIPS * COLUMNS
        );
        let empty = Array3::zeros((0, 0, 0));
        assert!(heat_map("empty", empty.view(), &[], (0.0, 1.0)).is_ok());
    }
}
