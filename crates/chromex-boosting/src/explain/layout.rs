//! Where the nodes of a tree stand in a drawing.

use crate::tree::{Node, Tree};

/// Places nodes level by level, parents in the middle above their children, subtrees as close as they fit.
///
/// Gives for each node how many widths of a node it stands from the left, and how many levels down.
///
/// # Citation
///
/// Reingold and Tilford, Tidier drawings of trees, IEEE Transactions on Software Engineering 1981,
/// <https://doi.org/10.1109/TSE.1981.234519>.
pub(super) fn tidy(tree: &Tree) -> Vec<(f64, usize)> {
    let mut outline = Outline {
        nodes: tree.nodes(),
        // How far each node stands right of its parent.
        aside: vec![0.0; tree.nodes().len()],
        threads: vec![None; tree.nodes().len()],
        ends: Vec::new(),
    };
    outline.ends = (0..tree.nodes().len())
        .map(|at| [End { at, aside: 0.0 }; 2])
        .collect();
    // Parents stand before their children.
    for at in (0..tree.nodes().len()).rev() {
        if let Node::Split { left, right, .. } = tree.nodes()[at] {
            outline.join(at, left as usize, right as usize);
        }
    }
    let mut places = vec![(0.0, 0); tree.nodes().len()];
    for (at, node) in tree.nodes().iter().enumerate() {
        if let Node::Split { left, right, .. } = *node {
            for child in [left as usize, right as usize] {
                places[child] = (places[at].0 + outline.aside[child], places[at].1 + 1);
            }
        }
    }
    let leftmost = places.iter().map(|place| place.0).fold(0.0, f64::min);
    for place in &mut places {
        place.0 -= leftmost;
    }
    places
}

/// A node, and how far it stands right of the root of a subtree.
#[derive(Clone, Copy)]
struct End {
    at: usize,
    aside: f64,
}

/// What is known of the subtrees that have been placed.
struct Outline<'a> {
    nodes: &'a [Node],
    aside: Vec<f64>,
    /// Where the outline of a subtree goes on below a leaf, and how far right of it.
    threads: Vec<Option<End>>,
    /// Of each subtree the first and the last node of its lowest level.
    ends: Vec<[End; 2]>,
}

impl Outline<'_> {
    /// Goes one level down along the left or right outline.
    fn next(&self, from: End, side: usize) -> Option<End> {
        let next = match self.nodes[from.at] {
            Node::Split { left, right, .. } => {
                let at = [left, right][side] as usize;
                Some(End {
                    at,
                    aside: self.aside[at],
                })
            }
            Node::Leaf { .. } => self.threads[from.at],
        };
        next.map(|next| End {
            aside: from.aside + next.aside,
            ..next
        })
    }

    /// Places the subtrees of a split beside each other.
    fn join(&mut self, at: usize, left: usize, right: usize) {
        let start = |at| End { at, aside: 0.0 };
        let (mut inner, mut apart) = ((start(left), start(right)), 1.0_f64);
        let (below_left, below_right) = loop {
            // The right outline of the left subtree and the left one of the right.
            let below = (self.next(inner.0, 1), self.next(inner.1, 0));
            let (Some(one), Some(other)) = below else {
                break below;
            };
            apart = apart.max(one.aside - other.aside + 1.0);
            inner = (one, other);
        };
        (self.aside[left], self.aside[right]) = (-apart / 2.0, apart / 2.0);
        let moved = |end: End, child: usize| End {
            aside: end.aside + self.aside[child],
            ..end
        };
        let ends = |child: usize| self.ends[child].map(|end| moved(end, child));
        let (of_left, of_right) = (ends(left), ends(right));
        // The outline of the lower subtree goes on below the end of the other.
        let thread = match (below_left, below_right) {
            (Some(below), None) => {
                self.ends[at] = of_left;
                Some((of_right[1], moved(below, left)))
            }
            (None, Some(below)) => {
                self.ends[at] = of_right;
                Some((of_left[0], moved(below, right)))
            }
            _ => {
                self.ends[at] = [of_left[0], of_right[1]];
                None
            }
        };
        if let Some((end, below)) = thread {
            self.threads[end.at] = Some(End {
                at: below.at,
                aside: below.aside - end.aside,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explain::sample::{self, Draw};
    use proptest::prelude::*;

    fn check(tree: &Tree) {
        let places = tidy(tree);
        let mut levels = vec![Vec::new(); tree.depth() + 1];
        for (at, &(x, level)) in places.iter().enumerate() {
            assert!(x >= 0.0);
            levels[level].push(x);
            if let Node::Split { left, right, .. } = tree.nodes()[at] {
                let (one, other) = (places[left as usize], places[right as usize]);
                assert!(one.0 < other.0 && one.1 == level + 1 && other.1 == level + 1);
                assert!(((one.0 + other.0) / 2.0 - x).abs() < 1e-6);
            }
        }
        for mut level in levels {
            level.sort_by(f64::total_cmp);
            let apart = level.windows(2).map(|pair| pair[1] - pair[0]);
            assert!(apart.into_iter().all(|apart| apart > 1.0 - 1e-6));
        }
    }

    proptest! {
        #[test]
        fn nodes_never_overlap_and_parents_stand_in_the_middle(seed: u64, splits in 0_usize..120) {
            check(&Draw(seed).tree(3, splits, 1));
        }
    }

    #[test]
    fn a_chain_is_drawn_as_narrow_as_a_chain() {
        let tree = sample::chain(10_000, |_| 0);
        check(&tree);
        let right = tidy(&tree).into_iter().map(|place| place.0);
        assert_eq!(right.fold(0.0, f64::max), 5_000.5);
    }
}
