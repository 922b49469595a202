//! Text and tables as Markdown that means what it says, whatever the text is.
//!
//! Names of cells, targets and genes come from files. Here is the one place where they become Markdown: no cell can end its row or
//! its table, and no text becomes markup, a link or HTML.

use std::fmt::Write;

/// Writes text for the inside of a line: of a sentence, a heading or a table's cell.
///
/// What has a meaning in Markdown gets a backslash, line breaks and control characters become spaces. A text without such letters
/// stays as it is, so that the same text serves a terminal.
///
/// # Examples
///
/// ```
/// use chromex_report::markdown::escaped;
/// assert_eq!(escaped("raw_d, p < 0.001, [0.1, 0.2]"), "raw_d, p < 0.001, [0.1, 0.2]");
/// assert_eq!(escaped("a|b\n<script> [x](y)"), "a\\|b \\<script> [x\\](y)");
/// ```
pub fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let letters: Vec<char> = text.chars().collect();
    for (place, &letter) in letters.iter().enumerate() {
        let before = place.checked_sub(1).map(|place| letters[place]);
        let after = letters.get(place + 1).copied();
        let is_word = |letter: Option<char>| letter.is_some_and(char::is_alphanumeric);
        let opens = |openers: &str| after.is_some_and(|after| openers.contains(after));
        let is_markup = match letter {
            '\\' | '|' | '`' | '*' | '~' | '$' => true,
            // Within a word it is a letter.
            '_' | '#' => !(is_word(before) && (letter == '#' || is_word(after))),
            '<' => after.is_some_and(char::is_alphabetic) || opens("/!?"),
            '&' => is_word(after) || after == Some('#'),
            '!' => after == Some('['),
            // Neither a link nor what a link would refer to.
            ']' => opens("([:"),
            '[' => after == Some('^'),
            // Addresses become links without any brackets.
            ':' => after == Some('/'),
            '.' => letters[..place].ends_with(&['w', 'w', 'w']),
            _ => false,
        };
        match letter {
            letter if letter.is_control() || "\u{2028}\u{2029}".contains(letter) => {
                escaped.push(' ');
            }
            letter if is_markup => escaped.extend(['\\', letter]),
            letter => escaped.push(letter),
        }
    }
    escaped
}

/// Writes text as a paragraph, which is no heading, list, quotation or rule whatever it begins with.
pub fn paragraph(text: &str) -> String {
    let text = escaped(text.trim());
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (start, rest) = text.split_at(digits);
    match rest.chars().next() {
        Some('-' | '+' | '>' | '=' | ':') if digits == 0 => format!("\\{text}"),
        Some('.' | ')') if digits > 0 => format!("{start}\\{rest}"),
        _ => text,
    }
}

