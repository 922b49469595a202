use super::axes::{self, Axis};
use super::canvas::{Anchor, Canvas, GREY, INK, LIGHT, PALETTE, Stroke, shortened, text_width};
use crate::Result;

const LEFT: f64 = 72.0;
const TOP: f64 = 58.0;
const PLOT: (f64, f64) = (520.0, 300.0);

/// Draws the average of each mark along the windows: one line per mark of a value per bin, over base pairs from the
/// transcription start.
///
/// `first_bp` is where the first bin begins, below 0 where it lies before the start; `bin_width_bp` what a bin spans.
///
/// # Errors
///
/// [`Error::Draw`](crate::Error::Draw) when drawing fails.
///
/// # Examples
///
/// ```
/// let marks = [("H3K4me3".to_owned(), vec![1.0, 5.0, 9.0, 4.0])];
/// let svg = chromex_report::plots::profile("E003", &marks, (-200.0, 100.0))?;
/// assert!(svg.starts_with("<svg"));
/// # Ok::<(), chromex_report::Error>(())
/// ```
pub fn profile(
    title: &str,
    marks: &[(String, Vec<f64>)],
    (first_bp, bin_width_bp): (f64, f64),
) -> Result<String> {
    let labels: Vec<String> = marks.iter().map(|(name, _)| shortened(name, 48)).collect();
    let widths = labels.iter().map(|label| text_width(label, 12.0));
    let widest = widths.fold(0.0, f64::max);
    let legend = LEFT + PLOT.0 + 18.0;
    let height = (TOP + PLOT.1 + 50.0).max(TOP + 20.0 * marks.len() as f64 + 16.0);
    let place = |bin: usize| first_bp + (bin as f64 + 0.5) * bin_width_bp;
    Canvas::draw("profile", (legend + 56.0 + widest, height), |canvas| {
        let heading = shortened(title, 60);
        canvas.text(&heading, (LEFT, 22.0), 16.0, INK, Anchor::Start)?;
        let all = || marks.iter().flat_map(|(_, values)| values.iter().copied());
        let left_out = all().filter(|value| !value.is_finite()).count();
        if left_out > 0 {
            let note = format!("not finite and left out: {left_out}");
            canvas.text(&note, (LEFT, 42.0), 11.5, GREY, Anchor::Start)?;
        }
        let bins = marks
            .iter()
            .map(|(_, values)| values.len())
            .max()
            .unwrap_or(0);
        let x = Axis {
            low: first_bp,
            high: first_bp + (bins.max(1) as f64) * bin_width_bp,
            pixels: (LEFT, LEFT + PLOT.0),
        };
        let y = Axis::around(all().chain([0.0]), (TOP + PLOT.1, TOP));
        axes::draw(
            canvas,
            (&x, &y),
            ("base pairs from the transcription start", "mean per bin"),
        )?;
        if x.low < 0.0 && x.high > 0.0 {
            let start = Stroke {
                colour: LIGHT,
                width: 2.0,
                dash: true,
            };
            let at = x.place(0.0);
            canvas.line(&[(at, TOP), (at, TOP + PLOT.1)], start)?;
        }
        for (index, (_, values)) in marks.iter().enumerate() {
            let stroke = Stroke {
                colour: PALETTE[index % PALETTE.len()],
                width: 1.8,
                dash: index >= PALETTE.len(),
            };
            let at = TOP + 10.0 + 20.0 * index as f64;
            canvas.line(&[(legend, at), (legend + 26.0, at)], stroke)?;
            canvas.text(
                &labels[index],
                (legend + 33.0, at),
                12.0,
                INK,
                Anchor::Start,
            )?;
            let finite = values
                .iter()
                .enumerate()
                .filter(|(_, value)| value.is_finite());
            let points: Vec<(f64, f64)> = finite
                .map(|(bin, &value)| (x.place(place(bin)), y.place(value)))
                .collect();
            match points[..] {
                [] => {}
                [only] => canvas.circle(only, 3.0, stroke.colour, 1.0)?,
                _ => canvas.line(&points, stroke)?,
            }
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plots::attributes;

    #[test]
    fn each_mark_is_a_line_of_its_finite_bins() {
        let marks = [
            ("H3K4me3".to_owned(), vec![1.0, 2.0, f64::NAN, 3.0]),
            ("<other>".to_owned(), vec![0.0; 4]),
        ];
        let svg = profile("E003 & more", &marks, (-200.0, 100.0)).unwrap();
        let lines = attributes(&svg, "polyline", "points");
        let lengths: Vec<usize> = lines
            .iter()
            .map(|points| points.split_whitespace().count())
            .collect();
        assert_eq!(lengths.iter().filter(|&&length| length == 3).count(), 1);
        assert_eq!(lengths.iter().filter(|&&length| length == 4).count(), 1);
        assert!(svg.contains("not finite and left out: 1") && svg.contains("&lt;other&gt;"));
    }

    #[test]
    fn nothing_is_drawn_too() {
        assert!(profile("none", &[], (0.0, 100.0)).is_ok());
        assert!(profile("one", &[("a".to_owned(), vec![1.0])], (0.0, 100.0)).is_ok());
    }
}
