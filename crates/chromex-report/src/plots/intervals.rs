use chromex_core::{Report, Summary};

use super::axes::{self, Axis};
use super::canvas::{Anchor, BLUE, Canvas, GREY, INK, LIGHT, Stroke, shortened, text_width};
use crate::Result;

const TOP: f64 = 46.0;
const ROW: f64 = 25.0;
const AXIS: f64 = 58.0;
const PLOT: f64 = 380.0;
const NUMBERS: f64 = 180.0;
const NAME_SIZE: f64 = 12.5;

/// Draws every model's score with its interval, one panel per target, in the order of the table.
///
/// Floors come last and in grey; their intervals are shaded behind all models, so that a model that does
/// not clear them is seen at once.
///
/// # Errors
///
/// [`Error::Core`](crate::Error::Core) when the report has no metric of this name;
/// [`Error::Draw`](crate::Error::Draw) when drawing fails.
pub fn intervals(report: &Report, metric: &str) -> Result<String> {
    let panels = panels(report, metric);
    if panels.is_empty() {
        let mut known: Vec<String> = report.summaries.iter().map(|s| s.metric.clone()).collect();
        known.sort();
        known.dedup();
        return Err(chromex_core::Error::UnknownName {
            what: "metric",
            name: metric.to_owned(),
            known,
        }
        .into());
    }
    let names = panels
        .iter()
        .flat_map(|(_, lines)| lines)
        .map(|line| name(line));
    let left = 24.0
        + names
            .map(|name| text_width(&name, NAME_SIZE))
            .fold(60.0, f64::max);
    let height_of = |lines: &[&Summary]| TOP + ROW * lines.len() as f64 + AXIS;
    let height = panels.iter().map(|(_, lines)| height_of(lines)).sum();
    Canvas::draw("intervals", (left + PLOT + NUMBERS, height), |canvas| {
        let mut top = 0.0;
        for (target, lines) in &panels {
            panel(canvas, report, (metric, target), lines, (left, top))?;
            top += height_of(lines);
        }
        Ok(())
    })
}

/// Lists each target's lines: models as they stand in the report, then floors.
fn panels<'a>(report: &'a Report, metric: &str) -> Vec<(&'a str, Vec<&'a Summary>)> {
    let mut panels: Vec<(&str, Vec<&Summary>)> = Vec::new();
    let of_metric = |line: &&Summary| line.metric == metric && line.stratum.is_none();
    for line in report.summaries.iter().filter(of_metric) {
        match panels.iter_mut().find(|(target, _)| *target == line.target) {
            Some((_, lines)) => lines.push(line),
            None => panels.push((&line.target, vec![line])),
        }
    }
    for (_, lines) in &mut panels {
        lines.sort_by_key(|line| is_floor(report, line));
    }
    panels
}

fn panel(
    canvas: &Canvas<'_>,
    report: &Report,
    (metric, target): (&str, &str),
    lines: &[&Summary],
    (left, top): (f64, f64),
) -> Result<()> {
    let right = left + PLOT;
    let (first, bottom) = (top + TOP, top + TOP + ROW * lines.len() as f64);
    let ends = lines
        .iter()
        .flat_map(|line| [line.low, line.mean, line.high]);
    let x = Axis::around(ends, (left, right));
    let heading = format!("{metric}, {target}");
    canvas.text(
        &shortened(&heading, 70),
        (left, top + 18.0),
        15.0,
        INK,
        Anchor::Start,
    )?;
    let undefined = lines.iter().filter(|line| !line.mean.is_finite()).count();
    if undefined > 0 {
        let note = format!("{undefined} of {} scores undefined", lines.len());
        canvas.text(&note, (left, top + 36.0), 11.5, GREY, Anchor::Start)?;
    }
    let stroke = |colour, width, dash| Stroke {
        colour,
        width,
        dash,
    };
    axes::vertical(canvas, &x, (bottom, first), metric)?;
    for floor in lines.iter().filter(|line| is_floor(report, line)) {
        if floor.low.is_finite() && floor.high.is_finite() {
            let (low, high) = (x.place(floor.low), x.place(floor.high));
            canvas.rectangle((low, first), (high, bottom), GREY, 0.13)?;
        }
        if floor.mean.is_finite() {
            let at = x.place(floor.mean);
            canvas.line(&[(at, first), (at, bottom)], stroke(GREY, 1.0, true))?;
        }
    }
    for (row, line) in lines.iter().enumerate() {
        let at = first + ROW * (row as f64 + 0.5);
        let is_floor = is_floor(report, line);
        let begins_floors = is_floor && row > 0 && !self::is_floor(report, lines[row - 1]);
        if begins_floors {
            let rule = [
                (12.0, at - ROW / 2.0),
                (right + NUMBERS - 12.0, at - ROW / 2.0),
            ];
            canvas.line(&rule, stroke(LIGHT, 1.0, false))?;
        }
        let (colour, ink) = if is_floor { (GREY, GREY) } else { (BLUE, INK) };
        canvas.text(&name(line), (left - 10.0, at), NAME_SIZE, ink, Anchor::End)?;
        canvas.text(&numbers(line), (right + 12.0, at), 11.5, ink, Anchor::Start)?;
        if line.low.is_finite() && line.high.is_finite() {
            let (low, high) = (x.place(line.low), x.place(line.high));
            canvas.line(&[(low, at), (high, at)], stroke(colour, 2.0, false))?;
            for end in [low, high] {
                canvas.line(
                    &[(end, at - 4.0), (end, at + 4.0)],
                    stroke(colour, 2.0, false),
                )?;
            }
        }
        if line.mean.is_finite() {
            canvas.circle((x.place(line.mean), at), 4.5, colour, 1.0)?;
        }
    }
    Ok(())
}