/// Writes a table, its header first, whose columns also line up in a terminal. Rows that are shorter than the header are filled up,
/// and longer ones cut.
pub fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.first().map_or(0, Vec::len);
    let cells: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            let cells = (0..columns).map(|column| row.get(column).map_or("", String::as_str));
            cells.map(|text| escaped(text.trim())).collect()
        })
        .collect();
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            let lengths = cells.iter().map(|row| row[column].chars().count());
            lengths.max().unwrap_or(0).max(3)
        })
        .collect();
    let mut text = String::new();
    for (index, row) in cells.iter().enumerate() {
        for (cell, width) in row.iter().zip(&widths) {
            let _ = write!(text, "| {cell:<width$} ");
        }
        text.push_str("|\n");
        if index == 0 {
            for width in &widths {
                let _ = write!(text, "| {} ", "-".repeat(*width));
            }
            text.push_str("|\n");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Takes a row apart as the specification of tables says: at pipes before which no backslash stands that is not itself escaped.
    fn cells(row: &str) -> Vec<String> {
        let mut cells = vec![String::new()];
        let mut letters = row.chars();
        while let Some(letter) = letters.next() {
            match letter {
                '|' => cells.push(String::new()),
                '\\' => {
                    let last = cells.last_mut().unwrap();
                    last.push(letter);
                    last.extend(letters.next());
                }
                letter => cells.last_mut().unwrap().push(letter),
            }
        }
        cells
    }

    /// Undoes backslashes before punctuation.
    fn unescaped(text: &str) -> String {
        let mut plain = String::new();
        let mut letters = text.chars().peekable();
        while let Some(letter) = letters.next() {
            match letters.peek() {
                Some(next) if letter == '\\' && next.is_ascii_punctuation() => {}
                _ => plain.push(letter),
            }
            if letter == '\\' {
                plain.extend(letters.next_if(char::is_ascii_punctuation));
            }
        }
        plain
    }

    #[test]
    fn markup_is_taken_for_text() {
        for (text, expected) in [
            ("<img src=x>", "\\<img src=x>"),
            ("</td><!-- -->", "\\</td>\\<!-- -->"),
            (
                "`a` **b** ~~c~~ $d$",
                "\\`a\\` \\*\\*b\\*\\* \\~\\~c\\~\\~ \\$d\\$",
            ),
            ("![x](http://y)", "\\![x\\](http\\://y)"),
            ("[x]: www.y", "[x\\]: www\\.y"),
            ("[^1] [x][y]", "\\[^1] [x\\][y]"),
            ("&lt;&#60; R&D a & b", "\\&lt;\\&\\#60; R\\&D a & b"),
            ("_a_ b_c", "\\_a\\_ b_c"),
            ("C# #1", "C# \\#1"),
            ("a\\", "a\\\\"),
            ("a\\|b", "a\\\\\\|b"),
            ("a\r\nb\u{2028}c\td\0e", "a  b c d e"),
        ] {
            assert_eq!(escaped(text), expected);
        }
        for (text, expected) in [
            ("# a", "\\# a"),
            ("- a", "\\- a"),
            ("> a", "\\> a"),
            ("    code", "code"),
            ("12. a", "12\\. a"),
            ("12 genes", "12 genes"),
            ("===", "\\==="),
            ("``` a", "\\`\\`\\` a"),
            ("", ""),
        ] {
            assert_eq!(paragraph(text), expected);
        }
    }

    #[test]
    fn rows_of_other_lengths_have_the_columns_of_the_header() {
        let rows = [vec!["a", "b"], vec!["1"], vec!["1", "2", "3"], vec![]];
        let rows = rows.map(|row| row.into_iter().map(str::to_owned).collect());
        for line in table(&rows).lines() {
            assert_eq!(cells(line).len(), 4, "{line}");
        }
        assert_eq!(table(&[]), "");
    }

    fn any_cell() -> impl Strategy<Value = String> {
        prop_oneof![any::<String>(), "[|\\\\`\n\r<>&\\[\\]()_*~#:. aw-]{0,12}"]
    }

    proptest! {
        #[test]
        fn a_table_keeps_its_columns_and_lines_whatever_its_cells_say(
            rows in (1..5_usize).prop_flat_map(|columns| {
                prop::collection::vec(prop::collection::vec(any_cell(), columns), 1..5)
            })
        ) {
            let text = table(&rows);
            let lines: Vec<&str> = text.lines().collect();
            prop_assert_eq!(lines.len(), rows.len() + 1);
            for (line, row) in lines[..1].iter().chain(&lines[2..]).zip(&rows) {
                // Before the first pipe and behind the last there is nothing.
                let cells = cells(line);
                prop_assert_eq!(cells.len(), row.len() + 2);
                prop_assert_eq!(cells[0].as_str(), "");
                for (cell, text) in cells[1..].iter().zip(row) {
                    let of_text = |letter: char| {
                        letter.is_control() || "\u{2028}\u{2029}".contains(letter)
                    };
                    let expected = text.trim().replace(of_text, " ");
                    let cell = unescaped(cell);
                    prop_assert_eq!(cell.trim(), expected.trim());
                }
            }
        }
    }
}
