use super::*;
use crate::{KFold, Keys, Target, Targets, Transform};
use chromex_metrics::{MeanSquaredError, Pearson};
use ndarray::Array2;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Learns a slope through the origin, plus noise that its seed alone decides.
#[derive(Clone)]
struct NoisySlope {
    noise: f32,
    fits: Arc<AtomicUsize>,
}

struct Slope(f32);

impl Fit<Array2<f32>> for NoisySlope {
    type Fitted = Slope;

    fn fit(
        &self,
        train: &Dataset<Array2<f32>>,
        _: &Dataset<Array2<f32>>,
        seed: u64,
    ) -> Result<Slope> {
        self.fits.fetch_add(1, Ordering::Relaxed);
        let (x, y) = (train.inputs.column(0), train.targets.column(0));
        Ok(Slope(x.dot(&y) / x.dot(&x) + self.noise * seed as f32))
    }
}

impl Predict<Array2<f32>> for Slope {
    fn predict(&self, inputs: &Array2<f32>) -> Result<Array2<f32>> {
        Ok(inputs * self.0)
    }
}

fn experiment(noise: f32, fits: &Arc<AtomicUsize>) -> Experiment<Array2<f32>> {
    let inputs = Array2::from_shape_fn((30, 1), |(row, _)| row as f32 - 14.0);
    let target = Target {
        name: "double".into(),
        unit: "1".into(),
        transform: Transform::Identity,
    };
    let targets = Targets::new(&inputs * 2.0, vec![target]).unwrap();
    let data = Dataset::new(inputs, targets, Keys::numbered(30)).unwrap();
    let slope = NoisySlope {
        noise,
        fits: Arc::clone(fits),
    };
    Experiment::new(data, KFold { k: 3 })
        .metric(MeanSquaredError)
        .metric(Pearson)
        .bootstrap(Bootstrap {
            resamples: 200,
            ..Bootstrap::default()
        })
        .model("slope", slope)
        .seeds(2)
}

#[test]
fn every_model_fold_and_seed_is_scored_and_floors_come_along() -> Result<()> {
    let fits = Arc::default();
    let report = experiment(0.5, &fits).run()?;
    assert_eq!(fits.load(Ordering::Relaxed), 6);
    assert_eq!(report.floors, ["mean", "median"]);
    // 3 folds x (2 seeds of the model + 2 floors) x 2 metrics.
    assert_eq!(report.scores.len(), 24);
    let slope = report.summary("slope", "mse").unwrap();
    // Seed 0 is exact; seed 1 is off by 0.5 x; the mean square of x over -14..=15 is 75.17.
    assert!((slope.mean - 0.25 * 75.166_67 / 2.0).abs() < 1e-3);
    assert_eq!((slope.seeds, slope.n), (2, 30));
    let against_mean = &report.comparisons[0];
    assert!(!against_mean.loses && against_mean.high < 0.0 && against_mean.p_holm < 0.05);
    Ok(())
}

#[test]
fn a_listener_hears_which_fold_a_fit_is_of() -> Result<()> {
    struct Listener(Mutex<Vec<String>>);
    impl Observer for Listener {
        fn observe(&self, event: &Event<'_>) {
            let text = match event {
                Event::Fold { name } => format!("{name:?}"),
                Event::Step { done, .. } => done.to_string(),
                _ => return,
            };
            self.0.lock().unwrap().push(text);
        }
    }
    let heard = Arc::new(Listener(Mutex::default()));
    experiment(0.5, &Arc::default())
        .observe(heard.clone())
        .run()?;
    let heard = heard.0.lock().unwrap();
    let expected = r#"Some("0")|1|2|3|4|Some("1")|5|6|7|8|Some("2")|9|10|11|12|None"#;
    assert_eq!(heard.join("|"), expected);
    Ok(())
}

#[test]
fn a_finished_fit_is_not_fitted_again_unless_settings_change() -> Result<()> {
    let folder = tempfile::tempdir().unwrap();
    let fits = Arc::default();
    let run = |settings: &str| {
        experiment(0.5, &fits)
            .resume_in(folder.path(), settings)
            .run()
    };
    let first = run("a")?;
    assert_eq!(fits.load(Ordering::Relaxed), 6);
    let second = run("a")?;
    assert_eq!(fits.load(Ordering::Relaxed), 6);
    assert_eq!(first.predictions, second.predictions);
    run("b")?;
    assert_eq!(fits.load(Ordering::Relaxed), 12);
    Ok(())
}

