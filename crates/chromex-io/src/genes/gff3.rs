use std::collections::{HashMap, HashSet};

use super::LeftOut;
use super::attributes::Attributes;
use super::features::Term;
use super::ids::{is_placeholder, without_source};
use super::loci::{Draft, OwnLine, Span};
use super::transcripts::TranscriptLines;

/// How far up a transcript's gene is looked for; no source nests deeper, and circles end there.
const MOST_LEVELS: usize = 8;

/// The features of a GFF3. What each is depends on its parents and children, which may stand anywhere, so that all are held
/// until the file is read.
#[derive(Default)]
pub(super) struct Features {
    nodes: Vec<Node>,
    /// The exons of each parent.
    exons: HashMap<String, TranscriptLines>,
    /// What lines of exons say of their gene, where the file has no line of it.
    exon_genes: HashMap<String, Hints>,
}

/// A line that may be a gene or a transcript.
struct Node {
    id: String,
    kind: String,
    term: Term,
    parents: Vec<String>,
    hints: Hints,
    /// Whether its attributes call it a gene.
    is_called_gene: bool,
    tags: Vec<String>,
    span: Span,
    part: Option<u32>,
    order: usize,
}

/// What a line says of its gene.
#[derive(Clone, Default)]
struct Hints {
    gene: String,
    symbol: String,
    biotype: String,
}

/// What a feature turned out to be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Gene,
    Transcript,
    Unused,
}

/// What a file of features holds.
pub(super) struct Settled {
    /// The genes by their raw ids, in the order of the file.
    pub(super) genes: Vec<(String, Draft)>,
    pub(super) left_out: Vec<(String, LeftOut)>,
    /// The types of lines that were not used.
    pub(super) unused: Vec<String>,
}

impl Features {
    /// Takes a line; gives whether it may be of use.
    pub(super) fn add(
        &mut self,
        kind: &str,
        span: Span,
        attributes: &Attributes<'_>,
        order: usize,
    ) -> bool {
        let any = |keys: &[&str]| {
            let named = |key: &&str| attributes.first(key).filter(|name| !is_placeholder(name));
            keys.iter().find_map(named).unwrap_or_default()
        };
        let term = Term::of(kind);
        let parents: Vec<String> = attributes.values("Parent").collect();
        let hints = |symbol: &[&str], biotype: &[&str]| Hints {
            gene: any(&["gene_id"]),
            symbol: any(symbol),
            biotype: any(biotype),
        };
        match term {
            Term::Part => return false,
            Term::Exon => {
                let hints = hints(&["gene_name", "gene"], &["gene_type", "gene_biotype"]);
                for parent in &parents {
                    let exons = self.exons.entry(parent.clone()).or_default();
                    exons.add_exon(span.clone(), order);
                    let known = self.exon_genes.entry(parent.clone()).or_default();
                    for (own, new) in [
                        (&mut known.gene, &hints.gene),
                        (&mut known.symbol, &hints.symbol),
                        (&mut known.biotype, &hints.biotype),
                    ] {
                        if !new.is_empty() && (own.is_empty() || *new < *own) {
                            own.clone_from(new);
                        }
                    }
                }
                return !parents.is_empty();
            }
            _ => {}
        }
        let id = attributes.first("ID").filter(|id| !is_placeholder(id));
        let is_gene_id = id.as_deref().is_some_and(|id| {
            let id = id.to_ascii_lowercase();
            id.starts_with("gene:") || id.starts_with("gene-")
        });
        let is_called_gene = is_gene_id
            || attributes.first("gbkey").is_some_and(|key| key == "Gene")
            || attributes.first("gene_id").is_some();
        // What has neither a name nor a known type can be no one's parent.
        if matches!(term, Term::Other | Term::Sequence) && id.is_none() && !is_called_gene {
            return false;
        }
        let hints = match term {
            Term::Transcript => hints(&["gene_name", "gene"], &["gene_type", "gene_biotype"]),
            _ => hints(
                &["gene_name", "Name", "gene"],
                &["gene_type", "gene_biotype", "biotype"],
            ),
        };
        // A gene without an id is called by another name that it has, and by its place at last.
        let other = match term {
            Term::Transcript => any(&["transcript_id", "Name"]),
            _ => any(&["gene_id", "locus_tag", "Name"]),
        };
        let id = id.unwrap_or_else(|| match other.is_empty() {
            true => super::drafts::place_name(&span),
            false => other,
        });
        let part = attributes.first("part").and_then(|part| part_of(&part));
        self.nodes.push(Node {
            id,
            kind: kind.to_owned(),
            term,
            parents,
            hints,
            is_called_gene,
            tags: attributes.values("tag").collect(),
            span,
            part,
            order,
        });
        true
    }

