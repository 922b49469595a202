use ndarray::ArrayView2;
use plotters::style::RGBColor;

use super::axes::Axis;
use super::canvas::{Anchor, Canvas, GREY, INK, Stroke, shortened, text_width};
use crate::Result;

/// Half of the colour scale: from white to these at the largest magnitude.
const ABOVE: (f64, f64, f64) = (213.0, 94.0, 0.0);
const BELOW: (f64, f64, f64) = (0.0, 114.0, 178.0);
const TOP: f64 = 44.0;
const ROW: f64 = 26.0;
const WIDTH: f64 = 620.0;

/// What the columns of a map stand for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Columns<'a> {
    /// Things of a name, numbered from 1.
    Numbered(&'a str),
    /// Stretches of an axis of a name.
    Placed {
        /// What the axis measures, with its unit.
        name: &'a str,
        /// Where the first column begins.
        first: f64,
        /// How far a column goes.
        width: f64,
    },
}

impl<'a> From<&'a str> for Columns<'a> {
    fn from(name: &'a str) -> Self {
        Self::Numbered(name)
    }
}

/// Which numbers a map can have.
#[derive(Clone, Copy, PartialEq)]
enum Scale {
    Signed,
    OneSided,
}

/// Draws a table of signed numbers as colours, a line per row: white is 0, orange above, blue below, each full at the largest
/// magnitude of the table. What cannot be below 0 is drawn by [`one_sided_map`].
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
pub fn signed_map<'a, S: AsRef<str>>(
    title: &str,
    columns: impl Into<Columns<'a>>,
    rows: &[S],
    values: ArrayView2<'_, f32>,
) -> Result<String> {
    map(title, columns.into(), rows, values, Scale::Signed)
}

/// Draws a table of numbers that cannot be below 0, such as attention, as colours: white is 0, orange the largest. A number below 0
/// is grey as one that is none.
///
/// # Shapes
///
/// As [`signed_map`].
///
/// # Errors
///
/// [`Error::Draw`](crate::Error::Draw) when drawing fails.
///
/// # Examples
///
/// ```
/// use chromex_report::plots::{Columns, one_sided_map};
/// let attention = ndarray::array![[0.25, 0.5], [0.75, 0.5]];
/// let bins = Columns::Placed { name: "base pairs from the start", first: -100.0, width: 100.0 };
/// let svg = one_sided_map("Attention", bins, &["H3K4me3", "H3K9me3"], attention.view())?;
/// assert!(svg.contains("white 0, orange") && !svg.contains("blue"));
/// # Ok::<(), chromex_report::Error>(())
/// ```
pub fn one_sided_map<'a, S: AsRef<str>>(
    title: &str,
    columns: impl Into<Columns<'a>>,
    rows: &[S],
    values: ArrayView2<'_, f32>,
) -> Result<String> {
    map(title, columns.into(), rows, values, Scale::OneSided)
}

fn map<S: AsRef<str>>(
    title: &str,
    columns: Columns<'_>,
    rows: &[S],
    values: ArrayView2<'_, f32>,
    scale: Scale,
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
        .filter(|value| value.is_finite() && (scale == Scale::Signed || **value > 0.0))
        .fold(0.0_f64, |largest, value| {
            largest.max(f64::from(value.abs()))
        });
    Canvas::draw("heat map", (left + WIDTH + 20.0, bottom + 66.0), |canvas| {
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
                let share = match scale == Scale::OneSided && value < 0.0 {
                    true => f64::NAN,
                    false => value / largest.max(f64::MIN_POSITIVE),
                };
                canvas.rectangle(from, to, colour(share), 1.0)?;
            }
        }
        let name = match columns {
            Columns::Numbered(name) => {
                for (column, anchor) in [(1, Anchor::Start), (count, Anchor::End)] {
                    let at = left + step * if column == 1 { 0.0 } else { count as f64 };
                    canvas.text(&column.to_string(), (at, bottom + 12.0), 11.0, GREY, anchor)?;
                }
                canvas.text(
                    name,
                    (left + WIDTH / 2.0, bottom + 12.0),
                    12.0,
                    INK,
                    Anchor::Middle,
                )?;
                None
            }
            Columns::Placed { name, first, width } => {
                let axis = Axis {
                    low: first,
                    high: first + width * count as f64,
                    pixels: (left, left + WIDTH),
                };
                let tick = Stroke {
                    colour: GREY,
                    width: 1.0,
                    dash: false,
                };
                for (value, label) in axis.ticks(8.0) {
                    let at = axis.place(value);
                    canvas.line(&[(at, bottom), (at, bottom + 4.0)], tick)?;
                    canvas.text(&label, (at, bottom + 12.0), 11.0, GREY, Anchor::Middle)?;
                }
                Some(name)
            }
        };
        let scale = match scale {
            Scale::Signed => format!("blue -{largest:.3e}, white 0, orange {largest:.3e}"),
            Scale::OneSided => format!("white 0, orange {largest:.3e}"),
        };
        if let Some(name) = name {
            canvas.text(
                name,
                (left + WIDTH / 2.0, bottom + 29.0),
                12.0,
                INK,
                Anchor::Middle,
            )?;
        }
        canvas.text(&scale, (left, bottom + 46.0), 11.0, GREY, Anchor::Start)
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

    #[test]
    fn what_cannot_be_below_zero_has_a_scale_of_one_side_and_places_stand_below() {
        let values = array![[0.25, 0.5], [0.75, -0.5]];
        let bins = Columns::Placed {
            name: "base pairs from the start",
            first: -100.0,
            width: 100.0,
        };
        let svg = one_sided_map("Attention", bins, &["a", "b"], values.view()).unwrap();
        assert!(!svg.contains("blue") && svg.contains("white 0, orange 7.500e-1"));
        assert!(svg.contains("base pairs from the start"));
        for tick in [">-100<", ">0<", ">100<"] {
            assert!(
                svg.replace(char::is_whitespace, "").contains(tick),
                "{tick}"
            );
        }
        // Full orange at the largest, and no blue for what is below 0.
        let cells = super::super::attributes(&svg, "rect", "fill");
        assert!(
            cells
                .iter()
                .any(|fill| fill.eq_ignore_ascii_case("#D55E00")),
            "{cells:?}"
        );
        assert!(
            !cells
                .iter()
                .any(|fill| fill.eq_ignore_ascii_case("#0072B2"))
        );
    }
}
