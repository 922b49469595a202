//! DExTER's domains against a case worked out by hand, and against a search by brute force with SciPy's correlations.

use chromex_core::observe::Silent;
use chromex_core::{Dataset, Fit, Keys, Rows, Sequences, Target, Targets, Transform};
use chromex_tokens::{Dexter, DomainCounts, LinkKind};
use ndarray::Array2;
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    alignment: usize,
    most_bins: usize,
    edges: Vec<usize>,
    sequences: Vec<String>,
    expression: Vec<f32>,
    domains: Vec<(String, usize, usize, f64)>,
}

fn cases() -> Vec<Case> {
    let golden: Golden = serde_json::from_str(include_str!("golden/dexter.json")).unwrap();
    golden.cases
}

fn targets(columns: &[&[f32]]) -> Targets {
    let shape = (columns[0].len(), columns.len());
    let values = Array2::from_shape_fn(shape, |(row, column)| columns[column][row]);
    let column = |number: usize| Target {
        name: format!("tissue {number}"),
        unit: "TPM".into(),
        transform: Transform::Identity,
    };
    Targets::new(values, (0..columns.len()).map(column).collect()).unwrap()
}

fn learn(case: &Case) -> DomainCounts {
    let dexter = Dexter {
        alignment: Some(case.alignment),
        most_bins: case.most_bins,
        ..Dexter::default()
    };
    let dna = Sequences::new(&case.sequences).unwrap();
    dexter
        .learn(&dna, &targets(&[&case.expression]), &Silent)
        .unwrap()
}

/// Names of domains, by k-mer, first and last base.
fn names(counts: &DomainCounts) -> Vec<String> {
    counts.names()
}

#[test]
fn a_case_small_enough_for_paper_has_the_domains_worked_out_there() {
    // AA starts 0, 1, 2 and 3 times left of the middle base, CC 4, 2, 1 and 0 times: both rank expression perfectly.
    // AC starts there once in all but the first: ranks 1, 3, 3, 3 against 1 to 4 correlate by 3 / √15. No trimer gains
    // on both its dinucleotides, and the other dinucleotides do not occur.
    let dna = Sequences::new(&["CCCCCCCCC", "AACCCCCCC", "AAACCCCCC", "AAAACCCCC"]).unwrap();
    let targets = targets(&[&[-3.0, 0.5, 0.6, 9.0]]);
    let counts = Dexter::default().learn(&dna, &targets, &Silent).unwrap();
    assert_eq!(counts.lattice().edges(), [0, 4, 5, 9]);
    let mut expected: Vec<String> = ["A", "C", "G", "T"]
        .iter()
        .flat_map(|a| ["A", "C", "G", "T"].map(|b| format!("{a}{b}[-4,4]")))
        .collect();
    expected.extend(["AA[-4,-1]", "AC[-4,-1]", "CC[-4,-1]"].map(String::from));
    expected.sort();
    let mut found = names(&counts);
    found.sort();
    assert_eq!(found, expected);
    let exploration = &counts.explorations()[0];
    let score = |name: &str| {
        let node = |node: &&chromex_tokens::Node| node.domain.name(counts.lattice()) == name;
        exploration.nodes.iter().find(node).unwrap().score
    };
    assert_eq!(score("AA[-4,-1]"), 1.0);
    assert_eq!(score("CC[-4,4]"), 1.0);
    assert!((score("AC[-4,-1]") - 3.0 / 15.0_f64.sqrt()).abs() < 1e-15);
    assert_eq!(score("GT[-4,4]"), 0.0);
    assert!(
        exploration
            .links
            .iter()
            .all(|link| link.kind == LinkKind::Segmentation)
    );
    let column = counts
        .names()
        .iter()
        .position(|name| name == "CC[-4,-1]")
        .unwrap();
    let table = counts.count(&dna).unwrap();
    assert_eq!(table.column(column).to_vec(), [1.0, 0.5, 0.25, 0.0]);
}

#[test]
fn domains_and_scores_are_those_of_a_search_by_brute_force() {
    for case in cases() {
        let counts = learn(&case);
        assert_eq!(counts.lattice().edges(), case.edges);
        let expected: Vec<_> = case
            .domains
            .iter()
            .map(|(k, a, b, _)| (k.as_str(), *a..*b))
            .collect();
        let found: Vec<_> = counts
            .domains()
            .iter()
            .map(|domain| (domain.kmer.as_str(), domain.bins.clone()))
            .collect();
        assert_eq!(found, expected);
        for (domain, (_, _, _, score)) in counts.domains().iter().zip(&case.domains) {
            let node = |node: &&chromex_tokens::Node| node.domain == *domain;
            let node = counts.explorations()[0].nodes.iter().find(node).unwrap();
            assert!(node.kept && (node.score - score).abs() < 1e-9, "{domain:?}");
        }
    }
}

