//! Pictures of trees.

use svg::Document;
use svg::node::element::{Element, Group, Line, Rectangle, Style, Text, Title};

use super::dump::{printable, values};
use super::layout;
use crate::BoostedTrees;
use crate::tree::{Node, Tree};

/// Pixels between the middles of neighbours, of levels, and around everything.
const ACROSS: f64 = 150.0;
const DOWN: f64 = 104.0;
const MARGIN: f64 = 16.0;

/// Pixels of a box.
const WIDTH: f64 = 134.0;
const SPLIT_HEIGHT: f64 = 54.0;
const LEAF_HEIGHT: f64 = 38.0;

/// Letters of a line in a box, and numbers of a leaf, at most.
const LETTERS: usize = 20;
const VALUES: usize = 3;

const STYLE: &str = "text{font-family:sans-serif;font-size:11px;fill:#222;text-anchor:middle}\
    .name{font-weight:bold}.stat{fill:#6e6e6e;font-size:10px}\
    .split rect{fill:#fff;stroke:#222}.more rect{fill:#d5e8f3;stroke:#0072b2}\
    .less rect{fill:#fbe3d4;stroke:#d55e00}line{stroke:#6e6e6e}line.missing{stroke:#0072b2;stroke-width:2.5}\
    line+text{stroke:#fff;stroke-width:3px;paint-order:stroke}";

impl BoostedTrees {
    /// Draws a tree as SVG text.
    ///
    /// A box for each split says its column and threshold, by how much it lowers the loss (gain) and the sum of second
    /// derivatives of the training rows that came there (cover); one for each leaf what it adds, blue above 0, orange
    /// below. Rows that miss the value go along the thick line. Exact numbers and full names show where the mouse rests.
    ///
    /// # Panics
    ///
    /// When there is no such tree.
    pub fn picture(&self, tree: usize) -> String {
        let tree = &self.trees()[tree];
        let places = layout::tidy(tree);
        let middle = |at: usize| {
            let (x, level) = places[at];
            let x = MARGIN + WIDTH / 2.0 + x * ACROSS;
            (x, MARGIN + SPLIT_HEIGHT / 2.0 + level as f64 * DOWN)
        };
        let right = places.iter().map(|place| place.0).fold(0.0, f64::max);
        let width = 2.0 * MARGIN + WIDTH + right * ACROSS;
        let height = 2.0 * MARGIN + SPLIT_HEIGHT + tree.depth() as f64 * DOWN;
        let mut lines = Group::new();
        let mut boxes = Group::new();
        for (at, node) in tree.nodes().iter().enumerate() {
            boxes = boxes.add(self.node(tree, *node, middle(at)));
            if let Node::Split {
                missing_left,
                left,
                right,
                ..
            } = *node
            {
                let children = [(left, "yes", missing_left), (right, "no", !missing_left)];
                for (child, answer, missing) in children {
                    lines = edge(lines, middle(at), middle(child as usize), (answer, missing));
                }
            }
        }
        let document = Document::new()
            .set("width", width)
            .set("height", height)
            .set("viewBox", (0, 0, width, height))
            .add(Style::new(STYLE))
            .add(
                Rectangle::new()
                    .set("width", width)
                    .set("height", height)
                    .set("fill", "#fff"),
            )
            .add(lines)
            .add(boxes);
        document.to_string()
    }

    /// Draws the box of a node.
    fn node(&self, tree: &Tree, node: Node, at: (f64, f64)) -> Element {
        match node {
            Node::Leaf { leaf, cover } => {
                let adds = tree.leaf(leaf);
                let kind = match adds.iter().sum::<f32>() < 0.0 {
                    true => "less",
                    false => "more",
                };
                let shown: Vec<String> = adds.iter().take(VALUES).map(|&v| short(v)).collect();
                let more = if adds.len() > VALUES { ", …" } else { "" };
                let lines = [
                    ("name", format!("{}{more}", shown.join(", "))),
                    ("stat", format!("cover {}", short(cover))),
                ];
                let full = format!("leaf {}, cover {cover}", values(tree, leaf));
                boxed(kind, at, LEAF_HEIGHT, full, &lines)
            }
            Node::Split {
                column,
                threshold,
                loss_change,
                cover,
                ..
            } => {
                let name = printable(&self.name_of(column as usize));
                let lines = [
                    ("name", shortened(&name)),
                    ("condition", format!("< {}", short(threshold))),
                    (
                        "stat",
                        format!("gain {}, cover {}", short(loss_change), short(cover)),
                    ),
                ];
                let full = format!("{name} < {threshold}, gain {loss_change}, cover {cover}");
                boxed("split", at, SPLIT_HEIGHT, full, &lines)
            }
        }
    }
}