fn is_floor(report: &Report, line: &Summary) -> bool {
    report.floors.contains(&line.model)
}

fn name(line: &Summary) -> String {
    shortened(&line.model, 44)
}

fn numbers(line: &Summary) -> String {
    match line.mean.is_finite() {
        true => format!("{:.3} [{:.3}, {:.3}]", line.mean, line.low, line.high),
        false => "undefined".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;
    use crate::plots::attributes;

    fn line(model: &str, target: &str, mean: f64) -> Summary {
        Summary {
            model: model.into(),
            target: target.into(),
            metric: "pearson".into(),
            stratum: None,
            mean,
            standard_deviation: 0.0,
            low: mean - 0.1,
            high: mean + 0.1,
            seeds: 1,
            n: 100,
        }
    }

    fn report(summaries: Vec<Summary>) -> Report {
        Report {
            summaries,
            floors: vec!["mean".into(), "ridge".into()],
            ..Report::default()
        }
    }

    #[test]
    fn models_stand_above_floors_and_undefined_scores_are_counted() {
        let lines = vec![
            line("mean", "y", f64::NAN),
            line("ridge", "y", 0.5),
            line("deep & <wide>", "y", 0.7),
        ];
        let svg = intervals(&report(lines), "pearson").unwrap();
        let place = |text: &str| svg.find(text).unwrap();
        assert!(place("deep &amp; &lt;wide&gt;") < place("\nmean\n"));
        assert!(place("\nmean\n") < place("\nridge\n"));
        assert_eq!(attributes(&svg, "circle", "r").len(), 2);
        assert!(svg.contains("1 of 3 scores undefined"));
        assert!(svg.contains("0.700 [0.600, 0.800]"));
    }

    #[test]
    fn a_better_score_stands_further_right() {
        let lines = vec![
            line("a", "y", 0.2),
            line("b", "y", 0.6),
            line("c", "y", 0.4),
        ];
        let svg = intervals(&report(lines), "pearson").unwrap();
        let x: Vec<i32> = attributes(&svg, "circle", "cx")
            .iter()
            .map(|x| x.parse().unwrap())
            .collect();
        assert!(x[0] < x[2] && x[2] < x[1]);
        assert!(((x[1] - x[2]) - (x[2] - x[0])).abs() <= 1);
    }

    #[test]
    fn each_target_has_its_panel_and_strata_have_none() {
        let mut stratum = line("a", "leaf", 0.1);
        stratum.stratum = Some("unseen".into());
        let lines = vec![line("a", "leaf", 0.2), line("a", "root", 0.3), stratum];
        let svg = intervals(&report(lines), "pearson").unwrap();
        assert!(svg.contains("pearson, leaf") && svg.contains("pearson, root"));
        assert_eq!(attributes(&svg, "circle", "r").len(), 2);
    }

    #[test]
    fn a_metric_that_was_not_scored_is_an_error() {
        let error = intervals(&report(vec![line("a", "y", 0.2)]), "mse").unwrap_err();
        assert!(matches!(error, Error::Core(_)));
    }
}