#[test]
fn columns_are_counts_by_letters_over_the_regions_bases() {
    let case = &cases()[0];
    let counts = learn(case);
    let dna = Sequences::new(&case.sequences).unwrap();
    let table = counts.count(&dna).unwrap();
    for (row, sequence) in case.sequences.iter().enumerate() {
        for (column, domain) in counts.domains().iter().enumerate() {
            let bases = counts.lattice().bases(&domain.bins);
            let length = bases.len() as f32;
            let starts = bases.filter(|&at| sequence[at..].starts_with(&domain.kmer));
            assert_eq!(table[[row, column]], starts.count() as f32 / length);
        }
    }
    assert!(counts.count(&Sequences::new(&["ACGT"]).unwrap()).is_err());
}

#[test]
fn threads_change_nothing_and_a_file_holds_all() {
    let case = &cases()[1];
    let pool = |threads| {
        rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap()
    };
    let counts = pool(1).install(|| learn(case));
    for threads in [2, 5] {
        assert_eq!(counts, pool(threads).install(|| learn(case)));
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("domains.json");
    counts.save(&path).unwrap();
    assert_eq!(DomainCounts::load(&path).unwrap(), counts);
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replacen("\"kmer\":\"A", "\"kmer\":\"N", 1)).unwrap();
    assert!(DomainCounts::load(&path).is_err());
    let table = folder.path().join("domains.tsv");
    counts.write_domains(&table).unwrap();
    let table = std::fs::read_to_string(table).unwrap();
    assert_eq!(table.lines().count(), 1 + counts.domains().len());
    assert!(table.starts_with("kmer\tfirst\tlast\ttissue 0\nAA\t-130\t0\t"));
    let graph = folder.path().join("graph.dot");
    counts.explorations()[0]
        .write_graph(counts.lattice(), &graph)
        .unwrap();
    assert!(std::fs::read_to_string(graph).unwrap().ends_with("}\n"));
}

#[test]
fn several_targets_share_their_domains() {
    let case = &cases()[0];
    let dna = Sequences::new(&case.sequences).unwrap();
    let reversed: Vec<f32> = case.expression.iter().rev().copied().collect();
    let dexter = Dexter {
        alignment: Some(case.alignment),
        ..Dexter::default()
    };
    let alone = |values: &[f32]| dexter.learn(&dna, &targets(&[values]), &Silent).unwrap();
    let both = dexter
        .learn(&dna, &targets(&[&case.expression, &reversed]), &Silent)
        .unwrap();
    let [first, second] = [alone(&case.expression), alone(&reversed)];
    assert_eq!(both.explorations()[0].nodes, first.explorations()[0].nodes);
    assert_eq!(both.explorations()[1].nodes, second.explorations()[0].nodes);
    let in_one = |domain| first.domains().contains(domain) || second.domains().contains(domain);
    assert!(both.domains().iter().all(in_one));
    assert!(
        first
            .domains()
            .iter()
            .all(|domain| both.domains().contains(domain))
    );
}

#[test]
fn limits_are_kept_and_settings_out_of_range_are_refused() {
    let case = &cases()[1];
    let dna = Sequences::new(&case.sequences).unwrap();
    let targets = targets(&[&case.expression]);
    let data = Dataset::new(dna.clone(), targets.clone(), Keys::numbered(dna.len())).unwrap();
    let longest = Dexter {
        longest: Some(3),
        ..Dexter::default()
    };
    let counts = longest.fit(&data, &data, 0).unwrap();
    assert_eq!(counts.domains().iter().map(|d| d.kmer.len()).max(), Some(3));
    for dexter in [
        Dexter {
            least_gain: f64::NAN,
            ..Dexter::default()
        },
        Dexter {
            longest: Some(1),
            ..Dexter::default()
        },
        Dexter {
            alignment: Some(131),
            ..Dexter::default()
        },
        Dexter {
            most_bins: 2,
            ..Dexter::default()
        },
    ] {
        assert!(dexter.learn(&dna, &targets, &Silent).is_err());
    }
    let none = Targets::none(dna.len());
    assert!(Dexter::default().learn(&dna, &none, &Silent).is_err());
}
