//! Trees as files hold them: an array for each property of the nodes.

use super::value::{Fields, Value, malformed};
use crate::tree::Flaw;
use crate::{Error, Node, Result, Tree};

/// The child of a leaf.
const NO_NODE: i64 = -1;

/// The parent of a root: in trees of one output, and in trees of several.
const NO_PARENT: [i32; 2] = [i32::MAX, -1];

/// The threshold that XGBoost gives to leaves of several outputs.
const NO_THRESHOLD: f32 = f32::from_bits(1);

/// Fields of trees that no prediction needs, or that [`StoredTree::read`] needs of some trees alone. Categories are those of
/// splits that are refused.
const UNUSED: [&str; 8] = [
    "base_weights",
    "categories",
    "categories_nodes",
    "categories_segments",
    "categories_sizes",
    "leaf_child_counts",
    "parents",
    "id",
];

/// A tree before its nodes have been looked at; every array but `values` has an element for each node.
pub(super) struct StoredTree {
    pub(super) outputs: usize,
    pub(super) left: Vec<i64>,
    pub(super) right: Vec<i64>,
    pub(super) columns: Vec<i64>,
    pub(super) thresholds: Vec<f32>,
    pub(super) missing_left: Vec<bool>,
    pub(super) loss_changes: Vec<f32>,
    pub(super) covers: Vec<f32>,
    /// Whether a split is by categories.
    pub(super) categorical: Vec<bool>,
    pub(super) values: Values,
}

/// Where the values of leaves stand.
pub(super) enum Values {
    /// In place of the threshold.
    Thresholds,
    /// Node after node, as XGBoost 2 and 3.0 hold several outputs.
    OfNodes(Vec<f32>),
    /// Leaf after leaf, in the order that stands in place of the right child.
    OfLeaves(Vec<f32>),
}

impl StoredTree {
    /// Reads a tree from the fields of a document.
    pub(super) fn read(mut fields: Fields) -> Result<Self> {
        let mut size = fields.fields("tree_param")?;
        let outputs = size.count("size_leaf_vector")?.unwrap_or(1).max(1);
        let stated = size.count("num_nodes")?;
        size.skip(&["num_deleted", "num_feature"]);
        size.done()?;
        let left = fields.longs("left_children")?;
        let nodes = left.len();
        if let Some(stated) = stated
            && stated != nodes
        {
            let place = fields.place("left_children");
            return Err(sized(place, stated, nodes));
        }
        let longs = |fields: &mut Fields, key| {
            let values = fields.longs(key)?;
            match values.len() {
                found if found == nodes => Ok(values),
                found => Err(sized(fields.place(key), nodes, found)),
            }
        };
        let numbers = |fields: &mut Fields, key| {
            let values = fields.numbers(key)?;
            match values.len() {
                found if found == nodes => Ok(values),
                found => Err(sized(fields.place(key), nodes, found)),
            }
        };
        let right = longs(&mut fields, "right_children")?;
        let columns = longs(&mut fields, "split_indices")?;
        let thresholds = numbers(&mut fields, "split_conditions")?;
        let missing_left = longs(&mut fields, "default_left")?;
        // XGBoost 2 and 3.0 do not store these for several outputs, and XGBoost 1.0 no split types.
        let mut statistics = |key| {
            if outputs > 1 && !fields.has(key) {
                return Ok(vec![0.0; nodes]);
            }
            numbers(&mut fields, key)
        };
        let loss_changes = statistics("loss_changes")?;
        let covers = statistics("sum_hessian")?;
        let categorical = if fields.has("split_type") {
            longs(&mut fields, "split_type")?
        } else {
            vec![0; nodes]
        };
        let values = if outputs == 1 {
            Values::Thresholds
        } else if fields.has("leaf_weights") {
            Values::OfLeaves(fields.numbers("leaf_weights")?)
        } else {
            Values::OfNodes(fields.numbers("base_weights")?)
        };
        fields.skip(&UNUSED);
        fields.done()?;
        Ok(Self {
            outputs,
            left,
            right,
            columns,
            thresholds,
            missing_left: missing_left.into_iter().map(|left| left != 0).collect(),
            loss_changes,
            covers,
            categorical: categorical.into_iter().map(|kind| kind != 0).collect(),
            values,
        })
    }

