//! Explanations are Shapley values, by their definition and by their properties.

use ndarray::{Array2, Axis};
use proptest::prelude::*;

use super::sample::{self, Draw};
use crate::BoostedTrees;
use crate::tree::{Node, Tree, goes_left};

/// What a tree says of a row of which only some columns are known.
fn expectation(tree: &Tree, output: usize, row: &[f32], known: usize) -> f64 {
    let cover = |at: u32| {
        let (Node::Split { cover, .. } | Node::Leaf { cover, .. }) = tree.nodes()[at as usize];
        f64::from(cover)
    };
    let mut sum = 0.0;
    let mut open = vec![(0_u32, 1.0)];
    while let Some((at, share)) = open.pop() {
        match tree.nodes()[at as usize] {
            Node::Leaf { leaf, .. } => sum += share * f64::from(tree.leaf(leaf)[output]),
            Node::Split {
                column,
                threshold,
                missing_left,
                left,
                right,
                ..
            } => {
                let column = column as usize;
                if known >> column & 1 == 1 {
                    let goes_left = goes_left(row[column], threshold, missing_left);
                    open.push((if goes_left { left } else { right }, share));
                } else if cover(at) == 0.0 {
                    open.extend([left, right].map(|child| (child, share / 2.0)));
                } else {
                    let shares =
                        [left, right].map(|child| (child, share * cover(child) / cover(at)));
                    open.extend(shares);
                }
            }
        }
    }
    sum
}

/// What the trees of an output say.
fn value(model: &BoostedTrees, output: usize, row: &[f32], known: usize) -> f64 {
    let trees = model.used_trees().map(|(tree, of)| match tree.outputs() {
        1 if of != output => 0.0,
        1 => expectation(tree, 0, row, known),
        _ => expectation(tree, output, row, known),
    });
    trees.sum()
}

fn factorial(n: usize) -> f64 {
    (1..=n).map(|k| k as f64).product()
}

/// Shapley values of a game of so many players, by their definition.
pub(super) fn by_definition(players: usize, game: &dyn Fn(usize) -> f64) -> Vec<f64> {
    let weight =
        |others: usize| factorial(others) * factorial(players - others - 1) / factorial(players);
    let of = |player: usize| {
        let without = (0..1 << players).filter(|set| set >> player & 1 == 0);
        without
            .map(|set: usize| {
                let gain = game(set | 1 << player) - game(set);
                weight(set.count_ones() as usize) * gain
            })
            .sum()
    };
    (0..players).map(of).collect()
}

/// Half of the Shapley interaction of two players, by its definition.
fn interaction(players: usize, (one, other): (usize, usize), game: &dyn Fn(usize) -> f64) -> f64 {
    let both = 1 << one | 1 << other;
    let without = (0..1_usize << players).filter(|set| set & both == 0);
    without
        .map(|set| {
            let size = set.count_ones() as usize;
            let weight = factorial(size) * factorial(players - size - 2) / factorial(players - 1);
            let gain = game(set | both) - game(set | 1 << one) - game(set | 1 << other) + game(set);
            0.5 * weight * gain
        })
        .sum()
}

