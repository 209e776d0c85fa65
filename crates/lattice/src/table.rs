//! Tables for people.

use comfy_table::{ContentArrangement, Table, presets};

/// What a cell says that has nothing to say.
const NOTHING: &str = "-";

/// A table without lines: columns under their titles, in the order given.
pub(crate) fn table<const N: usize>(titles: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    drawn(Vec::from(titles), rows.into_iter().map(Vec::from))
}

/// A table without the columns in which no row says anything.
pub(crate) fn dense<const N: usize>(titles: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    let rows: Vec<[String; N]> = rows.into_iter().collect();
    let says = |column: &usize| rows.iter().any(|row| !matches!(row[*column].as_str(), "" | NOTHING));
    let columns: Vec<usize> = (0..N).filter(|column| rows.is_empty() || says(column)).collect();
    let rows = rows.iter().map(|row| columns.iter().map(|column| row[*column].clone()).collect());
    drawn(columns.iter().map(|column| titles[*column]).collect(), rows)
}

/// Names and values below each other, without titles. A value may have several lines.
pub(crate) fn facts<'a>(facts: impl IntoIterator<Item = (&'a str, String)>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    for (name, value) in facts {
        let lines: Vec<String> = value.lines().map(printable).collect();
        table.add_row([name.to_owned(), lines.join("\n")]);
    }
    trimmed(&table)
}

/// A value that may be missing.
pub(crate) fn or_dash(value: Option<impl ToString>) -> String {
    value.map_or_else(|| NOTHING.to_owned(), |value| value.to_string())
}

/// What others chose as a name must not steer the reader's terminal.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

fn drawn(titles: Vec<&str>, rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled).set_header(titles);
    for row in rows {
        table.add_row(row.iter().map(|cell| printable(cell)));
    }
    trimmed(&table)
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
    fn columns_that_say_nothing_are_left_out() {
        let row = |name: &str, version: &str| [name.to_owned(), "-".to_owned(), version.to_owned(), String::new()];
        let titles = ["name", "alias", "version", "tags"];
        assert_eq!(dense(titles, [row("a", "-"), row("b", "2")]), "name  version\na     -\nb     2");
        assert_eq!(dense(titles, []), "name  alias  version  tags");
    }

    #[test]
    fn facts_may_have_several_lines() {
        let text = facts([("why", "one\nbecause: \u{1b}two".to_owned()), ("took", "1 ms".to_owned())]);
        assert_eq!(text, "why   one\n      because: \u{fffd}two\ntook  1 ms");
    }

    #[test]
    fn columns_stand_under_their_titles() {
        let text =
            table(["host", "id"], [["calm-otter".to_owned(), "N1".to_owned()], ["x".to_owned(), "N22".to_owned()]]);
        assert_eq!(text, "host        id\ncalm-otter  N1\nx           N22");
    }
}
