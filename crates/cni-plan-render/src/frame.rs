//! Rows at the bottom of a terminal that are drawn over in place, and lines that go above them.
//!
//! Nothing is wiped before it is written again, and a frame is one write inside a synchronized update (DEC
//! private mode 2026, which terminals that do not know it ignore): what stays the same does not flicker.

use crate::inert::without_sgr;

const BEGIN: &str = "\x1b[?2026h";
const END: &str = "\x1b[?2026l";
/// ECMA-48, EL and ED: from the cursor to the end of the row, and of the screen.
const WIPE_ROW: &str = "\x1b[K";
const WIPE_BELOW: &str = "\x1b[J";

/// What is drawn. The cursor rests at the beginning of the row below it.
#[derive(Debug, Default)]
pub struct Frame {
    rows: Vec<String>,
}

impl Frame {
    /// What a terminal that is `columns` wide has to be sent to have `above`, whole lines, above `rows`, and those
    /// in the place of what was drawn before. Empty where that is nothing.
    pub fn draw(&mut self, above: &str, rows: Vec<String>, columns: usize) -> String {
        if above.is_empty() && rows == self.rows {
            return String::new();
        }
        let mut out = BEGIN.to_owned();
        match self.height(columns) {
            0 => {}
            height => out.push_str(&format!("\x1b[{height}A\r")),
        }
        for line in above.lines() {
            match width(line) < columns {
                true => out.push_str(&format!("{line}{WIPE_ROW}\n")),
                // It goes on in the next row, where there may be something else.
                false => out.push_str(&format!("{WIPE_BELOW}{line}\n")),
            }
        }
        for row in &rows {
            out.push_str(&format!("{row}{WIPE_ROW}\n"));
        }
        out.push_str(WIPE_BELOW);
        out.push_str(END);
        self.rows = rows;
        out
    }

    /// Whether nothing is drawn.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// How many rows of a terminal what is drawn takes: where it has become narrower since, most terminals have
    /// wrapped the rows.
    fn height(&self, columns: usize) -> usize {
        self.rows.iter().map(|row| width(row).div_ceil(columns.max(1)).max(1)).sum()
    }
}

fn width(text: &str) -> usize {
    without_sgr(text).chars().count()
}

#[cfg(test)]
mod tests;