/// A model of trees of one and of several outputs.
pub(super) fn drawn(seed: u64, columns: usize, splits: usize) -> (BoostedTrees, Array2<f32>) {
    let mut draw = Draw(seed);
    let trees = vec![
        (draw.tree(columns, splits, 1), 1),
        (draw.tree(columns, splits / 2, 2), 0),
        (draw.tree(columns, 1, 1), 0),
        (draw.tree(columns, 0, 1), 1),
    ];
    let model = sample::model(columns, &[0.5, -0.25], trees);
    let rows = 11;
    let inputs = Array2::from_shape_simple_fn((rows, columns), || draw.value());
    (model, inputs)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn contributions_are_the_shapley_values_of_all_subsets(seed: u64, columns in 1_usize..6, splits in 1_usize..24) {
        let (model, inputs) = drawn(seed, columns, splits);
        let explain = model.explain();
        let contributions = explain.sums_of(inputs.view());
        let pairs = explain.pairs().unwrap();
        for (row, values) in inputs.rows().into_iter().enumerate() {
            for output in 0..2 {
                let game = |known: usize| value(&model, output, values.as_slice().unwrap(), known);
                let expected = by_definition(columns, &game);
                let (found, together) = &contributions[row * 2 + output];
                for (column, expected) in expected.iter().enumerate() {
                    let found = explain.columns().binary_search(&column).map_or(0.0, |slot| found[slot]);
                    prop_assert!((found - expected).abs() < 1e-9, "{found} {expected}");
                }
                for one in 0..columns {
                    for other in one + 1..columns {
                        let expected = interaction(columns, (one, other), &game);
                        let found = pairs.binary_search(&[one, other]).map_or(0.0, |pair| together[pair]);
                        prop_assert!((found - expected).abs() < 1e-9, "{found} {expected}");
                    }
                }
                let average = explain.expected_margins()[output] - f64::from(model.base_scores()[output]);
                prop_assert!((average - game(0)).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn contributions_add_up_to_margins_and_interactions_to_contributions(seed: u64, columns in 1_usize..40, splits in 0_usize..200) {
        let (model, inputs) = drawn(seed, columns, splits);
        let explain = model.explain();
        let contributions = explain.contributions(inputs.view()).unwrap();
        let margins = model.predict_margins(inputs.view()).unwrap();
        for (sum, margin) in contributions.sum_axis(Axis(2)).iter().zip(&margins) {
            prop_assert!((sum - margin).abs() < 1e-5);
        }
        let interactions = explain.interactions(inputs.view()).unwrap();
        for (sum, contribution) in interactions.sum_axis(Axis(3)).iter().zip(&contributions) {
            prop_assert!((sum - contribution).abs() < 1e-5);
        }
        let mut turned = interactions.view();
        turned.swap_axes(2, 3);
        prop_assert_eq!(turned, interactions.view());
    }
}

#[test]
fn a_column_that_no_tree_asks_for_contributes_nothing() {
    let mut draw = Draw(3);
    let model = sample::model(9, &[0.0], vec![(draw.tree(4, 30, 1), 0)]);
    let inputs = Array2::from_shape_simple_fn((5, 9), || draw.value());
    let found = model.explain().contributions(inputs.view()).unwrap();
    assert!(
        found
            .slice(ndarray::s![.., .., 4..9])
            .iter()
            .all(|&value| value == 0.0)
    );
    let found = model.explain().interactions(inputs.view()).unwrap();
    assert!(
        found
            .slice(ndarray::s![.., .., 4..9, ..])
            .iter()
            .all(|&value| value == 0.0)
    );
}

#[test]
fn columns_that_do_the_same_contribute_the_same() {
    let split = |column, child, cover| Node::Split {
        column,
        threshold: 0.5,
        missing_left: false,
        left: child,
        right: child + 1,
        loss_change: 1.0,
        cover,
    };
    let leaf = |leaf| Node::Leaf { leaf, cover: 2.0 };
    // 1 if both are above 0.5, for either order of asking.
    let tree = |one, other| {
        let nodes = vec![
            split(one, 1, 8.0),
            split(other, 3, 4.0),
            split(other, 5, 4.0),
            leaf(0),
            leaf(1),
            leaf(2),
            leaf(3),
        ];
        (Tree::new(nodes, 1, vec![0.0, 0.0, 0.0, 1.0]), 0)
    };
    let model = sample::model(2, &[0.0], vec![tree(0, 1), tree(1, 0)]);
    let found = model
        .explain()
        .contributions(ndarray::array![[1.0, 1.0]].view())
        .unwrap();
    assert_eq!(found.as_slice().unwrap(), [0.75, 0.75, 0.5]);
}

#[test]
fn thread_counts_and_neighbouring_rows_change_no_bit() {
    let (model, inputs) = drawn(5, 12, 90);
    let mut draw = Draw(9);
    let many = Array2::from_shape_simple_fn((700, 12), || draw.value());
    let explain = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
        pool.build()
            .unwrap()
            .install(|| model.explain().contributions(many.view()).unwrap())
    };
    let one = explain(1);
    for threads in [2, 3, 5, 8] {
        assert_eq!(one, explain(threads));
    }
    // Memory for the result, and so for a few parts at a time.
    let little = model
        .explain()
        .with_memory_limit(one.len() * size_of::<f32>());
    assert_eq!(one, little.contributions(many.view()).unwrap());
    let last = many.slice(ndarray::s![695..696, ..]);
    let alone = model.explain().contributions(last).unwrap();
    assert_eq!(alone.index_axis(Axis(0), 0), one.index_axis(Axis(0), 695));
    assert_eq!(
        model
            .explain()
            .contributions(inputs.slice(ndarray::s![..0, ..]))
            .unwrap()
            .dim(),
        (0, 2, 13)
    );
}

#[test]
fn rounds_after_the_best_are_not_explained() {
    let (model, inputs) = drawn(1, 4, 20);
    let mut ensemble = model.ensemble().clone();
    ensemble.rounds = vec![0, 2, 4];
    ensemble.best_round = Some(0);
    let best = BoostedTrees::new(ensemble).unwrap();
    let sums = best
        .explain()
        .contributions(inputs.view())
        .unwrap()
        .sum_axis(Axis(2));
    let margins = best.predict_margins(inputs.view()).unwrap();
    assert!(
        (&sums - &margins)
            .iter()
            .all(|difference| difference.abs() < 1e-6)
    );
    assert_ne!(margins, model.predict_margins(inputs.view()).unwrap());
}

#[test]
fn hostile_depth_neither_overflows_nor_hangs() {
    for columns in [10_000_u32, 1, 7] {
        let tree = sample::chain(10_000, |split| split as u32 % columns);
        let model = sample::model(columns as usize, &[0.25], vec![(tree, 0)]);
        let mut draw = Draw(1);
        let shape = (2, columns as usize);
        let inputs = Array2::from_shape_simple_fn(shape, || 0.4 + draw.next() as f32);
        let explain = model.explain();
        let contributions = explain.contributions(inputs.view()).unwrap();
        let margins = model.predict_margins(inputs.view()).unwrap();
        for (sum, margin) in contributions
            .mapv(f64::from)
            .sum_axis(Axis(2))
            .iter()
            .zip(&margins)
        {
            assert!((sum - f64::from(*margin)).abs() < 1e-5, "{sum} {margin}");
        }
    }
}

#[test]
fn covers_that_tell_nothing_count_as_halves() {
    let tree = sample::chain(4, |split| split as u32);
    for cover in [0.0, -1.0, f32::NAN, f32::INFINITY] {
        let mut nodes = tree.nodes().to_vec();
        for node in &mut nodes {
            let (Node::Split { cover: found, .. } | Node::Leaf { cover: found, .. }) = node;
            *found = cover;
        }
        let values = (0..5).map(|leaf| tree.leaf(leaf)[0]).collect();
        let model = sample::model(4, &[0.0], vec![(Tree::new(nodes, 1, values), 0)]);
        let inputs = ndarray::array![[1.0, 0.0, 1.0, f32::NAN]];
        let found = model.explain().contributions(inputs.view()).unwrap();
        let margin = model.predict_margins(inputs.view()).unwrap()[[0, 0]];
        assert!((found.sum() - margin).abs() < 1e-6, "{cover}: {found}");
    }
}

#[test]
fn a_result_beyond_the_allowed_memory_is_refused_before_it_is_made() {
    let (model, _) = drawn(4, 30, 60);
    let inputs = Array2::zeros((1_000, 30));
    let explain = model.explain().with_memory_limit(1_000_000);
    let pairs = explain.pairs().unwrap().len();
    assert!(explain.contributions(inputs.view()).is_ok());
    let error = explain.interactions(inputs.view()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the explanations need 7688000 bytes, at most 1000000 are allowed"
    );
    assert!(explain.interactions_among(inputs.view(), &[1, 2]).is_ok());
    let few = inputs.slice(ndarray::s![..10, ..]);
    assert_eq!(
        explain.compact_interactions(few).unwrap().dim(),
        (10, 2, pairs)
    );
    let error = model.explain().with_memory_limit(64).pairs().unwrap_err();
    assert!(error.to_string().starts_with("the pairs of columns need "));
    // 50 million pairs.
    let tree = sample::chain(10_000, |split| split as u32);
    let model = sample::model(10_000, &[0.0], vec![(tree, 0)]);
    let explain = model.explain().with_memory_limit(100_000_000);
    assert!(explain.pairs().is_err());
    let one = Array2::zeros((1, 10_000));
    assert!(explain.interactions(one.view()).is_err());
}

#[test]
fn chosen_columns_have_their_lines_of_the_whole() {
    let (model, inputs) = drawn(6, 5, 30);
    let explain = model.explain();
    let whole = explain.interactions(inputs.view()).unwrap();
    let chosen = [3, 0, 3];
    let part = explain.interactions_among(inputs.view(), &chosen).unwrap();
    for ((row, output, one, other), value) in part.indexed_iter() {
        assert_eq!(*value, whole[[row, output, chosen[one], chosen[other]]]);
    }
    let pairs = explain.pairs().unwrap();
    let compact = explain.compact_interactions(inputs.view()).unwrap();
    for ((row, output, pair), value) in compact.indexed_iter() {
        let [one, other] = pairs[pair];
        assert_eq!(*value, whole[[row, output, one, other]]);
    }
    let used = explain.compact_contributions(inputs.view()).unwrap();
    let all = explain.contributions(inputs.view()).unwrap();
    for ((row, output, slot), value) in used.indexed_iter() {
        assert_eq!(*value, all[[row, output, explain.columns()[slot]]]);
    }
    let error = explain.interactions_among(inputs.view(), &[5]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "column 5 was asked for, the model has 5 columns"
    );
}

#[test]
fn infinite_inputs_and_other_columns_are_refused() {
    let (model, _) = drawn(2, 3, 9);
    let explain = model.explain();
    let mut inputs = Array2::zeros((500, 3));
    // Another part may be the first to find its own.
    for (row, column) in [(499, 0), (431, 2), (431, 1), (440, 0)] {
        inputs[[row, column]] = f32::INFINITY;
    }
    let error = explain.contributions(inputs.view()).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("input in row 431, column 1: ")
    );
    assert_eq!(
        explain.compact_interactions(inputs.view()).unwrap_err(),
        error
    );
    assert!(explain.contributions(Array2::zeros((1, 2)).view()).is_err());
}