#[test]
fn a_kept_fit_that_was_changed_is_fitted_again_and_that_is_said() -> Result<()> {
    #[derive(Default)]
    struct Notes(Mutex<Vec<String>>);
    impl Observer for Notes {
        fn observe(&self, event: &Event<'_>) {
            if let Event::Note { text } = event {
                self.0.lock().unwrap().push((*text).to_owned());
            }
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let fits = Arc::default();
    let run = |notes: &Arc<Notes>| {
        experiment(0.5, &fits)
            .resume_in(folder.path(), "a")
            .observe(notes.clone())
            .run()
    };
    let notes = Arc::new(Notes::default());
    let first = run(&notes)?;
    let files = || -> Vec<std::path::PathBuf> {
        let entries = std::fs::read_dir(folder.path()).unwrap();
        let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files
    };
    let (count, before) = (files().len(), fits.load(Ordering::Relaxed));
    for (place, path) in files().iter().enumerate() {
        let whole = std::fs::read(path).unwrap();
        let changed = match place % 4 {
            // A digit of the last number, which is one of the predictions.
            0 => {
                let mut changed = whole.clone();
                let digit = changed.iter().rposition(u8::is_ascii_digit).unwrap();
                changed[digit] = if changed[digit] == b'1' { b'2' } else { b'1' };
                changed
            }
            1 => whole[..whole.len() / 2].to_vec(),
            // As older versions kept them.
            2 => crate::seal::content(&whole).unwrap(),
            _ => Vec::new(),
        };
        std::fs::write(path, changed).unwrap();
    }
    assert!(notes.0.lock().unwrap().is_empty());
    let second = run(&notes)?;
    assert_eq!(second.predictions, first.predictions);
    assert!(fits.load(Ordering::Relaxed) == 2 * before);
    let notes = notes.0.lock().unwrap();
    assert_eq!(notes.len(), count);
    for note in notes.iter() {
        assert!(note.ends_with("; it is fitted again"), "{note}");
        assert!(note.contains(".json: "), "{note}");
    }
    Ok(())
}

#[test]
fn what_was_handed_on_last_is_of_the_settings_of_the_run() -> Result<()> {
    let folder = tempfile::tempdir().unwrap();
    let saved = folder.path().join("slope");
    let fits = Arc::default();
    let run = |settings: &str, noise: f32| {
        let learner = NoisySlope {
            noise,
            fits: Arc::clone(&fits),
        };
        let saved = saved.clone();
        let keep = move |slope: &Slope, _: &str, seed: u64| match seed {
            1 => crate::atomic::write(&saved, |out| write!(out, "{:.1}", slope.0)),
            _ => Ok(()),
        };
        experiment(noise, &fits)
            .model_with("saved", learner, keep)
            .resume_in(folder.path(), settings)
            .run()
    };
    let again = [
        ("a", 0.5, 12),
        ("b", 1.5, 24),
        ("a", 0.5, 30),
        ("a", 0.5, 30),
    ];
    for (settings, noise, count) in again {
        run(settings, noise)?;
        assert_eq!(fits.load(Ordering::Relaxed), count);
        let slope = std::fs::read_to_string(&saved).unwrap();
        assert_eq!(slope, format!("{:.1}", 2.0 + noise));
    }
    Ok(())
}

#[test]
fn only_the_named_models_run_and_unknown_names_are_refused() -> Result<()> {
    let fits = Arc::default();
    let report = experiment(0.0, &fits).only(&["median".into()])?.run()?;
    assert_eq!(report.predictions.models(), ["median"]);
    assert_eq!(report.floors, ["median"]);
    assert!(experiment(0.0, &fits).only(&["other".into()]).is_err());
    Ok(())
}

#[test]
fn a_report_reads_back_as_it_was_written() -> Result<()> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.json");
    let report = experiment(0.0, &Arc::default()).run()?;
    report.write(&path)?;
    let read = Report::read(&path)?;
    // Pearson of a constant is undefined: null in the file, NaN in memory, never equal to itself.
    let defined = |report: &Report| -> Vec<_> {
        let scores = report.scores.iter();
        scores
            .filter(|s| s.value.is_finite() && s.low.is_finite())
            .cloned()
            .collect()
    };
    assert_eq!(defined(&read), defined(&report));
    assert_eq!(read.scores.len(), report.scores.len());
    Ok(())
}