    /// Puts the tree `tree` of a model together. `weight` is what its leaves are multiplied with.
    ///
    /// Nodes keep their order where parents come before their children; else they are numbered breadth first. Nodes
    /// that XGBoost has pruned, which no way leads to, are left out.
    pub(super) fn into_tree(self, tree: usize, columns: usize, weight: f32) -> Result<Tree> {
        self.assemble(columns, weight)
            .map_err(|(node, expected, found)| Error::MalformedTree {
                tree,
                node,
                expected,
                found,
            })
    }

    fn assemble(&self, columns: usize, weight: f32) -> Result<Tree, Flaw> {
        let order = self.order()?;
        let mut places = vec![0_u32; self.left.len()];
        for (place, &node) in order.iter().enumerate() {
            places[node] = place as u32;
        }
        let mut nodes = Vec::with_capacity(order.len());
        let mut values = Vec::new();
        let mut leaves = 0;
        for node in order {
            let cover = self.covers[node];
            if self.left[node] == NO_NODE {
                let found = self.values_of(node)?;
                if let Some(value) = found.iter().find(|value| !(*value * weight).is_finite()) {
                    return Err((node, "a finite value", value.to_string()));
                }
                values.extend(found.iter().map(|value| value * weight));
                nodes.push(Node::Leaf {
                    leaf: leaves,
                    cover,
                });
                leaves += 1;
                continue;
            }
            if self.categorical[node] {
                return Err((node, "a split by a number", "one by categories".into()));
            }
            let column = self.columns[node];
            if !(0..columns as i64).contains(&column) {
                return Err((node, "a column of the model", column.to_string()));
            }
            let threshold = self.thresholds[node];
            if threshold.is_nan() {
                return Err((node, "a threshold", threshold.to_string()));
            }
            nodes.push(Node::Split {
                column: column as u32,
                threshold,
                missing_left: self.missing_left[node],
                left: places[self.left[node] as usize],
                right: places[self.right[node] as usize],
                loss_change: self.loss_changes[node],
                cover,
            });
        }
        Ok(Tree::new(nodes, self.outputs, values))
    }

    /// Lists the nodes that ways from the root lead to.
    fn order(&self) -> Result<Vec<usize>, Flaw> {
        let nodes = self.left.len();
        if nodes == 0 {
            return Err((0, "a root", "no node".into()));
        }
        let mut met = vec![false; nodes];
        met[0] = true;
        let mut order = vec![0];
        let mut descends = true;
        let mut next = 0;
        while let Some(&node) = order.get(next) {
            next += 1;
            if self.left[node] == NO_NODE {
                continue;
            }
            for child in [self.left[node], self.right[node]] {
                let place = usize::try_from(child).ok().filter(|&place| place < nodes);
                let Some(place) = place else {
                    return Err((node, "a node of the tree as child", child.to_string()));
                };
                if std::mem::replace(&mut met[place], true) {
                    return Err((node, "a child that has no other parent", child.to_string()));
                }
                descends &= place > node;
                order.push(place);
            }
        }
        if descends {
            order.sort_unstable();
        }
        Ok(order)
    }

    fn values_of(&self, leaf: usize) -> Result<&[f32], Flaw> {
        let (values, place) = match &self.values {
            Values::Thresholds => return Ok(std::slice::from_ref(&self.thresholds[leaf])),
            Values::OfNodes(values) => (values, Some(leaf)),
            Values::OfLeaves(values) => (values, usize::try_from(self.right[leaf]).ok()),
        };
        let start = place.and_then(|place| place.checked_mul(self.outputs));
        let end = start.and_then(|start| start.checked_add(self.outputs));
        start
            .zip(end)
            .and_then(|(start, end)| values.get(start..end))
            .ok_or_else(|| {
                let found = format!("{} numbers", values.len());
                (leaf, "a number for each output", found)
            })
    }
}

fn sized(place: String, expected: usize, found: usize) -> Error {
    malformed(
        place,
        format!("an element for each of {expected} nodes"),
        found.to_string(),
    )
}

