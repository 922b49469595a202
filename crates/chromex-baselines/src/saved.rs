use std::path::Path;

use burn::module::Module;
use chromex_core::MarkLayout;
use chromex_nn::{Error, Result, weights};

use crate::{DeepDiff, SignalNetwork, WakaWaka};

/// The note of a weight file that names marks, bins and width.
const NOTE: &str = "chromex.marks";

/// A network that knows which marks it reads, so that its weight file says so.
pub trait KnowsMarks: Module {
    /// Tells the marks and bins that the network was built for; none where it reads none.
    fn marks(&self) -> Option<&MarkLayout>;
}

impl<N: SignalNetwork> KnowsMarks for N {
    fn marks(&self) -> Option<&MarkLayout> {
        Some(self.layout())
    }
}

impl KnowsMarks for DeepDiff {
    fn marks(&self) -> Option<&MarkLayout> {
        Some(self.layout())
    }
}

impl KnowsMarks for WakaWaka {
    fn marks(&self) -> Option<&MarkLayout> {
        self.layout()
    }
}

/// Writes the weights of a network as safetensors whose header names its marks, bins and width.
///
/// # Errors
///
/// [`Error::Core`] when the file cannot be written.
pub fn save_network<N: KnowsMarks>(network: &N, path: &Path) -> Result<()> {
    let mut notes = Vec::new();
    if let Some(layout) = network.marks() {
        let text = serde_json::to_string(layout).expect("names and numbers are JSON");
        notes.push((NOTE, text));
    }
    weights::save_noted(network, path, str::to_owned, &notes)
}

/// Tells the marks, bins and width that a weight file names: those to build its network for. None where it names none.
///
/// # Errors
///
/// [`Error::Io`] when it cannot be read, [`Error::Malformed`] when what it names is no layout.
pub fn saved_marks(path: &Path) -> Result<Option<MarkLayout>> {
    let Some(text) = weights::note(path, NOTE)? else {
        return Ok(None);
    };
    let layout = serde_json::from_str(&text).map_err(|source| Error::Malformed {
        path: path.to_owned(),
        expected: "marks, bins and their width",
        source: source.into(),
    })?;
    Ok(Some(layout))
}

/// Reads weights into a network that was built for the marks that the file names, in their order.
///
/// # Errors
///
/// [`Error::Core`] with both sides when the network was built for other marks, bins or widths, or for the same in another order:
/// its weights are those of other columns. Those of [`saved_marks`] and [`weights::load`].
pub fn load_network<N: KnowsMarks>(network: N, path: &Path) -> Result<N> {
    if let Some(saved) = saved_marks(path)?
        && network.marks() != Some(&saved)
    {
        let found = network.marks().map(ToString::to_string);
        return Err(Error::Core(chromex_core::Error::Shape {
            what: "marks that a network is built for to read saved weights",
            expected: format!("{saved}, as {} names them", path.display()),
            found: found.unwrap_or_else(|| "none".into()),
        }));
    }
    weights::load(network, path, str::to_owned, |_| false)
}
