/// How the ninth column of an annotation writes its attributes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Notation {
    /// `key "value"; key value;`
    Gtf,
    /// `key=value,value;key=value`, with `%3B` for `;`.
    Gff3,
}

/// The attributes of one line, in the order of the line; values as they stand there.
pub(super) struct Attributes<'a> {
    text: &'a str,
    notation: Notation,
}

impl<'a> Attributes<'a> {
    pub(super) fn new(text: &'a str, notation: Notation) -> Self {
        Self { text, notation }
    }

    /// Tells the notation by a line's ninth column: GFF3 puts `=` behind the first key, GTF a space and a value. Nothing is told by
    /// what is neither.
    pub(super) fn notation_of(text: &str) -> Option<Notation> {
        let first = text.trim_start().split(';').next().unwrap_or_default();
        let (key, value) = first.split_at(first.find(['=', ' '])?);
        match value.as_bytes().first() {
            Some(b'=') if !key.is_empty() => Some(Notation::Gff3),
            Some(b' ') if !value.trim().is_empty() && !value.trim_start().starts_with('=') => {
                Some(Notation::Gtf)
            }
            _ => None,
        }
    }

    /// Finds the first value of a key.
    pub(super) fn first(&self, key: &str) -> Option<String> {
        self.values(key).next()
    }

    /// Lists all values of a key: repeated keys in GTF, commas in GFF3.
    pub(super) fn values(&self, key: &str) -> impl Iterator<Item = String> {
        let notation = self.notation;
        Fields {
            rest: self.text,
            notation,
        }
        .filter(move |(found, _)| *found == key)
        .flat_map(move |(_, value)| match notation {
            Notation::Gtf => vec![value.to_owned()],
            Notation::Gff3 => value.split(',').map(decoded).collect(),
        })
    }
}

/// Goes over the keys and values of a line.
struct Fields<'a> {
    rest: &'a str,
    notation: Notation,
}

impl<'a> Iterator for Fields<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            self.rest = self.rest.trim_start_matches([' ', ';', '\t']);
            if self.rest.is_empty() {
                return None;
            }
            let separator = match self.notation {
                Notation::Gtf => ' ',
                Notation::Gff3 => '=',
            };
            let end = self.rest.find([separator, ';']).unwrap_or(self.rest.len());
            let key = &self.rest[..end];
            self.rest = &self.rest[end..];
            if !self.rest.starts_with(separator) {
                // A word without a value.
                continue;
            }
            self.rest = &self.rest[1..];
            return Some((key.trim(), self.value()));
        }
    }
}

impl<'a> Fields<'a> {
    fn value(&mut self) -> &'a str {
        let text = self.rest.trim_start_matches(' ');
        // A quoted value may hold the separator.
        if let (Notation::Gtf, Some(quoted)) = (self.notation, text.strip_prefix('"'))
            && let Some(end) = quoted.find('"')
        {
            self.rest = &quoted[end + 1..];
            return &quoted[..end];
        }
        let end = text.find(';').unwrap_or(text.len());
        self.rest = &text[end..];
        text[..end].trim_matches([' ', '"'])
    }
}

/// Resolves `%3B` and the like.
fn decoded(value: &str) -> String {
    if !value.contains('%') {
        return value.to_owned();
    }
    let bytes = value.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut place = 0;
    while place < bytes.len() {
        let hex = bytes.get(place + 1..place + 3);
        let hex = hex.and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) if bytes[place] == b'%' => {
                out.push(byte);
                place += 3;
            }
            _ => {
                out.push(bytes[place]);
                place += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gtf(text: &str) -> Attributes<'_> {
        Attributes::new(text, Notation::Gtf)
    }

    #[test]
    fn quoted_values_may_hold_the_separator_and_bare_ones_are_taken() {
        let line = gtf("gene_id \"E1\"; level 2; note \"a; b\"; tag \"basic\"; tag \"CCDS\"");
        assert_eq!(line.first("gene_id").unwrap(), "E1");
        assert_eq!(line.first("level").unwrap(), "2");
        assert_eq!(line.first("note").unwrap(), "a; b");
        let tags: Vec<String> = line.values("tag").collect();
        assert_eq!(tags, ["basic", "CCDS"]);
        assert_eq!(line.first("gene"), None);
    }

    #[test]
    fn lists_and_escapes_of_gff3_are_resolved() {
        let line = Attributes::new("ID=a%3Bb;Parent=t1,t2;flag;tag=x", Notation::Gff3);
        assert_eq!(line.first("ID").unwrap(), "a;b");
        assert_eq!(line.values("Parent").collect::<Vec<_>>(), ["t1", "t2"]);
        assert_eq!(line.first("tag").unwrap(), "x");
    }

    #[test]
    fn the_notation_is_told_by_what_follows_the_first_key() {
        assert_eq!(
            Attributes::notation_of("gene_id \"E1=2\""),
            Some(Notation::Gtf)
        );
        assert_eq!(Attributes::notation_of("ID=a b;x=1"), Some(Notation::Gff3));
        assert_eq!(Attributes::notation_of("gene1"), None);
    }

    #[test]
    fn an_open_quote_and_a_cut_escape_end_with_the_line() {
        assert_eq!(gtf("gene_id \"E1").first("gene_id").unwrap(), "E1");
        let line = Attributes::new("ID=a%", Notation::Gff3);
        assert_eq!(line.first("ID").unwrap(), "a%");
        assert_eq!(
            Attributes::new("ID=é%4", Notation::Gff3)
                .first("ID")
                .unwrap(),
            "é%4"
        );
    }
}
