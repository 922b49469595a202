use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// How many names a message lists.
const SHOWN: usize = 10;

/// Which marks windows hold, in which order, in how many bins of which width.
///
/// Models tell marks apart by their place, files and readers by their names. What is fitted on rows of marks remembers their
/// layout ([`Rows::mark_layouts`](crate::Rows::mark_layouts)), and rows that it is given later are put into it by name: the
/// same marks in another order are the same rows, and anything else is refused. [`Pipeline`](crate::Pipeline) and the trainer of
/// networks do this for every model, so that none of them can forget it.
///
/// # Examples
///
/// ```
/// use chromex_core::MarkLayout;
/// let layout = |marks: [&str; 2], bin_width_bp| MarkLayout {
///     marks: marks.map(String::from).to_vec(),
///     bins: 100,
///     bin_width_bp,
/// };
/// let trained = layout(["H3K4me3", "H3K27me3"], 100);
/// let swapped = layout(["H3K27me3", "H3K4me3"], 100);
/// assert_eq!(trained.places_in(&swapped)?, Some(vec![1, 0]));
/// assert!(trained.places_in(&layout(["H3K4me3", "H3K9me3"], 100)).is_err());
/// assert!(trained.places_in(&layout(["H3K4me3", "H3K27me3"], 25)).is_err());
/// # Ok::<(), chromex_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MarkLayout {
    /// The marks, in the order of the columns.
    pub marks: Vec<String>,
    /// The bins of a window.
    pub bins: usize,
    /// The base pairs that a bin spans.
    pub bin_width_bp: u32,
}

impl MarkLayout {
    /// Finds where each mark of this layout stands in another one; none where all stand in the same place.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] with both layouts when the other one has other marks, bins or widths.
    pub fn places_in(&self, other: &Self) -> Result<Option<Vec<usize>>> {
        if self == other {
            return Ok(None);
        }
        let place = |mark: &String| other.marks.iter().position(|known| known == mark);
        let places: Option<Vec<usize>> = self.marks.iter().map(place).collect();
        let fits = other.bins == self.bins
            && other.bin_width_bp == self.bin_width_bp
            && other.marks.len() == self.marks.len();
        match places {
            Some(places) if fits && is_permutation(&places) => Ok(Some(places)),
            _ => Err(self.refusal(other)),
        }
    }

    /// Says that marks had to be put into another order, where they had to.
    ///
    /// # Errors
    ///
    /// As [`places_in`](Self::places_in).
    pub fn reordering(&self, other: &Self) -> Result<Option<String>> {
        Ok(self.places_in(other)?.map(|_| {
            format!(
                "marks in the order {} are read in the order {}",
                listed(&other.marks),
                listed(&self.marks)
            )
        }))
    }

    /// Tells where the window begins, in base pairs from its middle: below 0.
    ///
    /// Windows around a transcription start have it in the middle unless they were cut otherwise.
    pub fn first_bp_of_centred(&self) -> f64 {
        -(self.bins as f64) * f64::from(self.bin_width_bp) / 2.0
    }

    fn refusal(&self, other: &Self) -> Error {
        let without = |marks: &[String], others: &[String]| -> Vec<String> {
            let lacks = |mark: &&String| !others.contains(mark);
            marks.iter().filter(lacks).cloned().collect()
        };
        let mut found = other.to_string();
        for (what, marks) in [
            ("missing", without(&self.marks, &other.marks)),
            ("not known", without(&other.marks, &self.marks)),
        ] {
            if !marks.is_empty() {
                found.push_str(&format!("; {what}: {}", listed(&marks)));
            }
        }
        Error::Shape {
            what: "windows of marks",
            expected: self.to_string(),
            found,
        }
    }
}

/// Tells whether places are 0, 1, .. in some order.
fn is_permutation(places: &[usize]) -> bool {
    let mut seen = vec![false; places.len()];
    places.iter().all(|&place| match seen.get_mut(place) {
        Some(seen) => !std::mem::replace(seen, true),
        None => false,
    })
}

fn listed(names: &[String]) -> String {
    let shown = names
        .iter()
        .take(SHOWN)
        .map(|name| name.escape_debug().to_string());
    let shown: Vec<String> = shown.collect();
    match names.len() > SHOWN {
        true => format!("{}, and {} more", shown.join(", "), names.len() - SHOWN),
        false => shown.join(", "),
    }
}

impl fmt::Display for MarkLayout {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} bins of {} bp of {} marks ({})",
            self.bins,
            self.bin_width_bp,
            self.marks.len(),
            listed(&self.marks)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(marks: &[&str], bins: usize, bin_width_bp: u32) -> MarkLayout {
        MarkLayout {
            marks: marks.iter().map(|&mark| mark.to_owned()).collect(),
            bins,
            bin_width_bp,
        }
    }

    #[test]
    fn what_does_not_fit_is_refused_with_both_sides() {
        let own = layout(&["a", "b", "c"], 100, 100);
        assert_eq!(own.places_in(&own).unwrap(), None);
        assert_eq!(own.reordering(&own).unwrap(), None);
        let other = layout(&["c", "a", "b"], 100, 100);
        assert_eq!(own.places_in(&other).unwrap(), Some(vec![1, 2, 0]));
        assert_eq!(
            own.reordering(&other).unwrap().unwrap(),
            "marks in the order c, a, b are read in the order a, b, c"
        );
        for other in [
            layout(&["a", "b"], 100, 100),
            layout(&["a", "b", "c", "d"], 100, 100),
            layout(&["a", "b", "A"], 100, 100),
            layout(&["a", "b", "c"], 400, 25),
            layout(&["a", "b", "c"], 100, 25),
            layout(&["c", "b", "a"], 99, 100),
            layout(&["a", "a", "b"], 100, 100),
        ] {
            let message = own.places_in(&other).unwrap_err().to_string();
            assert!(message.contains(&own.to_string()), "{message}");
            assert!(message.contains(&other.to_string()), "{message}");
        }
        let message = own
            .places_in(&layout(&["a", "b", "d"], 100, 100))
            .unwrap_err();
        assert!(message.to_string().ends_with("missing: c; not known: d"));
    }

    #[test]
    fn long_lists_are_cut() {
        let names: Vec<String> = (0..1000).map(|mark| format!("m{mark}")).collect();
        assert!(listed(&names).ends_with("m9, and 990 more"));
    }
}
