use std::fmt;
use std::path::Path;

use crate::{Error, Fingerprint, Result};

/// The name of one file that may be made of foreign text: a cell, a mark or a model that a file names.
///
/// A name is never a path: it has no separators, no control characters, no `..`, no dot, dash or space at its begin and no dot or
/// space at its end, it is none of Windows' devices, and it is short. Two texts never share a name: what is not made of ASCII
/// letters, digits, `_`, `-` and single dots alone carries a hash of the whole text behind a `~`, which no other name has. Names
/// that differ only in their case are told apart where they meet in a folder, by [`FileName::told_apart`]. Paths of output take this
/// type in place of a text, so that foreign text cannot become a path by oversight.
///
/// # Examples
///
/// ```
/// use chromex_core::FileName;
/// assert_eq!(FileName::of("gradient-E003").ending("csv").as_str(), "gradient-E003.csv");
/// let outside = FileName::of("gradient-a/../../x").ending("svg");
/// assert!(outside.as_str().starts_with("gradient-a-.--.--x~") && outside.as_str().ends_with(".svg"));
/// assert!(FileName::exactly("E003").is_ok() && FileName::exactly("../E003").is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileName {
    name: String,
    /// The bytes before the endings.
    stem: usize,
}

/// The bytes that a name has at most, endings apart: file systems take 255, and some count accents apart from their letters.
const LONGEST: usize = 120;
/// The digits of a hash: 64 bits.
const HASH_DIGITS: usize = 16;

impl FileName {
    /// Makes a name of any text.
    pub fn of(text: &str) -> Self {
        match is_plain(text) {
            true => Self::new(text.to_owned()),
            false => Self::hashed(text),
        }
    }

    /// Takes a text for a name as it is, where later readers look for the file by that text.
    ///
    /// # Errors
    ///
    /// [`Error::FileName`] when the text cannot be part of a name on every file system, or would lead out of its folder.
    pub fn exactly(text: &str) -> Result<Self> {
        let refused = |expected| {
            Err(Error::FileName {
                text: text.chars().take(LONGEST).collect(),
                expected,
            })
        };
        let is_odd = |letter: char| letter.is_control() || "/\\<>:\"|?*".contains(letter);
        if text.contains(is_odd) {
            return refused("no separator, no control character and none of < > : \" | ? *");
        }
        if text.is_empty() || text.starts_with(['.', '-', ' ']) || text.ends_with(['.', ' ']) {
            return refused(
                "a text that begins with no dot, dash or space and ends with no dot or space",
            );
        }
        if text.contains("..") || is_device(text) {
            return refused("no `..` and none of Windows' devices, as con or nul");
        }
        if text.len() > LONGEST {
            return refused("at most 120 bytes");
        }
        Ok(Self::new(text.to_owned()))
    }

    /// Adds an ending behind a dot.
    #[must_use]
    pub fn ending(mut self, ending: &'static str) -> Self {
        self.name.push('.');
        self.name.push_str(ending);
        self
    }

    /// Makes the name that stands for this one beside another which differs only in its case.
    #[must_use]
    pub fn told_apart(&self) -> Self {
        let (stem, endings) = self.name.split_at(self.stem);
        let mut apart = Self::hashed(stem);
        apart.name.push_str(endings);
        apart
    }

    /// Lends the name.
    pub fn as_str(&self) -> &str {
        &self.name
    }

    fn new(name: String) -> Self {
        Self {
            stem: name.len(),
            name,
        }
    }

    /// Makes a name of what is fit for one in a text, and of a hash of the whole.
    fn hashed(text: &str) -> Self {
        let mut name = String::new();
        if !text.starts_with(char::is_alphanumeric) || is_device(text) {
            name.push('_');
        }
        for letter in text.chars() {
            let letter = match letter {
                '_' | '-' => letter,
                '.' if !name.ends_with('.') => letter,
                letter if letter.is_alphanumeric() => letter,
                _ => '-',
            };
            if name.len() + letter.len_utf8() > LONGEST - HASH_DIGITS - 1 {
                break;
            }
            name.push(letter);
        }
        let mut print = Fingerprint::default();
        print.text(text);
        name.push('~');
        name.push_str(&print.finish()[..HASH_DIGITS]);
        Self::new(name)
    }
}

impl From<&'static str> for FileName {
    /// Takes a name that stands in the program; one that is not fit for a file is made so.
    fn from(text: &'static str) -> Self {
        Self::exactly(text).unwrap_or_else(|_| Self::of(text))
    }
}

impl AsRef<Path> for FileName {
    fn as_ref(&self) -> &Path {
        Path::new(&self.name)
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.name)
    }
}

/// Tells whether a text is a name as it stands, and can be no other text's.
fn is_plain(text: &str) -> bool {
    let is_kept = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    text.len() <= LONGEST
        && text.bytes().all(is_kept)
        && text.starts_with(|first: char| first.is_ascii_alphanumeric())
        && !text.ends_with('.')
        && !text.contains("..")
        && !is_device(text)
}

