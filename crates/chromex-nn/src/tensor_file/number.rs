use std::fmt;
use std::sync::Arc;

use burn::tensor::{bf16, f16};

/// The types of numbers that published files hold.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NumberType {
    /// 64-bit floating point.
    F64,
    /// 32-bit floating point.
    F32,
    /// 16-bit floating point of five exponent bits.
    F16,
    /// 16-bit floating point of eight exponent bits.
    Bf16,
    /// 64-bit integers.
    I64,
    /// 32-bit integers.
    I32,
    /// 16-bit integers.
    I16,
    /// 8-bit integers.
    I8,
    /// 8-bit integers without sign.
    U8,
    /// Truth values of a byte.
    Bool,
    /// Any other, as the file names it: complex and quantised numbers, which are not numbers without their parts or scales,
    /// and whatever libraries add. The tensor is listed, and refused when it is asked for.
    Other(Arc<str>),
}

impl NumberType {
    /// Counts the bytes of a number; nothing where that is not known.
    pub fn bytes(&self) -> Option<usize> {
        Some(match self {
            Self::F64 | Self::I64 => 8,
            Self::F32 | Self::I32 => 4,
            Self::F16 | Self::Bf16 | Self::I16 => 2,
            Self::I8 | Self::U8 | Self::Bool => 1,
            Self::Other(_) => return None,
        })
    }

    /// Whether numbers of the type can be read as floating point.
    pub fn is_float(&self) -> bool {
        matches!(self, Self::F64 | Self::F32 | Self::F16 | Self::Bf16)
    }

    pub(super) fn other(name: &str) -> Self {
        Self::Other(name.into())
    }

    /// Finds a type by its name in safetensors.
    pub(super) fn of_safetensors(name: &str) -> Self {
        match name {
            "F64" => Self::F64,
            "F32" => Self::F32,
            "F16" => Self::F16,
            "BF16" => Self::Bf16,
            "I64" => Self::I64,
            "I32" => Self::I32,
            "I16" => Self::I16,
            "I8" => Self::I8,
            "U8" => Self::U8,
            "BOOL" => Self::Bool,
            other => Self::other(other),
        }
    }

    /// Counts the bits of a number in safetensors; nothing where that is not known.
    pub(super) fn bits(&self) -> Option<u64> {
        match self {
            Self::Other(name) => Some(match &**name {
                "C64" | "U64" => 64,
                "U32" => 32,
                "U16" => 16,
                name if name.starts_with("F8_") => 8,
                name if name.starts_with("F6_") => 6,
                "F4" => 4,
                _ => return None,
            }),
            known => known.bytes().map(|bytes| 8 * bytes as u64),
        }
    }

    /// Finds a type by the name of PyTorch's class of storages.
    pub(super) fn of_storage(class: &str) -> Self {
        match class {
            "DoubleStorage" => Self::F64,
            "FloatStorage" => Self::F32,
            "HalfStorage" => Self::F16,
            "BFloat16Storage" => Self::Bf16,
            "LongStorage" => Self::I64,
            "IntStorage" => Self::I32,
            "ShortStorage" => Self::I16,
            "CharStorage" => Self::I8,
            "ByteStorage" => Self::U8,
            "BoolStorage" => Self::Bool,
            other => Self::other(other.strip_suffix("Storage").unwrap_or(other)),
        }
    }

    /// Counts the bytes of an element of a PyTorch storage; nothing where that is not known.
    pub(super) fn bytes_of_storage(class: &str) -> Option<u64> {
        match class {
            "ComplexDoubleStorage" => Some(16),
            "ComplexFloatStorage" => Some(8),
            "QInt32Storage" => Some(4),
            "QInt8Storage" | "QUInt8Storage" | "QUInt4x2Storage" | "QUInt2x4Storage"
            | "UntypedStorage" => Some(1),
            class => Self::of_storage(class).bytes().map(|bytes| bytes as u64),
        }
    }

    /// Reads a number of a floating-point type from its little-endian bytes.
    pub(super) fn float(&self, bytes: &[u8]) -> Option<f32> {
        Some(match self {
            Self::F64 => f64::from_le_bytes(bytes.try_into().ok()?) as f32,
            Self::F32 => f32::from_le_bytes(bytes.try_into().ok()?),
            Self::F16 => f16::from_le_bytes(bytes.try_into().ok()?).to_f32(),
            Self::Bf16 => bf16::from_le_bytes(bytes.try_into().ok()?).to_f32(),
            _ => return None,
        })
    }
}

impl fmt::Display for NumberType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F64 => "F64",
            Self::F32 => "F32",
            Self::F16 => "F16",
            Self::Bf16 => "BF16",
            Self::I64 => "I64",
            Self::I32 => "I32",
            Self::I16 => "I16",
            Self::I8 => "I8",
            Self::U8 => "U8",
            Self::Bool => "BOOL",
            Self::Other(name) => name,
        })
    }
}
