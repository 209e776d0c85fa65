//! Tables for people.

use comfy_table::{ContentArrangement, Table, presets};

/// A table without lines: columns under their titles, in the order given.
pub(crate) fn table<const N: usize>(titles: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled).set_header(titles);
    for row in rows {
        table.add_row(row.map(|cell| printable(&cell)));
    }
    trimmed(&table)
}

/// Names and values below each other, without titles.
pub(crate) fn facts<'a>(facts: impl IntoIterator<Item = (&'a str, String)>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    for (name, value) in facts {
        table.add_row([name.to_owned(), printable(&value)]);
    }
    trimmed(&table)
}

/// A value that may be missing.
pub(crate) fn or_dash(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

/// What others chose as a name must not steer the reader's terminal.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

fn trimmed(table: &Table) -> String {
    let lines: Vec<String> =
        table.lines().map(|line| line.strip_prefix(' ').unwrap_or(&line).trim_end().to_owned()).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_under_their_titles() {
        let text =
            table(["host", "id"], [["calm-otter".to_owned(), "N1".to_owned()], ["x".to_owned(), "N22".to_owned()]]);
        assert_eq!(text, "host        id\ncalm-otter  N1\nx           N22");
    }
}