/// Writes a tree as the fields of a document.
pub(super) fn write(tree: &Tree, id: usize, columns: usize) -> Value {
    let nodes = tree.nodes();
    let several = tree.outputs() > 1;
    let mut left = vec![-1; nodes.len()];
    let mut right = vec![-1; nodes.len()];
    let mut parents = vec![NO_PARENT[usize::from(several)]; nodes.len()];
    let mut split_columns = vec![0; nodes.len()];
    let mut thresholds = vec![NO_THRESHOLD; nodes.len()];
    let mut missing_left = vec![0; nodes.len()];
    let mut loss_changes = vec![0.0; nodes.len()];
    let mut covers = vec![0.0; nodes.len()];
    let mut leaf_values = Vec::new();
    for (place, node) in nodes.iter().enumerate() {
        match *node {
            Node::Split {
                column,
                threshold,
                missing_left: missing,
                left: left_child,
                right: right_child,
                loss_change,
                cover,
            } => {
                left[place] = left_child as i32;
                right[place] = right_child as i32;
                parents[left_child as usize] = place as i32;
                parents[right_child as usize] = place as i32;
                split_columns[place] = column as i32;
                thresholds[place] = threshold;
                missing_left[place] = u8::from(missing);
                loss_changes[place] = loss_change;
                covers[place] = cover;
            }
            Node::Leaf { leaf, cover } => {
                covers[place] = cover;
                if several {
                    right[place] = leaf as i32;
                    leaf_values.extend(tree.leaf(leaf));
                } else {
                    thresholds[place] = tree.leaf(leaf)[0];
                }
            }
        }
    }
    let size = Value::map([
        ("num_deleted", Value::text(0)),
        ("num_feature", Value::text(columns)),
        ("num_nodes", Value::text(nodes.len())),
        ("size_leaf_vector", Value::text(tree.outputs())),
    ]);
    let mut fields = vec![
        ("base_weights", Value::Numbers(weights(tree))),
        ("categories", Value::Integers(Vec::new())),
        ("categories_nodes", Value::Integers(Vec::new())),
        ("categories_segments", Value::Longs(Vec::new())),
        ("categories_sizes", Value::Longs(Vec::new())),
        ("default_left", Value::Bytes(missing_left)),
        ("id", Value::Integer(id as i64)),
        ("left_children", Value::Integers(left)),
        ("loss_changes", Value::Numbers(loss_changes)),
        ("parents", Value::Integers(parents)),
        ("right_children", Value::Integers(right)),
        ("split_conditions", Value::Numbers(thresholds)),
        ("split_indices", Value::Integers(split_columns)),
        ("split_type", Value::Bytes(vec![0; nodes.len()])),
        ("sum_hessian", Value::Numbers(covers)),
        ("tree_param", size),
    ];
    if several {
        fields.insert(7, ("leaf_weights", Value::Numbers(leaf_values)));
    }
    Value::map(fields)
}

/// Gives every node a value for each output: a leaf's own, and of a split the mean over the rows below it.
///
/// XGBoost asks for them, but no prediction does.
fn weights(tree: &Tree) -> Vec<f32> {
    let outputs = tree.outputs();
    let mut weights = vec![0.0_f32; tree.nodes().len() * outputs];
    // Children come after their parents.
    for (place, node) in tree.nodes().iter().enumerate().rev() {
        match *node {
            Node::Leaf { leaf, .. } => {
                weights[place * outputs..][..outputs].copy_from_slice(tree.leaf(leaf));
            }
            Node::Split { left, right, .. } => {
                let share = |child: u32| match tree.nodes()[child as usize] {
                    Node::Leaf { cover, .. } | Node::Split { cover, .. } => f64::from(cover),
                };
                let all = share(left) + share(right);
                for output in 0..outputs {
                    let of = |child: u32| f64::from(weights[child as usize * outputs + output]);
                    let mean = (share(left) * of(left) + share(right) * of(right)) / all;
                    if mean.is_finite() {
                        weights[place * outputs + output] = mean as f32;
                    }
                }
            }
        }
    }
    weights
}
