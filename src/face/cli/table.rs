//! Tables for people: aligned columns, and text that cannot play tricks on a terminal.

use serde_json::Value;

use crate::base::error::Result;

use super::out::{List, Out};

/// Characters: longer values are cut in tables; JSON has them whole.
const CELL_CHARS_MAX: usize = 80;

/// Rows of a table that are held before they are printed: enough for good widths, little enough for memory.
const PAGE_ROWS: usize = 1000;

/// Text on one line: control characters (which a terminal would obey) and line breaks as escapes.
pub(crate) fn clean(text: &str) -> String {
    let obeyed = |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if !text.contains(obeyed) {
        return text.to_owned();
    }
    text.chars().map(|c| if obeyed(c) { c.escape_default().to_string() } else { c.to_string() }).collect()
}

/// Clean text, cut where it is very long.
pub(crate) fn cut(text: &str) -> String {
    let head: String = text.chars().take(CELL_CHARS_MAX + 1).collect();
    let clean = clean(&head);
    if clean.chars().count() <= CELL_CHARS_MAX { clean } else { clean.chars().take(CELL_CHARS_MAX - 1).chain(['…']).collect() }
}

/// Text with blanks behind it (or before it, where `right`) up to `width` characters.
pub(crate) fn pad(text: &str, width: usize, right: bool) -> String {
    let blanks = " ".repeat(width.saturating_sub(text.chars().count()));
    if right { format!("{blanks}{text}") } else { format!("{text}{blanks}") }
}

/// Rows that are printed together, each column as wide as its widest cell so far. A title that begins with `>` has its column aligned to the
/// right.
pub(crate) struct Table {
    titles: &'static [&'static str],
    rows: Vec<Vec<(String, &'static str)>>,
    widths: Vec<usize>,
}

impl Table {
    pub(crate) fn new(titles: &'static [&'static str]) -> Self {
        Table { titles, rows: Vec::new(), widths: Vec::new() }
    }

    /// Adds a row of plain cells.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.painted(cells.into_iter().map(|cell| (cell, "")));
    }

    /// Adds a row of cells with ANSI codes, empty for none.
    pub(crate) fn painted(&mut self, cells: impl IntoIterator<Item = (String, &'static str)>) {
        self.rows.push(cells.into_iter().map(|(cell, code)| (cut(&cell), code)).collect());
    }

    /// The lines of the rows that came since the last call, after the titles at the first; no lines where there are no rows.
    pub(crate) fn lines(&mut self, out: &Out) -> Vec<String> {
        if self.rows.is_empty() {
            return Vec::new();
        }
        let mut all = std::mem::take(&mut self.rows);
        if self.widths.is_empty() {
            all.insert(0, self.titles.iter().map(|t| (t.trim_start_matches('>').to_owned(), "2")).collect());
        }
        let width = |i: usize| all.iter().filter_map(|row| Some(row.get(i)?.0.chars().count())).max().unwrap_or(0);
        let widths: Vec<usize> = (0..self.titles.len()).map(|i| width(i).max(self.widths.get(i).copied().unwrap_or(0))).collect();
        let line = |row: &Vec<(String, &'static str)>| {
            let cells = row.iter().zip(&widths).zip(self.titles).map(|(((cell, code), width), title)| {
                let padded = pad(cell, *width, title.starts_with('>'));
                if code.is_empty() { padded } else { out.paint(code, &padded) }
            });
            cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        };
        let lines = all.iter().map(line).collect();
        self.widths = widths;
        lines
    }
}

/// A table for people that is a list of objects for programs. Text is printed page by page, with the widths known so far.
pub(crate) struct Listed<'o> {
    out: &'o Out,
    list: List<'o>,
    table: Table,
}

impl<'o> Listed<'o> {
    pub(crate) fn new(out: &'o Out, schema: &'static str, titles: &'static [&'static str]) -> Self {
        Listed { out, list: out.list(schema), table: Table::new(titles) }
    }

    /// One more row: its cells for people, an object for programs.
    pub(crate) fn row(&mut self, cells: impl FnOnce() -> Vec<String>, value: impl FnOnce() -> Value) -> Result<()> {
        if self.out.json().is_none() {
            self.table.row(cells());
            return if self.table.rows.len() >= PAGE_ROWS { self.print() } else { Ok(()) };
        }
        self.list.row(String::new, value)
    }

    /// Ends the table. Without rows nothing is printed for people.
    pub(crate) fn finish(mut self) -> Result<()> {
        self.print()?;
        self.list.finish()
    }

    fn print(&mut self) -> Result<()> {
        self.table.lines(self.out).into_iter().try_for_each(|line| self.out.line(line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_terminals_are_not_commanded() {
        let mut table = Table::new(&["KEY", ">SIZE"]);
        table.row(["å".into(), "1".into()]);
        table.row(["a\x1b[31m\n".into(), "1000".into()]);
        let want = ["KEY            SIZE", "å                 1", r"a\u{1b}[31m\n  1000"];
        assert_eq!(table.lines(&Out::new(None, true)), want);
        table.row(["b".into(), "22".into()]);
        assert_eq!(table.lines(&Out::new(None, true)), ["b                22"], "the next page has no titles and the same columns");
        assert_eq!(cut(&"x".repeat(500)).chars().count(), CELL_CHARS_MAX);
        assert!(Table::new(&["A"]).lines(&Out::new(None, true)).is_empty());
    }
}