/// Draws a box with lines of text.
fn boxed(
    kind: &str,
    (x, y): (f64, f64),
    height: f64,
    full: String,
    lines: &[(&str, String)],
) -> Element {
    let frame = Rectangle::new()
        .set("x", x - WIDTH / 2.0)
        .set("y", y - height / 2.0)
        .set("width", WIDTH)
        .set("height", height)
        .set("rx", 5);
    let mut group = Group::new()
        .set("class", kind)
        .add(Title::new(full))
        .add(frame);
    for (place, (class, line)) in lines.iter().enumerate() {
        // Letters stand on their line: a third of their height is added.
        let aside = place as f64 - (lines.len() as f64 - 1.0) / 2.0;
        group = group.add(
            Text::new(line.as_str())
                .set("class", *class)
                .set("x", x)
                .set("y", y + 15.0 * aside + 4.0),
        );
    }
    group.into()
}

/// Draws the line between two boxes, with its answer.
fn edge(
    lines: Group,
    (x1, y1): (f64, f64),
    (x2, y2): (f64, f64),
    (answer, missing): (&str, bool),
) -> Group {
    let (y1, y2) = (y1 + SPLIT_HEIGHT / 2.0, y2 - LEAF_HEIGHT / 2.0);
    let line = Line::new()
        .set("x1", x1)
        .set("y1", y1)
        .set("x2", x2)
        .set("y2", y2)
        .set("class", if missing { "missing" } else { "present" });
    let label = match missing {
        true => format!("{answer}, missing"),
        false => answer.to_owned(),
    };
    let aside = if x2 < x1 { -6.0 } else { 6.0 };
    let label = Text::new(label)
        .set("class", "stat")
        .set(
            "style",
            if x2 < x1 {
                "text-anchor:end"
            } else {
                "text-anchor:start"
            },
        )
        .set("x", (x1 + x2) / 2.0 + aside)
        .set("y", (y1 + y2) / 2.0);
    lines.add(line).add(label)
}

/// Rounds a number to four digits.
fn short(value: f32) -> String {
    let size = value.abs();
    if size != 0.0 && !(1e-3..1e5).contains(&size) {
        return format!("{value:.2e}");
    }
    let whole = if size == 0.0 {
        0.0
    } else {
        size.log10().floor()
    };
    let text = format!("{value:.*}", (3.0 - whole).max(0.0) as usize);
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

/// Cuts a long name in the middle: columns of one table often begin alike.
fn shortened(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    if letters.len() <= LETTERS {
        return name.to_owned();
    }
    let half = (LETTERS - 1) / 2;
    let (first, last) = (&letters[..half], &letters[letters.len() - half..]);
    first.iter().chain(&['…']).chain(last).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explain::sample::{self, Draw};

    #[test]
    fn a_picture_has_a_box_for_each_node_and_a_line_for_each_edge() {
        let tree = Draw(2).tree(4, 9, 1);
        let svg = sample::model(4, &[0.0], vec![(tree, 0)]).picture(0);
        let count = |text: &str| svg.matches(text).count();
        assert_eq!((count("<title>"), count("<line")), (19, 18));
        assert_eq!((count("class=\"missing\""), count(", missing")), (9, 9));
        assert_eq!(count("class=\"less\"") + count("class=\"more\""), 10);
        assert!(svg.starts_with("<svg"));
    }

    #[test]
    fn names_cannot_break_out_of_the_picture() {
        let tree = sample::chain(1, |_| 0);
        let model = sample::model(1, &[0.0], vec![(tree, 0)]);
        let name = "</title><script>&\u{0}a very long name indeed";
        let svg = model.with_column_names([name]).unwrap().picture(0);
        assert!(!svg.contains("<script") && !svg.contains('\u{0}'));
        assert!(
            svg.contains("&lt;script&gt;&amp; a very long name indeed &lt; 0.5"),
            "{svg}"
        );
        assert!(svg.contains("&lt;/title&gt;&lt;…me indeed"), "{svg}");
    }

    #[test]
    fn numbers_are_rounded_to_what_a_box_holds() {
        let found = [0.0, 1.0, -0.306_759, 12.3456, 4000.531, 123_456.0, 1e-7].map(short);
        assert_eq!(found.join(" "), "0 1 -0.3068 12.35 4001 1.23e5 1.00e-7");
    }

    #[test]
    fn a_chain_of_ten_thousand_splits_is_drawn() {
        let tree = sample::chain(10_000, |_| 0);
        let svg = sample::model(1, &[0.0], vec![(tree, 0)]).picture(0);
        assert_eq!(svg.matches("<title>").count(), 20_001);
    }
}
