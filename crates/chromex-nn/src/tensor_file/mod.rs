//! Tensors of published files by name: safetensors, PyTorch's archives and pickles, and what is divided among files.

mod bytes;
mod globals;
mod kinds;
mod legacy;
mod making;
mod number;
mod pickle;
mod safe;
pub(crate) mod seal;
mod sharded;
mod torch;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

pub use number::NumberType;

use crate::{Error, Result};

/// Files that are looked for in a folder, in this order.
const NAMES: [&str; 4] = [
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
];

/// Lists the tensors of a published file and reads them one by one.
///
/// What is opened is told by its structure: safetensors, an archive that `torch.save` wrote, or a pickle that older
/// versions wrote, of Python 2 too; no byte alone decides, and what the first bytes leave possible is tried. A name that
/// ends in `.index.json` lists the files that tensors are divided among. Pickles are read by
/// a machine that knows what `torch.save` writes for tensors and nothing else: no function is looked up, let alone called,
/// and a file that asks for one is an error that names it.
///
/// Tensors of any type are listed; those of floating-point types can be read. Others, such as quantised ones, which mean nothing
/// without their scales, and those that are not simply numbers in a row, are refused by name and type when they
/// are asked for: one such tensor does not close the file. What [`weights::save`](crate::weights::save) wrote is read
/// only if its checksum is that of its content.
///
/// Only headers are held. A header can ask for no more memory than a fixed bound or the file's own size, and every
/// tensor is known to lie in its file before its numbers are read.
///
/// # Examples
///
/// ```no_run
/// use chromex_nn::tensor_file::TensorFile;
///
/// let file = TensorFile::open("pytorch_model.bin".as_ref())?;
/// for (name, tensor) in file.tensors() {
///     println!("{name} {:?}", tensor.shape);
/// }
/// let table: Vec<f32> = file.numbers("bert.embeddings.word_embeddings.weight")?;
/// # Ok::<(), chromex_nn::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct TensorFile {
    path: PathBuf,
    tensors: BTreeMap<String, Tensor>,
}

/// What a file says of a tensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorShape {
    /// Its extents.
    pub shape: Vec<usize>,
    /// The type of its numbers.
    pub number: NumberType,
}

/// A tensor and where it lies.
#[derive(Clone, Debug)]
struct Tensor {
    about: TensorShape,
    file: PathBuf,
    place: Place,
}

/// Where the numbers of a tensor lie.
#[derive(Clone, Debug, PartialEq)]
enum Place {
    At {
        /// The byte of its first number.
        start: u64,
        /// Numbers from one entry of an axis to the next, where they are not simply in order.
        strides: Option<Vec<usize>>,
    },
    /// It is not numbers in a row, or lies behind what cannot be measured.
    Unknown,
}

impl TensorFile {
    /// Reads the header of a file, or of the file that a folder of a published model has.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when it cannot be read, or is a device or a pipe; [`Error::Header`] when it is of none of these kinds, is
    /// cut short, asks for a function or for memory that it does not fill; [`Error::Kinds`] when it could be of several, and is
    /// of none; [`Error::TensorPlace`] when a tensor does not lie in the file; [`Error::Malformed`] when its checksum is not
    /// that of its content.
    pub fn open(path: &Path) -> Result<Self> {
        if path.is_dir() {
            let files = NAMES.map(|name| path.join(name));
            let file = files.iter().find(|file| file.exists()).unwrap_or(&files[0]);
            return Self::open(file);
        }
        if path.to_string_lossy().ends_with(".index.json") {
            return sharded::open(path);
        }
        Ok(Self {
            path: path.to_owned(),
            tensors: kinds::read(path)?,
        })
    }

    /// Gives the file that was opened.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Lists the tensors by name.
    pub fn tensors(&self) -> impl Iterator<Item = (&str, &TensorShape)> {
        let tensors = self.tensors.iter();
        tensors.map(|(name, tensor)| (name.as_str(), &tensor.about))
    }

    /// Finds a tensor.
    pub fn tensor(&self, name: &str) -> Option<&TensorShape> {
        self.tensors.get(name).map(|tensor| &tensor.about)
    }

    /// Reads the numbers of a tensor, the last axis fastest.
    ///
    /// # Errors
    ///
    /// [`Error::MissingTensor`] when there is none of this name; [`Error::TensorType`] when it is not of a floating-point type;
    /// [`Error::TensorPlace`] when the file does not let its place be found; [`Error::Io`] when the file cannot be read any more.
    pub fn numbers(&self, name: &str) -> Result<Vec<f32>> {
        let tensor = self.tensors.get(name).ok_or_else(|| Error::MissingTensor {
            path: self.path.clone(),
            name: name.into(),
            expected: Vec::new(),
        })?;
        let number = &tensor.about.number;
        let no_float = || Error::TensorType {
            path: tensor.file.clone(),
            name: name.into(),
            found: number.to_string(),
        };
        let size = number.bytes().filter(|_| number.is_float());
        let size = size.ok_or_else(no_float)?;
        let Place::At { start, strides } = &tensor.place else {
            return Err(Error::TensorPlace {
                path: tensor.file.clone(),
                name: name.into(),
                expected: "a place that can be found".into(),
                found: "one behind storages of unknown types".into(),
            });
        };
        let count: usize = tensor.about.shape.iter().product();
        if count == 0 {
            return Ok(Vec::new());
        }
        let last = match strides {
            None => count - 1,
            Some(strides) => last_number(&tensor.about.shape, strides),
        };
        let mut bytes = vec![0; (last + 1) * size];
        let mut file = open(&tensor.file)?;
        file.seek(SeekFrom::Start(*start))
            .and_then(|_| file.read_exact(&mut bytes))
            .map_err(io("read", &tensor.file))?;
        let at = |place: usize| number.float(&bytes[place * size..(place + 1) * size]);
        let read: Option<Vec<f32>> = match strides {
            None => (0..count).map(at).collect(),
            Some(strides) => {
                let places = (0..count).map(|index| place(index, &tensor.about.shape, strides));
                places.map(at).collect()
            }
        };
        read.ok_or_else(no_float)
    }
}

