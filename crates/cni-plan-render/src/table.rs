//! Columns under headings, as wide as what stands in them.

use crate::inert::inert;
use crate::page::Page;
use crate::style::Tone;

/// What stands between two columns.
const GAP: &str = "  ";

/// A cell: how it looks, and its text.
pub(crate) type Cell = (Tone, String);

/// Writes the headings and a line for each row. Nothing is cut or wrapped, and nothing stands behind the last column.
pub(crate) fn write<const N: usize>(page: &mut Page<'_>, headings: [&str; N], rows: &[[Cell; N]]) {
    // As wide as it is shown.
    let shown: Vec<[String; N]> =
        rows.iter().map(|row| std::array::from_fn(|at| inert(&row[at].1).into_owned())).collect();
    let width = |at: usize| {
        let cells = shown.iter().map(|row| row[at].chars().count());
        cells.chain([headings[at].chars().count()]).max().unwrap_or_default()
    };
    let widths: [usize; N] = std::array::from_fn(width);
    let padded = |at: usize, text: &str| {
        if at + 1 == N { text.to_owned() } else { format!("{text:0$}{GAP}", widths[at]) }
    };
    let mut line = |tones: [Tone; N], cells: [&str; N]| {
        let cells: [String; N] = std::array::from_fn(|at| padded(at, cells[at]));
        let pieces: [(Tone, &str); N] = std::array::from_fn(|at| (tones[at], cells[at].as_str()));
        page.line(0, &pieces);
    };
    line([Tone::Quiet; N], headings);
    for (row, shown) in rows.iter().zip(&shown) {
        line(row.each_ref().map(|(tone, _)| *tone), shown.each_ref().map(String::as_str));
    }
}