/// Tells whether Windows takes a name for a device, whatever ends it: `con`, `nul.txt`, `com1`.
fn is_device(text: &str) -> bool {
    let stem = text.split('.').next().unwrap_or_default();
    let stem = stem.trim_end().to_lowercase();
    let numbered = |name: &str| {
        let digits = stem.strip_prefix(name);
        digits.is_some_and(|digits| {
            let mut digits = digits.chars();
            let is_one = |digit: char| digit.is_ascii_digit() || "¹²³".contains(digit);
            digits.next().is_some_and(is_one) && digits.next().is_none()
        })
    };
    ["con", "prn", "aux", "nul", "conin$", "conout$"].contains(&stem.as_str())
        || numbered("com")
        || numbered("lpt")
}

#[cfg(test)]
mod tests {
    use std::path::Component;

    use proptest::prelude::*;

    use super::*;

    fn assert_is_one_name(name: &FileName) {
        let text = name.as_str();
        let mut parts = Path::new(text).components();
        assert!(matches!(parts.next(), Some(Component::Normal(part)) if part == text));
        assert!(parts.next().is_none() && text.len() <= LONGEST, "{text:?}");
        assert!(!text.contains(['/', '\\', ':', '\0']) && !text.contains(char::is_control));
        assert!(!text.starts_with(['.', '-', ' ']) && !text.ends_with(['.', ' ']));
        assert!(!text.contains("..") && !is_device(text), "{text:?}");
    }

    #[test]
    fn hostile_texts_become_names() {
        for text in [
            "",
            ".",
            "..",
            "...",
            "/",
            "-rf",
            " a",
            "a ",
            "a.",
            "a..b",
            "../../x",
            "C:\\x",
            "con",
            "NUL.txt",
            "com1.a.b",
            "LPT¹.x",
            "aux ",
            "a\0b",
            "a\nb",
            "\u{202e}svg",
            "~",
            "a~",
        ] {
            assert_is_one_name(&FileName::of(text));
        }
        assert_is_one_name(&FileName::of(&"ä".repeat(4000)));
        assert_is_one_name(&FileName::of(&"a".repeat(4000)));
        for text in [
            "", "..", "a/b", "-a", ".a", "a.", "a ", "Con", "a\tb", "a:b", "x..y",
        ] {
            let error = FileName::exactly(text).unwrap_err().to_string();
            assert!(error.contains("expected"), "{error}");
        }
    }

    #[test]
    fn names_that_a_file_system_would_take_for_one_are_told_apart() {
        let folded = |text: &str| FileName::of(text).as_str().to_lowercase();
        let (upper, lower) = (FileName::of("Cell").ending("a.b"), FileName::of("cell"));
        assert_eq!(upper.as_str(), "Cell.a.b");
        let apart = upper.told_apart();
        assert!(apart.as_str().starts_with("Cell~") && apart.as_str().ends_with(".a.b"));
        assert_ne!(apart.as_str().to_lowercase(), lower.told_apart().as_str());
        for (one, other) in [
            ("a b", "a-b"),
            ("é", "e\u{301}"),
            ("a/b", "a\\b"),
            ("con", "_con"),
            ("ß", "ss"),
        ] {
            assert_ne!(folded(one), folded(other), "{one:?} {other:?}");
        }
        let long = "a".repeat(500);
        assert_ne!(folded(&long), folded(&format!("{long}b")));
        // What looks like another text's hashed name is hashed itself.
        let hashed = FileName::of("a b");
        assert_ne!(FileName::of(hashed.as_str()), hashed);
    }

    proptest! {
        #[test]
        fn any_text_is_one_name_of_its_own(one in any::<String>(), other in any::<String>()) {
            let (first, second) = (FileName::of(&one), FileName::of(&other));
            assert_is_one_name(&first);
            if one != other {
                prop_assert_ne!(first.as_str().to_lowercase(), second.as_str().to_lowercase());
            }
            let apart = first.told_apart();
            assert_is_one_name(&apart);
            prop_assert_ne!(apart, first);
        }

        #[test]
        fn plain_texts_that_differ_in_case_alone_have_names(one in "[a-zA-Z]{1,3}", other in "[a-zA-Z]{1,3}") {
            let (first, second) = (FileName::of(&one), FileName::of(&other));
            prop_assert_eq!(first == second, one == other);
            let folded = |name: &FileName| name.as_str().to_lowercase();
            if one != other && folded(&first) == folded(&second) {
                prop_assert_ne!(folded(&first), folded(&second.told_apart()));
                prop_assert_ne!(folded(&first.told_apart()), folded(&second.told_apart()));
            }
        }

        #[test]
        fn what_is_taken_exactly_is_one_name(text in "[ -~]{0,12}|[./\\\\a]{0,5}") {
            if let Ok(name) = FileName::exactly(&text) {
                prop_assert_eq!(name.as_str(), text.as_str());
                assert_is_one_name(&name);
            }
        }
    }
}
