//! Trees as text: for readers, and for Graphviz.

use std::fmt;

use crate::BoostedTrees;
use crate::tree::{Node, Tree};

/// Levels that lines are indented for: deeper ones would be more spaces than text.
const DEEPEST_INDENT: usize = 64;

impl BoostedTrees {
    /// Writes every tree as text, in the layout of XGBoost's `get_dump(with_stats=True)`: a line for each node, with its
    /// number, its column and threshold, where rows go that are below it, are not, or miss the value, by how much the
    /// split lowers the loss, and the sum of second derivatives of the training rows that came there.
    ///
    /// Numbers have as many digits as tell them apart. Lines are indented by tabs, up to 64.
    ///
    /// # Examples
    ///
    /// ```
    /// # use chromex_boosting::GradientBoosting;
    /// # use ndarray::array;
    /// # let marks = array![[0.0_f32], [1.0], [8.0], [9.0]];
    /// # let expression = array![[0.5_f32], [0.5], [4.5], [4.5]];
    /// let boosting = GradientBoosting { rounds: 1, ..GradientBoosting::default() };
    /// let model = boosting.fit_table(marks.view(), expression.view())?.with_column_names(["H3K4me3"])?;
    /// assert!(model.dump().to_string().contains("0:[H3K4me3<4.5] yes=1,no=2,missing="));
    /// # Ok::<(), chromex_boosting::Error>(())
    /// ```
    pub fn dump(&self) -> impl fmt::Display + '_ {
        Dump {
            model: self,
            trees: 0..self.trees().len(),
        }
    }

    /// Writes a tree as text, as [`dump`](Self::dump) does.
    ///
    /// # Panics
    ///
    /// When there is no such tree.
    pub fn dump_tree(&self, tree: usize) -> impl fmt::Display + '_ {
        assert!(tree < self.trees().len(), "no tree {tree}");
        Dump {
            model: self,
            trees: tree..tree + 1,
        }
    }

    /// Writes a tree in the language of Graphviz: `dot -Tsvg` draws it.
    ///
    /// Edges that rows which miss the value go along are marked `missing`.
    ///
    /// # Panics
    ///
    /// When there is no such tree.
    pub fn graphviz(&self, tree: usize) -> impl fmt::Display + '_ {
        Graphviz {
            model: self,
            tree: &self.trees()[tree],
        }
    }
}

struct Dump<'a> {
    model: &'a BoostedTrees,
    trees: std::ops::Range<usize>,
}

impl fmt::Display for Dump<'_> {
    fn fmt(&self, text: &mut fmt::Formatter<'_>) -> fmt::Result {
        for index in self.trees.clone() {
            writeln!(text, "booster[{index}]:")?;
            let tree = &self.model.trees()[index];
            let mut open = vec![(0, 0)];
            while let Some((at, depth)) = open.pop() {
                for _ in 0..depth.min(DEEPEST_INDENT) {
                    text.write_str("\t")?;
                }
                match tree.nodes()[at] {
                    Node::Leaf { leaf, cover } => {
                        writeln!(text, "{at}:leaf={},cover={cover}", values(tree, leaf))?;
                    }
                    Node::Split {
                        column,
                        threshold,
                        missing_left,
                        left,
                        right,
                        loss_change,
                        cover,
                    } => {
                        let name = printable(&self.model.name_of(column as usize));
                        let missing = if missing_left { left } else { right };
                        writeln!(
                            text,
                            "{at}:[{name}<{threshold}] yes={left},no={right},missing={missing},\
                             gain={loss_change},cover={cover}"
                        )?;
                        open.extend([right, left].map(|child| (child as usize, depth + 1)));
                    }
                }
            }
        }
        Ok(())
    }
}

struct Graphviz<'a> {
    model: &'a BoostedTrees,
    tree: &'a Tree,
}

impl fmt::Display for Graphviz<'_> {
    fn fmt(&self, text: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(text, "digraph {{")?;
        writeln!(
            text,
            "    node [shape=box, style=rounded, fontname=\"sans-serif\"]"
        )?;
        writeln!(text, "    edge [fontname=\"sans-serif\"]")?;
        for (at, node) in self.tree.nodes().iter().enumerate() {
            match *node {
                Node::Leaf { leaf, cover } => {
                    let values = values(self.tree, leaf);
                    writeln!(
                        text,
                        "    {at} [label=\"leaf {values}\\ncover {cover}\", style=filled]"
                    )?;
                }
                Node::Split {
                    column,
                    threshold,
                    missing_left,
                    left,
                    right,
                    loss_change,
                    cover,
                } => {
                    let name = printable(&self.model.name_of(column as usize));
                    let name = name.replace('\\', "\\\\").replace('"', "\\\"");
                    writeln!(
                        text,
                        "    {at} [label=\"{name} < {threshold}\\ngain {loss_change}\\ncover {cover}\"]"
                    )?;
                    for (child, answer, missing) in
                        [(left, "yes", missing_left), (right, "no", !missing_left)]
                    {
                        let missing = if missing { ", missing" } else { "" };
                        writeln!(text, "    {at} -> {child} [label=\"{answer}{missing}\"]")?;
                    }
                }
            }
        }
        writeln!(text, "}}")
    }
}

/// What a leaf adds: a number, or a list of them.
pub(super) fn values(tree: &Tree, leaf: u32) -> String {
    match tree.leaf(leaf) {
        [value] => value.to_string(),
        values => {
            let values: Vec<String> = values.iter().map(f32::to_string).collect();
            format!("[{}]", values.join(","))
        }
    }
}

/// Puts spaces where a name has characters that would end a line, or that drawings cannot have.
pub(super) fn printable(name: &str) -> String {
    name.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use crate::explain::sample;

    #[test]
    fn names_cannot_break_out_of_their_line_or_label() {
        let tree = sample::chain(1, |_| 0);
        let model = sample::model(1, &[0.0], vec![(tree, 0)]);
        let model = model.with_column_names(["a \"b\\\n<c>"]).unwrap();
        assert_eq!(model.dump().to_string().lines().count(), 4);
        let text = model.graphviz(0).to_string();
        assert!(
            text.contains(r#"0 [label="a \"b\\ <c> < 0.5\ngain 1\ncover 2"]"#),
            "{text}"
        );
        assert!(text.contains(r#"0 -> 1 [label="yes, missing"]"#));
        assert!(text.contains(r#"0 -> 2 [label="no"]"#));
    }

    #[test]
    fn a_chain_of_ten_thousand_splits_is_dumped() {
        let tree = sample::chain(10_000, |split| split as u32);
        let model = sample::model(10_000, &[0.0], vec![(tree, 0)]);
        let text = model.dump().to_string();
        assert_eq!(text.lines().count(), 20_002);
        assert!(text.len() < 4_000_000);
        assert!(model.graphviz(0).to_string().len() < 4_000_000);
    }
}
