use super::*;
use proptest::prelude::*;

/// An empty terminal.
fn terminal(rows: u16, columns: u16) -> vt100::Parser {
    vt100::Parser::new(rows.try_into().unwrap(), columns.try_into().unwrap(), 0)
}

/// A terminal as it shows what it was sent; the driver of a real one makes a line feed go back to the left.
fn sent(terminal: &mut vt100::Parser, text: &str) {
    terminal.process(text.replace('\n', "\r\n").as_bytes());
}

fn shown(terminal: &vt100::Parser) -> Vec<String> {
    let mut rows: Vec<String> = terminal.screen().contents().lines().map(|row| row.trim_end().to_owned()).collect();
    while rows.last().is_some_and(String::is_empty) {
        rows.pop();
    }
    rows
}

fn rows(rows: &[&str]) -> Vec<String> {
    rows.iter().copied().map(str::to_owned).collect()
}

#[test]
fn rows_are_drawn_over_and_lines_go_above_them() {
    let mut terminal = terminal(10, 30);
    let mut frame = Frame::default();
    sent(&mut terminal, "$ cni-plan apply\n");
    sent(&mut terminal, &frame.draw("", rows(&["Applying: 0 of 2", "  a: creating, 0s"]), 30));
    sent(&mut terminal, &frame.draw("a: created\n", rows(&["Applying: 1 of 2"]), 30));
    assert_eq!(shown(&terminal), ["$ cni-plan apply", "a: created", "Applying: 1 of 2"]);
    sent(&mut terminal, &frame.draw("Applied\n", Vec::new(), 30));
    assert_eq!(shown(&terminal), ["$ cni-plan apply", "a: created", "Applied"]);
    assert!(frame.is_empty());
    assert_eq!(terminal.screen().cursor_position(), (3, 0));
}

#[test]
fn what_is_drawn_already_is_not_sent_again() {
    let mut frame = Frame::default();
    assert_ne!(frame.draw("", rows(&["a"]), 30), "");
    assert_eq!(frame.draw("", rows(&["a"]), 30), "");
    assert_ne!(frame.draw("", rows(&["b"]), 30), "");
}

#[test]
fn rows_that_a_narrower_terminal_has_wrapped_are_all_drawn_over() {
    let mut frame = Frame::default();
    frame.draw("", rows(&["\x1b[1mtwelve chars\x1b[0m", "four"]), 30);
    assert!(frame.draw("", rows(&["x"]), 5).contains("\x1b[4A"), "three rows of the first, one of the second");
}

proptest! {
    /// Whatever was drawn before, the screen holds the lines that were told, in their order, and the last rows.
    #[test]
    fn the_screen_holds_all_lines_and_the_last_rows(
        frames in prop::collection::vec((prop::collection::vec("[a-z ]{1,50}[a-z]", 0..3),
            prop::collection::vec("[A-Z]{1,19}", 0..4)), 1..12),
    ) {
        const COLUMNS: u16 = 20;
        let mut shown = terminal(200, COLUMNS);
        let mut plain = terminal(200, COLUMNS);
        let mut frame = Frame::default();
        let mut last = Vec::new();
        for (above, rows) in frames {
            let above: String = above.iter().map(|line| format!("{line}\n")).collect();
            sent(&mut shown, &frame.draw(&above, rows.clone(), usize::from(COLUMNS)));
            sent(&mut plain, &above);
            last = rows;
        }
        sent(&mut plain, &last.iter().map(|row| format!("{row}\n")).collect::<String>());
        prop_assert_eq!(shown.screen().contents(), plain.screen().contents());
    }
}
