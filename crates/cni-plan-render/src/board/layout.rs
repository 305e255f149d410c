//! Items laid out in the rows there are.

use super::Size;
use crate::inert::inert;
use crate::style::{Style, Tone};
use crate::words;

/// How far an item stands in, and what follows on its next rows.
const INDENT: [usize; 2] = [2, 4];

/// Rows that fill up.
pub(super) struct Rows {
    /// In a row: its last column stays free, since a terminal that has filled it may have begun the next.
    columns: usize,
    /// How many rows there may be.
    most: usize,
    rows: Vec<(Tone, String)>,
}

impl Rows {
    /// One row of the terminal stays free: the cursor rests there.
    pub(super) fn new(size: Size, most: usize) -> Rows {
        Rows { columns: size.columns.saturating_sub(1), most: size.rows.saturating_sub(1).min(most), rows: Vec::new() }
    }

    /// What everything below it is about.
    pub(super) fn title(&mut self, text: &str) {
        for row in self.wrapped(text, 0) {
            self.push(Tone::Strong, row);
        }
    }

    /// What there is to say of a title.
    pub(super) fn note(&mut self, text: &str) {
        for row in self.wrapped(text, INDENT[0]) {
            self.push(Tone::Quiet, row);
        }
    }

    /// A row each, as far as there are any, which may lose its end; with all that there is to say as long as that
    /// leaves the others their rows.
    pub(super) fn items(&mut self, items: &[(String, String)]) {
        let mut spare = self.room().saturating_sub(items.len());
        for (head, detail) in items.iter().take(self.room()) {
            let whole = self.laid_out(head, detail);
            if whole.len() <= 1 + spare {
                spare -= whole.len() - 1;
                self.rows.extend(whole);
            } else {
                self.rows.push((Tone::Plain, cut(&in_one(head, detail), self.columns)));
            }
        }
    }

    pub(super) fn finish(self, style: &Style) -> Vec<String> {
        let colored = |(tone, row): (Tone, String)| {
            let mut out = String::new();
            style.put(&mut out, tone, &row);
            out
        };
        self.rows.into_iter().map(colored).collect()
    }

    /// How many rows are left.
    pub(super) fn room(&self) -> usize {
        self.most - self.rows.len()
    }

    fn push(&mut self, tone: Tone, row: String) {
        if self.room() > 0 {
            self.rows.push((tone, row));
        }
    }

    /// In one row if that is wide enough; otherwise each part is wrapped, and what follows stands in.
    fn laid_out(&self, head: &str, detail: &str) -> Vec<(Tone, String)> {
        let whole = in_one(head, detail);
        if columns(&whole) <= self.columns {
            return vec![(Tone::Plain, whole)];
        }
        let head = self.wrapped(head, INDENT[0]).into_iter().map(|row| (Tone::Plain, row));
        head.chain(self.wrapped(detail, INDENT[1]).into_iter().map(|row| (Tone::Quiet, row))).collect()
    }

    /// Broken at spaces; the first row stands in as told, those after it as far as any does.
    fn wrapped(&self, text: &str, first: usize) -> Vec<String> {
        if text.is_empty() {
            return Vec::new();
        }
        let rows = words::wrap(&inert(text), self.columns.saturating_sub(INDENT[1]));
        let indented = rows.into_iter().enumerate().map(|(at, row)| {
            let indent = if at == 0 { first } else { INDENT[1] };
            cut(&format!("{}{row}", " ".repeat(indent)), self.columns)
        });
        indented.collect()
    }
}

/// An item as one row, however wide.
fn in_one(head: &str, detail: &str) -> String {
    let colon = if detail.is_empty() { "" } else { ": " };
    inert(&format!("{}{head}{colon}{detail}", " ".repeat(INDENT[0]))).into_owned()
}

/// How many columns a text takes at most: one a character of ASCII, and never more than two any other.
pub(super) fn columns(text: &str) -> usize {
    text.chars().map(width).sum()
}

fn width(character: char) -> usize {
    if character.is_ascii() { 1 } else { 2 }
}

/// The text, or as much of it as the columns hold, with a mark that there was more.
fn cut(text: &str, most: usize) -> String {
    const MORE: &str = "..";
    if columns(text) <= most {
        return text.to_owned();
    }
    let mark = &MORE[..MORE.len().min(most)];
    let most = most - mark.len();
    let mut used = 0;
    let fits = |character: &char| {
        used += width(*character);
        used <= most
    };
    text.chars().take_while(fits).chain(mark.chars()).collect()
}
