//! Tables: columns that line up for people, rows as objects for programs.

use serde_json::Value;

use crate::base::error::Result;

use super::out::{List, Out};

/// Rows on their way out. Text is printed at the end, when the widths are known; JSON as [`List`] does.
pub(crate) struct Table<'o> {
    out: &'o Out,
    list: List<'o>,
    headers: &'static [&'static str],
    rows: Vec<Vec<String>>,
}

impl<'o> Table<'o> {
    pub(crate) fn new(out: &'o Out, schema: &'static str, headers: &'static [&'static str]) -> Self {
        Table { out, list: out.list(schema), headers, rows: Vec::new() }
    }

    /// One more row: its cells for people, an object for programs.
    pub(crate) fn row(&mut self, cells: impl FnOnce() -> Vec<String>, value: impl FnOnce() -> Value) -> Result<()> {
        if self.out.json().is_none() {
            self.rows.push(cells());
            return Ok(());
        }
        self.list.row(String::new, value)
    }

    /// Ends the table. Without rows nothing is printed for people.
    pub(crate) fn finish(self) -> Result<()> {
        for line in lines(self.headers, &self.rows) {
            self.out.line(line)?;
        }
        self.list.finish()
    }
}

/// The header and the rows with their columns two blanks apart; the last column is not filled up.
fn lines(headers: &[&str], rows: &[Vec<String>]) -> Vec<String> {
    if rows.is_empty() {
        return Vec::new();
    }
    let mut widths: Vec<usize> = headers.iter().map(|h| h.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let mut text = String::new();
        for (cell, width) in cells.zip(&widths) {
            text.push_str(cell);
            text.extend(std::iter::repeat_n(' ', width + 2 - cell.chars().count()));
        }
        text.trim_end().to_owned()
    };
    let mut out = vec![line(&mut headers.iter().copied())];
    out.extend(rows.iter().map(|row| line(&mut row.iter().map(String::as_str))));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_whatever_their_letters() {
        let rows = vec![vec!["påske".to_owned(), "1".to_owned()], vec!["a".to_owned(), "22".to_owned()]];
        assert_eq!(lines(&["key", "n"], &rows), ["key    n", "påske  1", "a      22"]);
        assert!(lines(&["key"], &[]).is_empty());
    }
}
