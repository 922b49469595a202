//! Plots as SVG text, drawn without fonts or a display; whoever shows them sets the text.
//!
//! Colours are Okabe and Ito's, which colour-blind readers can tell apart. Points that are not finite are
//! left out and counted in the caption.

mod axes;
mod canvas;
mod heat_map;
mod intervals;
mod lines;
mod profile;
mod scatter;
mod signed_map;

pub use heat_map::heat_map;
pub use intervals::intervals;
pub use lines::{lines, loss_curve};
pub use profile::profile;
pub use scatter::scatter;
pub use signed_map::{Columns, one_sided_map, signed_map};

/// Reads every `name="value"` of the elements of one kind.
#[cfg(test)]
fn attributes(svg: &str, element: &str, name: &str) -> Vec<String> {
    let open = format!("<{element} ");
    let key = format!(" {name}=\"");
    svg.split(&open)
        .skip(1)
        .filter_map(|rest| {
            let tag = &rest[..rest.find('>')?];
            let tag = format!(" {tag}");
            let value = &tag[tag.find(&key)? + key.len()..];
            Some(value[..value.find('"')?].to_owned())
        })
        .collect()
}
