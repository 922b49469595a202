//! The globals that pickles of tensors name, and what each means here. None is looked up: a name that is not listed stops the
//! reading.

/// What a global means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// A class of dictionaries, which may be made of another or of pairs.
    Dict,
    /// A class of dictionaries whose arguments are not entries.
    DefaultDict,
    /// What Python 2 makes objects with.
    Object,
    /// `_rebuild_tensor` and `_rebuild_tensor_v2`.
    Tensor,
    /// What makes tensors that are not simply numbers in a row: quantised and sparse ones, and those of newer types.
    OddTensor,
    /// `_rebuild_parameter`: the tensor that it wraps.
    Parameter,
    /// `_rebuild_from_type_v2`: a function that makes a tensor, a class, and the function's arguments.
    OfType,
    /// A class of storages.
    Storage,
    /// `torch.Size`: the tuple that it wraps.
    Size,
    /// A type, a device, a set, a NumPy number: a value that no tensor needs.
    Harmless,
}

/// Finds the meaning of a global.
pub(super) fn known(module: &str, name: &str) -> Option<Known> {
    Some(match (module, name) {
        ("collections", "OrderedDict" | "Counter") => Known::Dict,
        ("collections", "defaultdict") => Known::DefaultDict,
        ("__builtin__" | "builtins", "dict") => Known::Dict,
        ("__builtin__" | "builtins", name) if is_plain_type(name) => Known::Harmless,
        ("copy_reg" | "copyreg", "_reconstructor") => Known::Object,
        ("_codecs", "encode") => Known::Harmless,
        ("numpy", "dtype" | "ndarray") => Known::Harmless,
        ("numpy.core.multiarray" | "numpy._core.multiarray", "scalar" | "_reconstruct") => {
            Known::Harmless
        }
        ("torch._utils", "_rebuild_tensor" | "_rebuild_tensor_v2") => Known::Tensor,
        ("torch._utils", "_rebuild_parameter" | "_rebuild_parameter_with_state") => {
            Known::Parameter
        }
        ("torch._utils", name) if name.starts_with("_rebuild_") => Known::OddTensor,
        ("torch._tensor", "_rebuild_from_type_v2") => Known::OfType,
        ("torch.nn.parameter", "Parameter" | "Buffer") => Known::Parameter,
        ("torch", "Size") => Known::Size,
        ("torch" | "torch.storage" | "torch.cuda", class) if class.ends_with("Storage") => {
            Known::Storage
        }
        ("torch", "Tensor" | "device") => Known::Harmless,
        ("torch", name) if is_type_of_numbers(name) => Known::Harmless,
        ("torch.serialization", "_get_layout") => Known::Harmless,
        _ => return None,
    })
}

/// Classes of plain values, which hold nothing that is called.
fn is_plain_type(name: &str) -> bool {
    matches!(
        name,
        "object"
            | "list"
            | "tuple"
            | "set"
            | "frozenset"
            | "bool"
            | "int"
            | "long"
            | "float"
            | "complex"
            | "str"
            | "unicode"
            | "bytes"
            | "bytearray"
            | "slice"
            | "range"
            | "xrange"
    )
}

/// PyTorch's types of numbers, ways to quantise and to lay out.
fn is_type_of_numbers(name: &str) -> bool {
    let letters = name.trim_end_matches(|letter: char| letter.is_ascii_digit());
    matches!(
        letters,
        "float" | "complex" | "int" | "uint" | "qint" | "quint" | "bfloat"
    ) || matches!(
        name,
        "bool" | "quint4x2" | "quint2x4" | "half" | "double" | "long" | "short"
    ) || ["float8_", "float4_", "bits"]
        .iter()
        .any(|start| name.starts_with(start))
        || ["per_tensor_", "per_channel_"]
            .iter()
            .any(|start| name.starts_with(start))
        || matches!(
            name,
            "strided" | "sparse_coo" | "sparse_csr" | "sparse_csc" | "sparse_bsr" | "sparse_bsc"
        )
        || matches!(
            name,
            "contiguous_format" | "preserve_format" | "channels_last" | "channels_last_3d"
        )
}

/// The text of a string as Python writes it in quotes; nothing where it is none, or not UTF-8.
pub(super) fn unquoted(line: &[u8]) -> Option<String> {
    let (&quote, rest) = line.split_first()?;
    let inner = rest.strip_suffix(&[quote])?;
    if quote != b'\'' && quote != b'"' {
        return None;
    }
    let mut bytes = Vec::with_capacity(inner.len());
    let mut at = inner.iter().copied();
    while let Some(byte) = at.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        bytes.push(match at.next()? {
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'x' => {
                let digits = [at.next()?, at.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            other @ (b'\\' | b'\'' | b'"') => other,
            _ => return None,
        });
    }
    String::from_utf8(bytes).ok()
}

/// The text of a string of which each byte is a letter, and `\uXXXX` or `\UXXXXXXXX` one of those beyond.
pub(super) fn unescaped(line: &[u8]) -> Option<String> {
    let mut text = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        let digits = match (byte, after.first()) {
            (b'\\', Some(b'u')) => 4,
            (b'\\', Some(b'U')) => 8,
            _ => {
                text.push(char::from(byte));
                continue;
            }
        };
        let code = std::str::from_utf8(after.get(1..=digits)?).ok()?;
        text.push(char::from_u32(u32::from_str_radix(code, 16).ok()?)?);
        rest = &after[1 + digits..];
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_runs_programs_has_no_meaning() {
        for (module, name) in [
            ("posix", "system"),
            ("os", "system"),
            ("__builtin__", "eval"),
            ("builtins", "exec"),
            ("builtins", "getattr"),
            ("builtins", "__import__"),
            ("builtins", "open"),
            ("subprocess", "Popen"),
            ("copy_reg", "__newobj__"),
            ("torch", "load"),
            ("torch.serialization", "load"),
            ("torch", "jit"),
            ("torch._utils", "_import_dotted_name"),
            ("numpy", "load"),
            ("numpy.core.multiarray", "fromfile"),
            ("_codecs", "lookup"),
            ("argparse", "Namespace"),
            ("collections", "abc"),
        ] {
            assert_eq!(known(module, name), None, "{module}.{name}");
        }
    }

    #[test]
    fn texts_of_the_first_protocol_are_those_that_python_wrote() {
        assert_eq!(unquoted(b"'a.weight'").unwrap(), "a.weight");
        assert_eq!(unquoted(br#"'it\'s \\ \x41\n'"#).unwrap(), "it's \\ A\n");
        assert_eq!(unquoted(b"\"a'b\"").unwrap(), "a'b");
        for broken in [
            &b"'"[..],
            b"",
            b"a",
            b"'a",
            b"'\\x4'",
            b"'\\'",
            b"'\\q'",
            b"'\\xff'",
        ] {
            assert_eq!(unquoted(broken), None, "{broken:?}");
        }
        assert_eq!(
            unescaped(b"\xe9 \\u03b1 \\U0001f9ec \\n").unwrap(),
            "é α \u{1f9ec} \\n"
        );
        for broken in [&b"\\u12"[..], b"\\ud800", b"\\Uffffffff", b"\\u00\xff\xff"] {
            assert_eq!(unescaped(broken), None, "{broken:?}");
        }
    }
}