impl Tensor {
    /// Describes a tensor of a storage, once it is known to lie in it.
    ///
    /// `start` is the storage's first byte, `numbers` how many it has. A tensor that repeats numbers is refused: its shape
    /// could ask for any amount of memory.
    fn within(
        path: &Path,
        name: &str,
        about: TensorShape,
        (start, numbers): (u64, u64),
        offset: u64,
        strides: Vec<usize>,
    ) -> Result<Self> {
        let count = about
            .shape
            .iter()
            .try_fold(1_u64, |count, &extent| count.checked_mul(extent as u64));
        let span = match count {
            Some(0) => Some(0),
            Some(_) => {
                about
                    .shape
                    .iter()
                    .zip(&strides)
                    .try_fold(1_u64, |span, (&extent, &stride)| {
                        span.checked_add((extent as u64 - 1).checked_mul(stride as u64)?)
                    })
            }
            None => None,
        };
        let end = span.and_then(|span| span.checked_add(offset));
        let fits =
            count.is_some_and(|count| count <= numbers) && end.is_some_and(|end| end <= numbers);
        if !fits || strides.len() != about.shape.len() {
            return Err(Error::TensorPlace {
                path: path.to_owned(),
                name: name.into(),
                expected: format!("at most the {numbers} numbers of its storage"),
                found: format!("shape {:?}, strides {strides:?} from {offset}", about.shape),
            });
        }
        let in_order = place_strides(&about.shape) == strides;
        let place = match about.number.bytes() {
            Some(size) => Place::At {
                start: start + offset * size as u64,
                strides: (!in_order).then_some(strides),
            },
            None => Place::Unknown,
        };
        Ok(Self {
            about,
            file: path.to_owned(),
            place,
        })
    }

    /// A tensor that is listed alone.
    fn unread(path: &Path, shape: Vec<usize>, number: NumberType) -> Self {
        Self {
            about: TensorShape { shape, number },
            file: path.to_owned(),
            place: Place::Unknown,
        }
    }
}

/// The strides of numbers in order, those of axes of one entry included, as PyTorch writes them.
fn place_strides(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![1_usize; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis].saturating_mul(shape[axis].max(1));
    }
    strides
}

/// The place of the `index`th number.
fn place(mut index: usize, shape: &[usize], strides: &[usize]) -> usize {
    let mut place = 0;
    for (&extent, &stride) in shape.iter().zip(strides).rev() {
        place += index % extent * stride;
        index /= extent;
    }
    place
}

/// The place of the last number, whichever that is.
fn last_number(shape: &[usize], strides: &[usize]) -> usize {
    let steps = shape.iter().zip(strides);
    steps.map(|(&extent, &stride)| (extent - 1) * stride).sum()
}

/// Opens a file. Only what has an end and a size: others are looked at twice in vain.
fn open(path: &Path) -> Result<File> {
    chromex_core::input::open(path).map_err(io("open", path))
}

fn io(action: &'static str, path: &Path) -> impl Fn(std::io::Error) -> Error {
    move |source| Error::Io {
        action,
        path: path.to_owned(),
        source,
    }
}

fn header(path: &Path, offset: u64, expected: &str, found: &str) -> Error {
    Error::Header {
        path: path.to_owned(),
        offset,
        expected: expected.into(),
        found: found.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strides_say_where_numbers_lie_and_may_not_repeat_them() {
        let about = |shape: &[usize]| TensorShape {
            shape: shape.to_vec(),
            number: NumberType::F32,
        };
        let within = |shape: &[usize], offset, strides: &[usize]| {
            let path = Path::new("a.bin");
            Tensor::within(path, "w", about(shape), (64, 12), offset, strides.to_vec())
        };
        let at = |start, strides| Place::At { start, strides };
        let in_order = within(&[3, 4], 0, &[4, 1]).unwrap();
        assert_eq!(in_order.place, at(64, None));
        let transposed = within(&[4, 3], 0, &[1, 4]).unwrap();
        assert_eq!(transposed.place, at(64, Some(vec![1, 4])));
        assert_eq!(place(5, &[4, 3], &[1, 4]), 9);
        assert_eq!(last_number(&[4, 3], &[1, 4]), 11);
        assert_eq!(within(&[2], 10, &[1]).unwrap().place, at(64 + 40, None));
        for (shape, offset, strides) in [
            (&[13][..], 0, &[1][..]),
            (&[1_000_000_000], 0, &[0]),
            (&[2], 11, &[1]),
            (&[3, 2], 0, &[6, 1]),
            (&[3], 0, &[1, 1]),
            (&[usize::MAX, usize::MAX], 0, &[1, 1]),
            (&[2], u64::MAX, &[1]),
        ] {
            let error = within(shape, offset, strides).unwrap_err().to_string();
            assert!(error.contains("tensor `w`"), "{error}");
        }
    }
}
