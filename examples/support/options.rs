use std::path::PathBuf;

use chromex::core::Experiment;
use chromex::core::Rows;
use chromex::nn::{Device, Precision};
use clap::{Args, ValueEnum};

/// The flags of every example.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// Read real files from this folder instead of simulating
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Write the run into this folder [default: out/NAME]
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Fit what is random with this many seeds
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) seeds: Option<u64>,
    /// Run networks on this device: cpu, cuda[:N] or wgpu
    #[arg(long, value_name = "NAME", default_value = "cpu")]
    pub(crate) device: String,
    /// Multiply in these numbers while networks are trained
    #[arg(long, value_enum, default_value_t = Products::Single)]
    precision: Products,
    /// Run only these models: a name of --list, or its first word
    #[arg(long, value_name = "MODEL,...", value_delimiter = ',')]
    pub(crate) only: Vec<String>,
    /// List the models and stop
    #[arg(long)]
    pub(crate) list: bool,
    /// Go on with what an earlier run left in the folder
    #[arg(long)]
    pub(crate) resume: bool,
    /// Do everything in seconds, too small to mean anything
    #[arg(long)]
    pub(crate) quick: bool,
}

/// Names of [`Precision`].
#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
enum Products {
    /// Four bytes
    Single,
    /// Two bytes with the range of four, for recent GPUs
    Bfloat16,
    /// Two bytes with a narrow range, for older GPUs
    Half,
}

impl Options {
    /// Tells in what numbers training multiplies.
    pub(crate) fn precision(&self) -> Precision {
        match self.precision {
            Products::Single => Precision::Single,
            Products::Bfloat16 => Precision::Bfloat16,
            Products::Half => Precision::Half,
        }
    }

    /// Finds the device by its name among those that were compiled in.
    pub(crate) fn device(&self) -> Result<Device, String> {
        let (name, index) = self.device.split_once(':').unwrap_or((&self.device, "0"));
        let index: usize = index
            .parse()
            .map_err(|_| format!("--device {}: `{index}` is not a number", self.device))?;
        match (name, index) {
            #[cfg(feature = "cpu")]
            ("cpu", _) => Ok(Device::flex()),
            #[cfg(feature = "cuda")]
            ("cuda", index) => Ok(Device::cuda(index)),
            #[cfg(feature = "wgpu")]
            ("wgpu", _) => Ok(Device::wgpu(burn::tensor::DeviceKind::DefaultDevice)),
            _ => Err(format!(
                "--device {}: not compiled in; build with --features {name}",
                self.device
            )),
        }
    }

    /// Finds the models that `--only` names, by whole name or first word; all of them where it is not given.
    pub(crate) fn chosen(&self, known: &[String]) -> Result<Vec<String>, String> {
        if self.only.is_empty() {
            return Ok(known.to_vec());
        }
        let mut chosen = Vec::new();
        for asked in &self.only {
            let before = chosen.len();
            chosen.extend(
                known
                    .iter()
                    .filter(|name| *name == asked || name.split(' ').next() == Some(asked))
                    .cloned(),
            );
            if chosen.len() == before {
                return Err(format!(
                    "--only {asked}: no such model; known are {}",
                    known.join("; ")
                ));
            }
        }
        Ok(chosen)
    }

    /// Keeps the models that `--only` names.
    pub(crate) fn choose<X: Rows + 'static>(
        &self,
        experiment: Experiment<X>,
    ) -> Result<Experiment<X>, Box<dyn std::error::Error>> {
        let chosen = self.chosen(&experiment.names())?;
        Ok(experiment.only(&chosen)?)
    }
}
