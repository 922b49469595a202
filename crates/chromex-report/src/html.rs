//! A run as one HTML page that needs no other file and asks no server for one.

use std::fmt::Write;

use chromex_core::{Report, RunRecord};

use crate::{Note, tables};

const STYLE: &str = "\
body { font: 15px/1.5 system-ui, sans-serif; color: #222; background: #fff; \
max-width: 72rem; margin: 2rem auto; padding: 0 1.5rem; }
h1 { font-size: 1.7rem; } h2 { font-size: 1.25rem; margin-top: 2.2rem; } h3 { font-size: 1rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; margin: .8rem 0; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .8rem; text-align: right; white-space: nowrap; border-bottom: 1px solid #e2e2e2; }
th { border-bottom: 2px solid #888; } th:first-child, td:first-child { text-align: left; }
.names td:nth-child(2), .names th:nth-child(2), .facts td { text-align: left; }
.facts td { white-space: normal; overflow-wrap: anywhere; }
.facts td:first-child { color: #6e6e6e; white-space: nowrap; }
tr.floor td { color: #6e6e6e; } tr.first td { border-top: 2px solid #888; }
figure { margin: 1.2rem 0 2rem; } figure svg { max-width: 100%; height: auto; }
figcaption { color: #555; } summary { cursor: pointer; }
";

/// Writes the page: notes, tables of every target, plots as `(caption, SVG)`, and what the run was made of.
///
/// Every text is escaped but the SVG, which stands as it is given; the page forbids itself to load
/// anything.
///
/// # Examples
///
/// ```
/// use chromex_core::{Report, RunRecord};
/// let record = RunRecord::new("example", "cpu");
/// let page = chromex_report::html::page("A < B", &record, &Report::default(), &[], &[]);
/// assert!(page.contains("<h1>A &lt; B</h1>"));
/// ```
pub fn page(
    title: &str,
    record: &RunRecord,
    report: &Report,
    notes: &[Note],
    plots: &[(String, String)],
) -> String {
    let title = escaped(title);
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" \
         content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n"
    );
    for note in notes {
        match note {
            Note::Text(text) => push(&mut page, &format!("<p>{}</p>", escaped(text))),
            Note::Table { title, rows } => {
                push(&mut page, &format!("<p>{}</p>", escaped(title)));
                push_table(&mut page, "", rows, |_| false);
            }
        }
    }
    let targets = tables::distinct(report.summaries.iter().map(|line| line.target.as_str()));
    for target in targets {
        push_target(&mut page, report, target);
    }
    if !plots.is_empty() {
        push(&mut page, "<h2>Plots</h2>");
    }
    for (caption, svg) in plots {
        let caption = escaped(caption);
        push(
            &mut page,
            &format!("<figure>\n{svg}\n<figcaption>{caption}</figcaption>\n</figure>"),
        );
    }
    push_facts(&mut page, record);
    page.push_str("</body>\n</html>\n");
    page
}

fn push_target(page: &mut String, report: &Report, target: &str) {
    push(page, &format!("<h2>{}</h2>", escaped(target)));
    // A floor's cell is marked in the table; its row is found by that.
    let marked = |cells: &[String]| cells[0].ends_with("(floor)");
    push_table(page, "", &tables::score_cells(report, target, &[]), marked);
    push(
        page,
        "<p>Brackets: bootstrap interval; ±: standard deviation over seeds.</p>",
    );
    let of_target = report.summaries.iter().filter(|line| line.target == target);
    for metric in tables::distinct(of_target.map(|line| line.metric.as_str())) {
        let compared = tables::comparison_cells(report, target, metric);
        if compared.len() < 2 {
            continue;
        }
        push(
            page,
            &format!(
                "<details open><summary>Against the floors, in {}</summary>",
                escaped(metric)
            ),
        );
        push_table(page, "names", &compared, |_| false);
        let findings = tables::finding_lines(report, target, metric);
        if !findings.is_empty() {
            page.push_str("<ul>\n");
            for finding in &findings {
                push(page, &format!("<li>{}</li>", escaped(finding)));
            }
            page.push_str("</ul>\n");
        }
        page.push_str("</details>\n");
    }
}

/// Writes a table whose first row is its header; rows of floors are set apart.
fn push_table(
    page: &mut String,
    class: &str,
    rows: &[Vec<String>],
    is_floor: impl Fn(&[String]) -> bool,
) {
    let _ = writeln!(page, "<div class=\"wide\"><table class=\"{class}\">");
    let mut in_floors = false;
    for (index, row) in rows.iter().enumerate() {
        let element = if index == 0 { "th" } else { "td" };
        let class = match (index > 0 && is_floor(row), in_floors) {
            (true, false) => " class=\"floor first\"",
            (true, true) => " class=\"floor\"",
            (false, _) => "",
        };
        in_floors = !class.is_empty();
        let _ = write!(page, "<tr{class}>");
        for cell in row {
            let _ = write!(page, "<{element}>{}</{element}>", escaped(cell));
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</table></div>\n");
}

fn push_facts(page: &mut String, record: &RunRecord) {
    let mut facts = vec![
        ("program".to_owned(), record.program.clone()),
        ("device".to_owned(), record.device.clone()),
    ];
    if let Some(seconds) = record.seconds {
        facts.push(("duration".into(), format!("{seconds:.1} s")));
    }
    let seeds: Vec<String> = record.seeds.iter().map(u64::to_string).collect();
    facts.push(("seeds".into(), seeds.join(", ")));
    for (name, version) in &record.versions {
        facts.push((format!("version of {name}"), version.clone()));
    }
    for (name, value) in &record.flags {
        facts.push((name.clone(), value.clone()));
    }
    for input in &record.inputs {
        let (path, bytes) = (input.path.display(), input.bytes);
        facts.push((
            format!("input {path}"),
            format!("{bytes} bytes, SHA-256 {}", input.sha256),
        ));
    }
    push(page, "<h2>Run</h2>\n<table class=\"facts\">");
    for (name, value) in facts {
        let (name, value) = (escaped(&name), escaped(&value));
        push(page, &format!("<tr><td>{name}</td><td>{value}</td></tr>"));
    }
    page.push_str("</table>\n");
}

fn push(page: &mut String, line: &str) {
    page.push_str(line);
    page.push('\n');
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\0' => escaped.push('\u{fffd}'),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use chromex_core::{Comparison, InputFile, Summary};

    const EVIL: &str = "<script>alert('&\"')</script>";

    fn evil_report() -> Report {
        let line = |model: &str| Summary {
            model: model.into(),
            target: EVIL.into(),
            metric: EVIL.into(),
            stratum: Some(EVIL.into()),
            mean: 0.5,
            standard_deviation: 0.0,
            low: 0.4,
            high: 0.6,
            seeds: 1,
            n: 10,
        };
        Report {
            summaries: vec![line("mean"), line(EVIL)],
            comparisons: vec![Comparison {
                model: EVIL.into(),
                floor: "mean".into(),
                target: EVIL.into(),
                metric: EVIL.into(),
                difference: -0.1,
                low: -0.2,
                high: 0.1,
                p_value: 0.5,
                p_holm: 0.5,
                loses: true,
                n: 10,
            }],
            floors: vec!["mean".into()],
            ..Report::default()
        }
    }

    fn evil_page() -> String {
        let mut record = RunRecord::new(EVIL, EVIL);
        record.flags.insert(EVIL.into(), EVIL.into());
        record.versions.insert(EVIL.into(), EVIL.into());
        record.seeds = vec![3, 5];
        record.inputs.push(InputFile {
            path: EVIL.into(),
            bytes: 7,
            sha256: "abc".into(),
        });
        let plots = [(EVIL.to_owned(), "<svg><circle r=\"1\"/></svg>".to_owned())];
        let row = || vec![EVIL.to_owned(), "| a |".to_owned()];
        let table = Note::Table {
            title: EVIL.into(),
            rows: vec![row(), row()],
        };
        page(EVIL, &record, &evil_report(), &[EVIL.into(), table], &plots)
    }

    /// Walks over the tags and fails where one is closed that is not the last open one.
    fn assert_balanced(page: &str) {
        let mut open = Vec::new();
        for part in page.split('<').skip(1) {
            let (tag, _) = part.split_once('>').unwrap();
            let name = tag.split([' ', '/']).find(|name| !name.is_empty()).unwrap();
            if tag.starts_with('/') {
                assert_eq!(open.pop(), Some(name), "</{name}>");
            } else if !tag.ends_with('/') && !["meta", "!DOCTYPE"].contains(&name) {
                open.push(name);
            }
        }
        assert!(open.is_empty(), "{open:?}");
    }

    #[test]
    fn no_text_becomes_markup() {
        let page = evil_page();
        assert!(!page.contains("<script") && page.contains("&lt;script&gt;alert(&#39;&amp;&quot;"));
        assert_balanced(&page);
    }

    #[test]
    fn tables_findings_plots_and_facts_are_on_the_page() {
        let page = evil_page();
        assert!(page.contains("<svg><circle r=\"1\"/></svg>"));
        assert!(page.contains("<tr class=\"floor first\"><td>mean, "));
        assert!(page.contains("<li>") && page.contains("does not beat the floor mean"));
        assert!(page.contains("<td>| a |</td></tr>") && page.contains("<th>| a |</th></tr>"));
        assert!(page.contains("7 bytes, SHA-256 abc") && page.contains("<td>3, 5</td>"));
    }

    #[test]
    fn the_page_refers_to_nothing_outside_itself() {
        let page = evil_page();
        for reference in ["src=", "href=", "url(", "@import", "http://", "https://"] {
            assert!(!page.contains(reference), "{reference}");
        }
        assert!(page.contains("default-src 'none'"));
    }
}
