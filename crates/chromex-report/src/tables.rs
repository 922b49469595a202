//! Reports as tables, for a terminal and for Markdown (the same text serves both).

use chromex_core::{Comparison, Report, Summary};

use crate::markdown;

/// A published score, to stand beside ours.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Published {
    /// The model, as the report names it.
    pub model: &'static str,
    /// The metric, as the report names it.
    pub metric: &'static str,
    /// The score.
    pub value: f64,
}

/// Lays the summaries of one target out: a line per model with every metric's mean and interval, floors last, published
/// scores beside ours.
pub fn scores(report: &Report, target: &str, published: &[Published]) -> String {
    markdown::table(&score_cells(report, target, published))
}

/// Lists the cells of the table of scores, its header first.
pub(crate) fn score_cells(
    report: &Report,
    target: &str,
    published: &[Published],
) -> Vec<Vec<String>> {
    let lines: Vec<&Summary> = report
        .summaries
        .iter()
        .filter(|line| line.target == target)
        .collect();
    let metrics = distinct(lines.iter().map(|line| line.metric.as_str()));
    let mut rows = distinct(
        lines
            .iter()
            .map(|line| (line.model.as_str(), &line.stratum)),
    );
    rows.sort_by_key(|(model, _)| is_floor(report, model));
    let mut header = vec!["model".to_owned()];
    for metric in &metrics {
        header.push((*metric).to_owned());
        if published.iter().any(|known| known.metric == *metric) {
            header.push(format!("published {metric}"));
        }
    }
    header.extend(["n".into(), "seeds".into()]);
    let mut table = vec![header];
    for (model, stratum) in rows {
        let of = |metric: &str| {
            lines
                .iter()
                .find(|l| l.model == model && l.metric == metric && &l.stratum == stratum)
        };
        let floor = if is_floor(report, model) {
            " (floor)"
        } else {
            ""
        };
        let stratum = stratum.as_ref().map_or(String::new(), |s| format!(", {s}"));
        let mut cells = vec![format!("{model}{stratum}{floor}")];
        for metric in &metrics {
            cells.push(of(metric).map_or("–".into(), |line| score(line)));
            if published.iter().any(|known| known.metric == *metric) {
                let known = published
                    .iter()
                    .find(|known| known.metric == *metric && known.model == model);
                cells.push(known.map_or("–".into(), |known| format!("{:.3}", known.value)));
            }
        }
        let any = metrics.iter().find_map(|metric| of(metric));
        cells.push(any.map_or(String::new(), |line| line.n.to_string()));
        cells.push(any.map_or(String::new(), |line| line.seeds.to_string()));
        table.push(cells);
    }
    table
}

/// Lays the comparisons with the floors out, for one target and metric.
pub fn comparisons(report: &Report, target: &str, metric: &str) -> String {
    markdown::table(&comparison_cells(report, target, metric))
}

/// Lists the cells of the table of comparisons, its header first.
pub(crate) fn comparison_cells(report: &Report, target: &str, metric: &str) -> Vec<Vec<String>> {
    let header = ["model", "floor", "difference", "interval", "p (Holm)"];
    let mut table = vec![header.map(String::from).to_vec()];
    for line in of_table(report, target, metric) {
        table.push(vec![
            line.model.clone(),
            line.floor.clone(),
            number(line.difference),
            format!("[{}, {}]", number(line.low), number(line.high)),
            if line.p_holm < 0.001 {
                "< 0.001".into()
            } else {
                number(line.p_holm)
            },
        ]);
    }
    table
}

/// Says which models do not beat a floor, a line of a list each: a deep model that loses to a constant or a line is a finding.
pub fn findings(report: &Report, target: &str, metric: &str) -> String {
    let lines = finding_lines(report, target, metric).into_iter();
    lines
        .map(|line| format!("- {}\n", markdown::escaped(&line)))
        .collect()
}

