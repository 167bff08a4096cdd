//! Tables and documents as text for a terminal. It prints nothing itself.

use serde_json::Value;
use std::fmt::Write;
use std::time::Duration;

/// Texts in columns, each as wide as its widest cell, under a line of names.
pub(crate) fn table(columns: &[&str], rows: &[Vec<String>]) -> String {
    let names: Vec<String> = columns.iter().map(|name| name.to_uppercase()).collect();
    let lines = || std::iter::once(&names).chain(rows);
    let width = |column: usize| {
        let cells = lines().filter_map(|line| line.get(column));
        cells.map(|cell| chars(cell)).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns.len()).map(width).collect();
    let mut text = String::new();
    for line in lines() {
        let mut row = String::new();
        for (cell, &width) in line.iter().zip(&widths) {
            let _ = write!(row, "{cell:width$}  ");
        }
        text.push_str(row.trim_end());
        text.push('\n');
    }
    text
}

fn chars(text: &str) -> usize {
    text.chars().count()
}

/// A document, one member a line; those of nested objects with their whole names. What is null is
/// left out.
pub(super) fn members(document: &Value) -> String {
    let mut rows = Vec::new();
    gather("", document, &mut rows);
    let width = rows.iter().map(|(name, _)| chars(name)).max().unwrap_or(0);
    let mut text = String::new();
    for (name, value) in rows {
        let _ = writeln!(text, "{name:width$}  {value}");
    }
    text
}

fn gather(name: &str, value: &Value, rows: &mut Vec<(String, String)>) {
    match value {
        Value::Null => {}
        Value::Object(members) => {
            for (member, value) in members {
                let name =
                    if name.is_empty() { member.clone() } else { format!("{name}.{member}") };
                gather(&name, value, rows);
            }
        }
        value => rows.push((name.to_owned(), plain(value))),
    }
}

/// A value as a cell: texts without quotes, nothing for null.
pub(super) fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        // What others wrote must not steer the terminal.
        Value::String(text) => {
            text.chars().map(|char| if char.is_control() { ' ' } else { char }).collect()
        }
        other => other.to_string(),
    }
}

/// A span in its largest unit, as in `3m`.
pub(super) fn age(span: Duration) -> String {
    let seconds = span.as_secs();
    let units = [(86_400, "d"), (3_600, "h"), (60, "m")];
    match units.into_iter().find(|&(unit, _)| seconds >= unit) {
        Some((unit, name)) => format!("{}{name}", seconds / unit),
        None => format!("{seconds}s"),
    }
}

/// The first `max` characters of a text; what is cut off is told by an ellipsis.
pub(super) fn shortened(text: &str, max: usize) -> String {
    if chars(text) <= max {
        return text.to_owned();
    }
    let kept: String = text.chars().take(max.saturating_sub(1)).collect();
    format!("{kept}…")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [["1", "kürzer", ""], ["22", "x", "last"]];
        let rows = rows.map(|row| row.map(str::to_owned).to_vec());
        let expected = "ID  KIND    ERROR\n1   kürzer\n22  x       last\n";
        assert_eq!(table(&["id", "kind", "error"], &rows), expected);
        assert_eq!(table(&["id", "kind"], &[]), "ID  KIND\n");
    }

    #[test]
    fn members_have_their_whole_names_and_nothing_is_left_out_silently_but_null() {
        let document = json!({
            "id": "01", "attempts": 2, "error": {"code": "busy", "upstream": null}, "tags": ["a"],
        });
        let expected =
            ["attempts    2", "error.code  busy", "id          01", "tags        [\"a\"]"];
        let text = members(&document);
        let mut lines: Vec<&str> = text.lines().collect();
        lines.sort_unstable();
        assert_eq!(lines, expected);
    }

    #[test]
    fn cells_do_not_steer_the_terminal() {
        assert_eq!(plain(&json!("a\u{1b}[31m\nb")), "a [31m b");
        assert_eq!((plain(&json!(null)), plain(&json!(3))), (String::new(), "3".to_owned()));
    }

    #[test]
    fn ages_and_long_texts_are_short() {
        for (seconds, text) in
            [(0, "0s"), (59, "59s"), (60, "1m"), (3_599, "59m"), (7_200, "2h"), (172_800, "2d")]
        {
            assert_eq!(age(Duration::from_secs(seconds)), text);
        }
        assert_eq!((shortened("abc", 3), shortened("abcd", 3)), ("abc".into(), "ab…".into()));
    }
}
