use std::fmt::Write as _;
use std::path::Path;

use chromex_core::atomic;
use serde::{Deserialize, Serialize};

use super::{Domain, RegionLattice};
use crate::Result;

/// How the domains of a target were found: which came of which.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exploration {
    /// The target's name.
    pub target: String,
    /// The domains that were kept, and those that they were held against.
    pub nodes: Vec<Node>,
    /// What led from one to another.
    pub links: Vec<Link>,
}

/// A domain of an exploration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Node {
    /// The k-mer and its region.
    pub domain: Domain,
    /// The absolute rank correlation of its counts with expression, over the training rows.
    pub score: f64,
    /// Whether it is a feature; others were only compared with.
    pub kept: bool,
}

/// A step from one domain to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// The place of the domain that it comes from, among the nodes.
    pub from: usize,
    /// The place of the domain that it leads to.
    pub to: usize,
    /// What kind of step it is.
    pub kind: LinkKind,
}

/// The kinds of steps between domains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkKind {
    /// A k-mer became a longer one in the same region.
    Expansion,
    /// The longer k-mer gained on the other shorter one in the same region.
    Control,
    /// A k-mer moved to a region where it scores at least as high.
    Segmentation,
}

impl Exploration {
    /// Writes the graph in the DOT language, which Graphviz draws: `dot -Tsvg graph.dot -o graph.svg`.
    ///
    /// Colours are those of the published program: expansions blue, controls green, segmentations magenta. Features
    /// are filled.
    ///
    /// # Errors
    ///
    /// [`Error::Core`](crate::Error::Core) when the file cannot be written.
    pub fn write_graph(&self, lattice: &RegionLattice, path: &Path) -> Result<()> {
        let graph = self.graph(lattice);
        Ok(atomic::write(path, |file| {
            file.write_all(graph.as_bytes())
        })?)
    }

    fn graph(&self, lattice: &RegionLattice) -> String {
        let mut text = String::from("strict digraph DExTER {\n  rankdir=LR;\n");
        let title = self.target.replace('\\', "\\\\").replace('"', "\\\"");
        // Writing to a string does not fail.
        let _ = writeln!(text, "  label=\"{title}\"; labelloc=t;");
        let _ = writeln!(text, "  node [shape=box, color=lightblue2];");
        for (place, node) in self.nodes.iter().enumerate() {
            let name = node.domain.name(lattice);
            let style = if node.kept { ", style=filled" } else { "" };
            let score = node.score;
            let _ = writeln!(text, "  n{place} [label=\"{name}\\n{score:.4}\"{style}];");
        }
        for link in &self.links {
            let colour = match link.kind {
                LinkKind::Expansion => "blue",
                LinkKind::Control => "green",
                LinkKind::Segmentation => "magenta",
            };
            let gain = match self.nodes[link.from].score {
                0.0 => "new".into(),
                from => format!("{:+.0} %", 100.0 * (self.nodes[link.to].score / from - 1.0)),
            };
            let (from, to) = (link.from, link.to);
            let _ = writeln!(
                text,
                "  n{from} -> n{to} [color={colour}, label=\"{gain}\"];"
            );
        }
        text.push_str("}\n");
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_graph_names_domains_scores_and_gains() {
        let lattice = RegionLattice::from_edges(vec![0, 4, 5, 9], 4).unwrap();
        let node = |kmer: &str, bins, score, kept| Node {
            domain: Domain {
                kmer: kmer.into(),
                bins,
            },
            score,
            kept,
        };
        let exploration = Exploration {
            target: "leaf \"TPM\"".into(),
            nodes: vec![node("TA", 0..3, 0.2, true), node("TAT", 0..1, 0.3, false)],
            links: vec![Link {
                from: 0,
                to: 1,
                kind: LinkKind::Expansion,
            }],
        };
        let graph = exploration.graph(&lattice);
        assert!(graph.contains(r#"label="leaf \"TPM\"""#));
        assert!(graph.contains("n0 [label=\"TA[-4,4]\\n0.2000\", style=filled];"));
        assert!(graph.contains("n1 [label=\"TAT[-4,-1]\\n0.3000\"];"));
        assert!(graph.contains("n0 -> n1 [color=blue, label=\"+50 %\"];"));
    }
}
