use plotters::style::RGBColor;

use super::axes::{self, Axis};
use super::canvas::{Anchor, Canvas, GREY, INK, PALETTE, Stroke, shortened, text_width};
use crate::Result;

const LEFT: f64 = 72.0;
const TOP: f64 = 58.0;
const PLOT: (f64, f64) = (520.0, 300.0);
/// A curve of more points is drawn by the lowest and highest of each of so many stretches.
const STRETCHES: usize = 600;
/// What the name of a series has behind that of the series it validates.
const VALIDATION: &str = ", validation";

/// Draws losses over steps, one line per series of `(step, loss)`.
///
/// A series named as another with `, validation` behind it has the other's colour, dashed.
///
/// # Errors
///
/// [`Error::Draw`](crate::Error::Draw) when drawing fails.
///
/// # Examples
///
/// ```
/// let train = ("train".to_owned(), vec![(0.0, 2.5), (1.0, 1.5), (2.0, 1.2)]);
/// let svg = chromex_report::plots::loss_curve("Loss", &[train])?;
/// assert!(svg.starts_with("<svg"));
/// # Ok::<(), chromex_report::Error>(())
/// ```
pub fn loss_curve(title: &str, series: &[(String, Vec<(f64, f64)>)]) -> Result<String> {
    lines(title, ("step", "loss"), series)
}

/// Draws one line per series of `(x, y)`; `axes` names x and y.
///
/// A series named as another with `, validation` behind it has the other's colour, dashed.
///
/// # Errors
///
/// [`Error::Draw`](crate::Error::Draw) when drawing fails.
///
/// # Examples
///
/// ```
/// let rows = ("rows".to_owned(), vec![(1.0, 0.1), (2.0, 0.2), (4.0, 0.4)]);
/// let svg = chromex_report::plots::lines("Cost", ("times as many", "seconds"), &[rows])?;
/// assert!(svg.contains("seconds"));
/// # Ok::<(), chromex_report::Error>(())
/// ```
pub fn lines(
    title: &str,
    axes: (&str, &str),
    series: &[(String, Vec<(f64, f64)>)],
) -> Result<String> {
    let labels: Vec<String> = series.iter().map(|(name, _)| shortened(name, 48)).collect();
    let widest = labels
        .iter()
        .map(|label| text_width(label, 12.0))
        .fold(0.0, f64::max);
    let legend = LEFT + PLOT.0 + 18.0;
    let rows = series.len() as f64;
    let height = (TOP + PLOT.1 + 50.0).max(TOP + 20.0 * rows + 16.0);
    Canvas::draw("lines", (legend + 40.0 + widest, height), |canvas| {
        canvas.text(
            &shortened(title, 60),
            (LEFT, 22.0),
            16.0,
            INK,
            Anchor::Start,
        )?;
        let (finite, left_out) = finite(series);
        if left_out > 0 {
            let note = format!("not finite and left out: {left_out}");
            canvas.text(&note, (LEFT, 42.0), 11.5, GREY, Anchor::Start)?;
        }
        let points = || finite.iter().flatten();
        let x = Axis::around(points().map(|p| p.0), (LEFT, LEFT + PLOT.0));
        let y = Axis::around(points().map(|p| p.1), (TOP + PLOT.1, TOP));
        axes::draw(canvas, (&x, &y), axes)?;
        for (index, points) in finite.iter().enumerate() {
            let stroke = stroke(series, index);
            let at = TOP + 10.0 + 20.0 * index as f64;
            canvas.line(&[(legend, at), (legend + 26.0, at)], stroke)?;
            canvas.text(
                &labels[index],
                (legend + 33.0, at),
                12.0,
                INK,
                Anchor::Start,
            )?;
            let drawn: Vec<(f64, f64)> = thinned(points)
                .into_iter()
                .map(|(step, loss)| (x.place(step), y.place(loss)))
                .collect();
            match drawn[..] {
                [] => {}
                [only] => canvas.circle(only, 3.0, stroke.colour, 1.0)?,
                _ => canvas.line(&drawn, stroke)?,
            }
        }
        Ok(())
    })
}