    /// Finds out what each feature is, and gives transcripts to their genes.
    pub(super) fn settled(mut self) -> Settled {
        let roles = self.roles();
        let has_genes = roles.values().any(|role| *role == Role::Gene);
        let mut settled = Settled {
            genes: Vec::new(),
            left_out: Vec::new(),
            unused: Vec::new(),
        };
        let mut places: HashMap<String, usize> = HashMap::new();
        let parents_of: HashMap<String, Vec<String>> = self.parents();
        let nodes = std::mem::take(&mut self.nodes);
        let mut transcripts: Vec<(String, TranscriptLines, Vec<String>, Hints)> = Vec::new();
        let mut transcript_places: HashMap<String, usize> = HashMap::new();
        for node in nodes {
            match roles[&node.id] {
                Role::Unused => settled.unused.push(node.kind),
                Role::Gene => {
                    let place = place_of(&mut settled.genes, &mut places, &node.id);
                    settled.genes[place].1.own.push(OwnLine {
                        span: node.span,
                        part: node.part,
                        symbol: node.hints.symbol,
                        biotype: node.hints.biotype,
                    });
                }
                Role::Transcript => {
                    let genes = genes_of(&node.id, &parents_of, &roles);
                    let Some(genes) = genes else {
                        settled.unused.push(node.kind);
                        continue;
                    };
                    let place = *transcript_places.entry(node.id.clone()).or_insert_with(|| {
                        transcripts.push((
                            node.id.clone(),
                            TranscriptLines::default(),
                            genes,
                            node.hints.clone(),
                        ));
                        transcripts.len() - 1
                    });
                    let lines = &mut transcripts[place].1;
                    lines.add(node.span, node.part, node.order);
                    lines.tags.extend(node.tags);
                }
            }
        }
        for (id, mut lines, mut genes, hints) in transcripts {
            if let Some(exons) = self.exons.remove(&id) {
                lines.add_exons(exons);
            }
            let parents = parents_of.get(&id).map_or(&[][..], Vec::as_slice);
            let is_orphan =
                !parents.is_empty() && parents.iter().all(|parent| !roles.contains_key(parent));
            if genes.is_empty() && has_genes && is_orphan {
                settled
                    .left_out
                    .push((without_source(&id).to_owned(), LeftOut::NoParent));
                continue;
            }
            if genes.is_empty() && is_orphan {
                genes = parents.to_vec();
            } else if genes.is_empty() {
                // What has no parent is its own gene, or that of its attribute.
                genes.push(match hints.gene.is_empty() {
                    true => id.clone(),
                    false => hints.gene.clone(),
                });
            }
            give(&mut settled, &mut places, &genes, (&id, lines), &hints);
        }
        let mut orphans: Vec<(String, TranscriptLines)> = self.exons.into_iter().collect();
        orphans.sort_by_key(|(_, exons)| exons.order());
        for (id, exons) in orphans {
            // What lies in a gene and in no transcript of it says nothing of transcripts.
            if roles.contains_key(&id) {
                continue;
            }
            if has_genes {
                settled
                    .left_out
                    .push((without_source(&id).to_owned(), LeftOut::NoParent));
                continue;
            }
            let hints = self.exon_genes.remove(&id).unwrap_or_default();
            let gene = match hints.gene.is_empty() {
                true => id.clone(),
                false => hints.gene.clone(),
            };
            give(&mut settled, &mut places, &[gene], (&id, exons), &hints);
        }
        settled
    }

