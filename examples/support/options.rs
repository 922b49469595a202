use std::path::PathBuf;

use chromex::core::Experiment;
use chromex::core::Rows;
use chromex::nn::{Device, Precision};
use clap::{Args, ValueEnum};

/// The flags of every example.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// Read real files from this folder instead of simulating
    #[arg(long, value_name = "DIR", value_parser = existing)]
    pub(crate) data: Option<PathBuf>,
    /// Write the run into this folder [default: out/NAME]
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Fit what is random with this many seeds
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=100_000))]
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

/// Devices that a program can be built with: features of the crate have the same names.
const DEVICES: [&str; 3] = ["cpu", "cuda", "wgpu"];

/// Refuses a path where nothing is, before any work.
fn existing(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    match path.metadata() {
        Ok(_) => Ok(path),
        Err(error) => Err(format!(
            "{error}: check the path, and the folder that it starts from"
        )),
    }
}

/// Reads a number of a flag that must be finite and not negative.
pub(crate) fn not_negative(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() && value >= 0.0 => Ok(value),
        _ => Err("expected a finite number, 0 or above".into()),
    }
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
        let asked = &self.device;
        let (name, index) = match asked.split_once(':') {
            Some(("cuda", index)) => {
                let number = index.parse::<usize>();
                let wrong = |_| format!("--device {asked}: `{index}` is not the number of a GPU");
                ("cuda", number.map_err(wrong)?)
            }
            Some((name @ ("cpu" | "wgpu"), _)) => {
                return Err(format!(
                    "--device {asked}: only cuda takes a number; say --device {name}"
                ));
            }
            _ => (asked.as_str(), 0),
        };
        match (name, index) {
            #[cfg(feature = "cpu")]
            ("cpu", _) => Ok(Device::flex()),
            #[cfg(feature = "cuda")]
            ("cuda", index) => Ok(Device::cuda(index)),
            #[cfg(feature = "wgpu")]
            ("wgpu", _) => Ok(Device::wgpu(burn::tensor::DeviceKind::DefaultDevice)),
            (name, _) if DEVICES.contains(&name) => Err(format!(
                "--device {asked}: this program was built without it; build it again with `cargo build --features {name}`, or use another device"
            )),
            _ => Err(format!(
                "--device {asked}: no such device; known are {}, and cuda:N for one of several GPUs of NVIDIA",
                DEVICES.join(", ")
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
                let error = chromex::core::Error::UnknownName {
                    what: "model",
                    name: asked.clone(),
                    known: known.to_vec(),
                };
                return Err(format!("--only: {error}; --list names them all"));
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