fn finite(series: &[(String, Vec<(f64, f64)>)]) -> (Vec<Vec<(f64, f64)>>, usize) {
    let mut left_out = 0;
    let kept = series.iter().map(|(_, points)| {
        let kept: Vec<(f64, f64)> = points
            .iter()
            .copied()
            .filter(|(step, loss)| step.is_finite() && loss.is_finite())
            .collect();
        left_out += points.len() - kept.len();
        kept
    });
    (kept.collect(), left_out)
}

fn stroke(series: &[(String, Vec<(f64, f64)>)], index: usize) -> Stroke {
    let owner = |name: &str| name.strip_suffix(VALIDATION).unwrap_or(name).to_owned();
    let name = &series[index].0;
    let mut owners: Vec<String> = Vec::new();
    for (other, _) in series {
        if !owners.contains(&owner(other)) {
            owners.push(owner(other));
        }
    }
    let place = owners.iter().position(|other| *other == owner(name));
    let colour: RGBColor = PALETTE[place.unwrap_or(0) % PALETTE.len()];
    Stroke {
        colour,
        width: 1.8,
        dash: name.ends_with(VALIDATION),
    }
}

fn thinned(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    if points.len() <= 2 * STRETCHES {
        return points.to_vec();
    }
    let mut kept = Vec::new();
    for stretch in points.chunks(points.len().div_ceil(STRETCHES)) {
        let by_loss = |a: &usize, b: &usize| stretch[*a].1.total_cmp(&stretch[*b].1);
        let lowest = (0..stretch.len()).min_by(by_loss).unwrap_or(0);
        let highest = (0..stretch.len()).max_by(by_loss).unwrap_or(0);
        kept.push(stretch[lowest.min(highest)]);
        if lowest != highest {
            kept.push(stretch[lowest.max(highest)]);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plots::attributes;

    fn curve(name: &str, steps: usize) -> (String, Vec<(f64, f64)>) {
        let points = (0..steps).map(|step| (step as f64, 1.0 / (step + 1) as f64));
        (name.to_owned(), points.collect())
    }

    /// The numbers of points of the lines that are neither grid nor legend.
    fn lengths(svg: &str) -> Vec<usize> {
        let lines = attributes(svg, "polyline", "points");
        let lengths = lines.iter().map(|points| points.split_whitespace().count());
        lengths.filter(|length| *length > 2).collect()
    }

    #[test]
    fn every_finite_point_is_drawn_and_the_others_are_counted() {
        let mut train = curve("train <1>", 12);
        train.1[4].1 = f64::NAN;
        let svg = loss_curve("Loss & more", &[train]).unwrap();
        assert_eq!(lengths(&svg), [11]);
        assert!(svg.contains("not finite and left out: 1"));
        assert!(svg.contains("train &lt;1&gt;") && svg.contains("Loss &amp; more"));
    }

    #[test]
    fn validation_has_the_colour_of_what_it_validates() {
        let series = [curve("a", 9), curve("b", 9), curve("a, validation", 9)];
        let strokes: Vec<Stroke> = (0..3).map(|index| stroke(&series, index)).collect();
        assert_eq!(strokes[0].colour, strokes[2].colour);
        assert_ne!(strokes[0].colour, strokes[1].colour);
        assert!(strokes[2].dash && !strokes[0].dash);
    }

    #[test]
    fn a_long_curve_keeps_its_extremes() {
        let mut long = curve("long", 100_000);
        long.1[77_777].1 = 9.0;
        let kept = thinned(&long.1);
        assert!(kept.len() <= 2 * STRETCHES && kept.contains(&(77_777.0, 9.0)));
        assert!(kept.is_sorted_by(|a, b| a.0 < b.0));
    }

    #[test]
    fn nothing_and_single_points_are_drawn_too() {
        assert!(loss_curve("none", &[]).is_ok());
        let svg = loss_curve("one", &[curve("one", 1), curve("empty", 0)]).unwrap();
        assert_eq!(attributes(&svg, "circle", "r").len(), 1);
    }
}