/// Lists the findings as sentences.
pub(crate) fn finding_lines(report: &Report, target: &str, metric: &str) -> Vec<String> {
    let sentence = |line: &Comparison| {
        // After Holm's correction: a table has many comparisons, and one of them would fool us.
        let above = line.p_holm < 0.05;
        let verdict = match (line.loses, above) {
            (true, true) => "scores worse than",
            (true, false) => "does not beat",
            (false, false) => "cannot be told from",
            (false, true) => return None,
        };
        Some(format!(
            "{} {verdict} the floor {} in {metric}: {} [{}, {}], n = {}.",
            line.model,
            line.floor,
            number(line.difference),
            number(line.low),
            number(line.high),
            line.n
        ))
    };
    of_table(report, target, metric)
        .filter_map(sentence)
        .collect()
}

/// The comparisons of one target and metric that are defined.
fn of_table<'a>(
    report: &'a Report,
    target: &'a str,
    metric: &'a str,
) -> impl Iterator<Item = &'a Comparison> {
    report.comparisons.iter().filter(move |line| {
        line.target == target && line.metric == metric && line.difference.is_finite()
    })
}

fn is_floor(report: &Report, model: &str) -> bool {
    report.floors.iter().any(|floor| floor == model)
}

fn score(line: &Summary) -> String {
    if !line.mean.is_finite() {
        return "undefined".into();
    }
    let spread = if line.seeds > 1 {
        format!(" ± {}", number(line.standard_deviation))
    } else {
        String::new()
    };
    format!(
        "{}{spread} [{}, {}]",
        number(line.mean),
        number(line.low),
        number(line.high)
    )
}

fn number(value: f64) -> String {
    if value.is_finite() {
        format!("{value:.3}")
    } else {
        "–".into()
    }
}

pub(crate) fn distinct<T: PartialEq>(values: impl Iterator<Item = T>) -> Vec<T> {
    let mut seen = Vec::new();
    for value in values {
        if !seen.contains(&value) {
            seen.push(value);
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let line = |model: &str, mean, seeds| Summary {
            model: model.into(),
            target: "y".into(),
            metric: "pearson".into(),
            stratum: None,
            mean,
            standard_deviation: 0.02,
            low: mean - 0.1,
            high: mean + 0.1,
            seeds,
            n: 200,
        };
        let comparison = |low, high, p_holm| Comparison {
            model: "deep|er".into(),
            floor: "ridge".into(),
            target: "y".into(),
            metric: "pearson".into(),
            difference: (low + high) / 2.0,
            low,
            high,
            p_value: 0.01,
            p_holm,
            loses: true,
            n: 200,
        };
        Report {
            summaries: vec![
                line("ridge", 0.711, 1),
                line("mean", f64::NAN, 1),
                line("deep|er", 0.5, 5),
            ],
            comparisons: vec![comparison(-0.3, -0.1, 0.02), comparison(-0.3, -0.1, 0.06)],
            floors: vec!["ridge".into(), "mean".into()],
            ..Report::default()
        }
    }

    #[test]
    fn models_come_first_floors_last_and_undefined_scores_say_so() {
        let published = [Published {
            model: "deep|er",
            metric: "pearson",
            value: 0.415,
        }];
        let table = scores(&report(), "y", &published);
        let lines: Vec<&str> = table.lines().collect();
        assert!(lines[0].contains("published pearson"));
        assert!(lines[2].starts_with("| deep\\|er"));
        assert!(lines[2].contains("0.500 ± 0.020 [0.400, 0.600]") && lines[2].contains("0.415"));
        assert!(lines[3].contains("ridge (floor)") && lines[3].contains("0.711 [0.611, 0.811]"));
        assert!(lines[4].contains("undefined"));
        // Every line is as wide as the next, in characters.
        assert!(
            lines
                .iter()
                .all(|l| l.chars().count() == lines[0].chars().count())
        );
    }

    #[test]
    fn losing_to_a_floor_is_said_with_its_certainty() {
        let text = findings(&report(), "y", "pearson");
        assert!(text.contains("- deep\\|er scores worse than the floor ridge"));
        assert!(text.contains("- deep\\|er does not beat the floor ridge"));
        assert_eq!(comparisons(&report(), "y", "mse").lines().count(), 2);
    }
}