    /// Lists the parents that the lines of each id name.
    fn parents(&self) -> HashMap<String, Vec<String>> {
        let mut parents: HashMap<String, Vec<String>> = HashMap::new();
        for node in &self.nodes {
            let own = parents.entry(node.id.clone()).or_default();
            for parent in &node.parents {
                if !own.contains(parent) {
                    own.push(parent.clone());
                }
            }
        }
        parents
    }

    /// Decides by types, then by attributes and children.
    fn roles(&self) -> HashMap<String, Role> {
        let mut of_genes: HashSet<&str> = HashSet::new();
        let mut transcript_parents: HashSet<&str> = HashSet::new();
        for node in &self.nodes {
            if node.term == Term::Gene {
                of_genes.insert(&node.id);
            }
            if node.term == Term::Transcript {
                transcript_parents.extend(node.parents.iter().map(String::as_str));
            }
        }
        let mut roles = HashMap::new();
        for node in &self.nodes {
            let in_gene = node
                .parents
                .iter()
                .any(|parent| *parent != node.id && of_genes.contains(parent.as_str()));
            let has_exons = self.exons.contains_key(&node.id);
            let role = match node.term {
                // A pseudogene within a gene is its transcript.
                Term::Gene if in_gene => Role::Transcript,
                Term::Gene => Role::Gene,
                Term::Transcript => Role::Transcript,
                Term::Other if node.parents.is_empty() => {
                    if transcript_parents.contains(node.id.as_str()) || node.is_called_gene {
                        Role::Gene
                    } else if has_exons {
                        Role::Transcript
                    } else {
                        Role::Unused
                    }
                }
                Term::Other if has_exons => Role::Transcript,
                _ => Role::Unused,
            };
            let known = roles.entry(node.id.clone()).or_insert(role);
            if role == Role::Gene || *known == Role::Unused {
                *known = role;
            }
        }
        roles
    }
}

/// Finds the genes above a transcript: none where its parents are not in the file or no genes, nothing where it lies within
/// another transcript, as a mature miRNA in its precursor.
fn genes_of(
    id: &str,
    parents: &HashMap<String, Vec<String>>,
    roles: &HashMap<String, Role>,
) -> Option<Vec<String>> {
    let mut genes = Vec::new();
    let mut level: Vec<&str> = vec![id];
    let mut is_nested = false;
    for _ in 0..MOST_LEVELS {
        let above = level.iter().filter_map(|id| parents.get(*id)).flatten();
        let mut next = Vec::new();
        for parent in above {
            match roles.get(parent) {
                Some(Role::Gene) if !genes.contains(parent) => genes.push(parent.clone()),
                Some(Role::Transcript) if parent != id => is_nested = true,
                Some(Role::Unused) => next.push(parent.as_str()),
                _ => {}
            }
        }
        level = next;
    }
    match is_nested && genes.is_empty() {
        true => None,
        false => Some(genes),
    }
}

/// Finds or begins a gene.
fn place_of(
    genes: &mut Vec<(String, Draft)>,
    places: &mut HashMap<String, usize>,
    id: &str,
) -> usize {
    *places.entry(id.to_owned()).or_insert_with(|| {
        genes.push((id.to_owned(), Draft::default()));
        genes.len() - 1
    })
}

/// Gives the places of a transcript to its genes.
fn give(
    settled: &mut Settled,
    places: &mut HashMap<String, usize>,
    genes: &[String],
    (id, lines): (&str, TranscriptLines),
    hints: &Hints,
) {
    let placed = lines.placed(without_source(id));
    for gene in genes {
        let place = place_of(&mut settled.genes, places, gene);
        let draft = &mut settled.genes[place].1;
        draft.transcripts.extend(placed.iter().cloned());
        draft.symbols.push(hints.symbol.clone());
        draft.biotypes.push(hints.biotype.clone());
    }
}

/// Reads the number of `1`, `1/2` and `part1`.
pub(super) fn part_of(text: &str) -> Option<u32> {
    let digits = text.trim_start_matches(|letter: char| !letter.is_ascii_digit());
    let end = digits.bytes().take_while(u8::is_ascii_digit).count();
    digits[..end].parse().ok()
}
