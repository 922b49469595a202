//! What the run shows beside its scores: reductions against a constant, curves, and where predictions come from.

use chromex::core::{Chain, LocationImportance, Report, Rows};
use chromex::nn::Trained;
use chromex::report::plots;

use crate::Flags;
use crate::models::{MEAN, PRETRAINED, regression};
use crate::sets::Set;
use crate::stages::Stages;
use crate::support::{Anything, Run};

/// Bases within which the highest importance of a planted motif must lie.
const NEAR: usize = 5;

/// Lays out by how many percent each model's errors lie below those of a constant, the document's measure.
pub(crate) fn reductions(report: &Report, run: &Run) -> Result<(), Anything> {
    let mut targets: Vec<&str> = Vec::new();
    let mut models: Vec<&str> = Vec::new();
    let mut metrics: Vec<&str> = Vec::new();
    for line in &report.summaries {
        for (list, name) in [
            (&mut targets, &line.target),
            (&mut models, &line.model),
            (&mut metrics, &line.metric),
        ] {
            if !list.contains(&name.as_str()) {
                list.push(name);
            }
        }
    }
    let median = "median";
    let of = |model: &str, target: &str, metric: &str| {
        let mut lines = report.summaries.iter();
        lines
            .find(|l| l.model == model && l.target == target && l.metric == metric)
            .map(|line| line.mean)
    };
    for (metric, floor) in metrics.iter().filter_map(|metric| match *metric {
        "mse" => Some((*metric, MEAN)),
        other if other.starts_with("mae") => Some((other, median)),
        _ => None,
    }) {
        let title = format!("Percent by which {metric} lies below that of the constant {floor}:");
        let header = ["model"].into_iter().chain(targets.iter().copied());
        let mut rows = vec![header.map(str::to_owned).collect::<Vec<_>>()];
        let mut told = false;
        for model in models.iter().filter(|model| **model != floor) {
            let mut row = vec![(*model).to_owned()];
            for target in &targets {
                let both = (of(model, target, metric), of(floor, target, metric));
                let cell = match both {
                    (Some(own), Some(constant)) => {
                        told = true;
                        let percent = 100.0 * (constant - own) / constant;
                        // Errors in TPM of a fit that has gone astray are exponentials of its errors.
                        if percent.abs() < 1e6 {
                            format!("{percent:.1}")
                        } else {
                            format!("{percent:.0e}")
                        }
                    }
                    _ => "–".into(),
                };
                row.push(cell);
            }
            rows.push(row);
        }
        if told {
            run.table(&title, rows);
        }
    }
    Ok(())
}

/// Draws perplexity and the error of each tissue over the steps.
pub(crate) fn curves(run: &Run) -> Result<(), Anything> {
    let perplexity = run.curves(|task, name| match name {
        "perplexity" => Some(task.to_owned()),
        "validation_perplexity" => Some(format!("{task}, validation")),
        _ => None,
    })?;
    if !perplexity.is_empty() {
        let picture = plots::lines("Perplexity", ("step", "perplexity"), &perplexity)?;
        run.picture("perplexity", "Perplexity of hidden tokens", picture);
    }
    let tissues = run.curves(|task, name| {
        let tissue = name.strip_prefix("validation_mse ")?;
        (task == "fine-tune pre-trained").then(|| tissue.to_owned())
    })?;
    if !tissues.is_empty() {
        let title = "Validation error of each tissue in fine-tuning, first seed";
        let picture = plots::lines(title, ("step", "mean squared error"), &tissues)?;
        run.picture("tissues", title, picture);
    }
    Ok(())
}

/// Measures which bases before the gene matter to the fine-tuned network, and, where motifs were planted, whether these do.
pub(crate) fn importance(
    flags: &Flags,
    set: &Set,
    stages: &Stages,
    run: &Run,
) -> Result<(), Anything> {
    let folder = run.model_folder()?.join("finetuned");
    let wanted = flags.options.chosen(&crate::models::names(flags)?)?;
    if !wanted.iter().any(|name| name == PRETRAINED) || !folder.join("config.json").exists() {
        return Ok(());
    }
    let targets = set.dataset.targets.columns.len();
    let (_, network) = regression(stages).read_folder(targets, &folder, &stages.device)?;
    let trained = Trained::new(&network, &stages.device, 64);
    let model = Chain::new(stages.tokenizer.clone(), trained);
    let settings = LocationImportance {
        passes: if flags.options.quick { 1 } else { 20 },
        ..match flags.mode {
            crate::Mode::Faithful => LocationImportance::faithful(),
            crate::Mode::Rigorous => LocationImportance::default(),
        }
    };
    let tested = set.dataset.inputs.select(&set.part("test")?);
    let found = settings.measure(&model, &tested, 0)?;
    found.write(&run.place("importance.tsv")?)?;
    let rows: Vec<String> = found
        .lengths
        .iter()
        .map(|length| format!("{length} bases"))
        .collect();
    let title = "Mean change of the predictions where bases are replaced";
    let columns = "base of the promoter; the gene follows the last";
    let map = plots::one_sided_map(
        title,
        columns,
        &rows,
        found.changes.mapv(|change| change as f32).t(),
    )?;
    run.picture("importance", title, map);
    let profile = found.profile();
    let count = profile.len();
    let points = profile
        .iter()
        .enumerate()
        .filter(|(_, value)| value.is_finite());
    let points = points
        .map(|(place, &value)| ((place as f64) - count as f64, value))
        .collect();
    let axes = ("bases from the gene", "times the mean");
    let title = "Importance by location, all lengths";
    run.picture(
        "importance-profile",
        title,
        plots::lines(title, axes, &[("importance".into(), points)])?,
    );
    check_motifs(set, &found, run);
    Ok(())
}

/// Says where the highest places lie, and how far from them the planted motifs.
fn check_motifs(set: &Set, found: &chromex::core::LocationImportances, run: &Run) {
    let longest = set.planted.iter().map(|motif| motif.letters.len()).max();
    let apart = longest.unwrap_or(10) + NEAR;
    let peaks = found.peaks(set.planted.len().max(3), apart);
    let told: Vec<String> = peaks
        .iter()
        .map(|peak| format!("{} ({:.1} times the mean)", peak.distance, peak.importance))
        .collect();
    run.note(&format!(
        "Importance is highest at these bases before the gene: {} (importance.tsv).",
        told.join(", ")
    ));
    for motif in &set.planted {
        let places = motif.distance + 1..motif.distance + 1 + motif.letters.len();
        let beside = |distance: usize| match () {
            () if distance < places.start => places.start - distance,
            () if distance >= places.end => distance + 1 - places.end,
            () => 0,
        };
        let nearest = peaks.iter().map(|peak| beside(peak.distance)).min();
        let verdict = match nearest {
            Some(0) => "has one of them".to_owned(),
            Some(bases) if bases <= NEAR => format!("has one of them {bases} bases beside it"),
            Some(bases) => format!("has none of them: the nearest is {bases} bases away"),
            None => "has none".to_owned(),
        };
        let (first, last) = (places.end - 1, places.start);
        run.note(&format!(
            "Planted: {}, bases {first} to {last} before the gene, {verdict}.",
            motif.name
        ));
    }
}
