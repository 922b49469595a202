use ndarray::ArrayView2;
use plotters::style::RGBColor;

use super::canvas::{Anchor, Canvas, GREY, INK, shortened, text_width};
use crate::Result;

/// Half of the colour scale: from white to these at the largest magnitude.
const ABOVE: (f64, f64, f64) = (213.0, 94.0, 0.0);
const BELOW: (f64, f64, f64) = (0.0, 114.0, 178.0);
const TOP: f64 = 44.0;
const ROW: f64 = 26.0;
const WIDTH: f64 = 620.0;

/// Draws a table of signed numbers as colours, a line per row: white is 0, orange above, blue below, each full at the largest
/// magnitude of the table.
///
/// # Shapes
///
/// `values` is `[columns, rows]`, as maps of bins and marks are; one label per row.
///
/// # Errors
///
/// [`Error::Draw`](crate::Error::Draw) when drawing fails.
///
/// # Examples
///
/// ```
/// let values = ndarray::array![[0.0, 1.0], [-2.0, 0.5]];
/// let svg = chromex_report::plots::signed_map("Gradients", "bin", &["H3K4me3", "H3K9me3"], values.view())?;
/// assert!(svg.starts_with("<svg"));
/// # Ok::<(), chromex_report::Error>(())
/// ```
pub fn signed_map<S: AsRef<str>>(
    title: &str,
    columns: &str,
    rows: &[S],
    values: ArrayView2<'_, f32>,
) -> Result<String> {
    let labels: Vec<String> = rows.iter().map(|row| shortened(row.as_ref(), 24)).collect();
    let widest = labels
        .iter()
        .map(|label| text_width(label, 12.0))
        .fold(0.0, f64::max);
    let left = widest + 20.0;
    let bottom = TOP + ROW * labels.len() as f64;
    let largest = values
        .iter()
        .filter(|value| value.is_finite())
        .fold(0.0_f64, |largest, value| {
            largest.max(f64::from(value.abs()))
        });
    Canvas::draw("heat map", (left + WIDTH + 20.0, bottom + 56.0), |canvas| {
        canvas.text(
            &shortened(title, 80),
            (12.0, 20.0),
            15.0,
            INK,
            Anchor::Start,
        )?;
        let count = values.nrows().max(1);
        let step = WIDTH / count as f64;
        for (row, label) in labels.iter().enumerate() {
            let at = TOP + ROW * row as f64;
            canvas.text(label, (left - 8.0, at + ROW / 2.0), 12.0, INK, Anchor::End)?;
            for column in 0..values.nrows() {
                let value = f64::from(values[[column, row.min(values.ncols() - 1)]]);
                let from = (left + step * column as f64, at + 1.0);
                let to = (left + step * (column + 1) as f64, at + ROW - 1.0);
                canvas.rectangle(
                    from,
                    to,
                    colour(value / largest.max(f64::MIN_POSITIVE)),
                    1.0,
                )?;
            }
        }
        for (column, anchor) in [(1, Anchor::Start), (count, Anchor::End)] {
            let at = left + step * if column == 1 { 0.0 } else { count as f64 };
            canvas.text(&column.to_string(), (at, bottom + 12.0), 11.0, GREY, anchor)?;
        }
        canvas.text(
            columns,
            (left + WIDTH / 2.0, bottom + 12.0),
            12.0,
            INK,
            Anchor::Middle,
        )?;
        let scale = format!("blue -{largest:.3e}, white 0, orange {largest:.3e}");
        canvas.text(&scale, (left, bottom + 36.0), 11.0, GREY, Anchor::Start)
    })
}

/// A colour for a share of the largest magnitude, -1 to 1; what is no number is grey.
fn colour(share: f64) -> RGBColor {
    if !share.is_finite() {
        return GREY;
    }
    let (end, part) = (
        if share < 0.0 { BELOW } else { ABOVE },
        share.abs().min(1.0),
    );
    let mix = |to: f64| (255.0 + (to - 255.0) * part).round() as u8;
    RGBColor(mix(end.0), mix(end.1), mix(end.2))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn colours_run_from_blue_over_white_to_orange() {
        assert_eq!(colour(0.0), RGBColor(255, 255, 255));
        assert_eq!(colour(1.0), RGBColor(213, 94, 0));
        assert_eq!(colour(-2.0), RGBColor(0, 114, 178));
        assert_eq!(colour(f64::NAN), GREY);
    }

    #[test]
    fn every_number_has_a_cell_and_every_row_its_label() {
        let values = array![[0.0, 1.0], [-2.0, f32::NAN], [0.5, 0.5]];
        let svg = signed_map("A <title>", "bin", &["first", "second"], values.view()).unwrap();
        let cells = super::super::attributes(&svg, "rect", "fill");
        assert!(cells.len() >= 6, "{}", cells.len());
        assert!(svg.contains("first") && svg.contains("second") && svg.contains("&lt;title"));
        assert!(svg.contains("2.000e0"));
    }
}
