//! Takes out of an output what differs from run to run, so that the rest can be compared whole.
//!
//! | In the output | In the snapshot |
//! | --- | --- |
//! | ` in 84ms`, ` in 1.6s`, ` in 1m 3s` at the end of a line | ` in TIME` |
//! | `127.0.0.1:41837` | `127.0.0.1:PORT` |
//! | `AROAHIJSWF6HCQ7PAS6BE`, a role's unique id | `AROAUNIQUE` |
//! | the workspace's folder | `WORKSPACE` |
//!
//! It must not take out anything else: what a reader sees is what is compared.

use std::path::Path;

/// The text without what is volatile; `folder` is where the command ran.
pub fn steady(text: &str, folder: &Path) -> String {
    let text = text.replace(&*folder.to_string_lossy(), "WORKSPACE");
    let lines: Vec<String> = text.split('\n').map(|line| without_port(&without_id(&without_time(line)))).collect();
    lines.join("\n")
}

fn without_time(line: &str) -> String {
    match line.rsplit_once(" in ") {
        Some((before, time)) if time.split(' ').all(is_time) => format!("{before} in TIME"),
        _ => line.to_owned(),
    }
}

fn is_time(word: &str) -> bool {
    let digits = word.trim_end_matches(|character: char| character.is_ascii_lowercase());
    digits.parse::<f64>().is_ok() && ["ms", "s", "m", "h"].contains(&&word[digits.len()..])
}

/// IAM User Guide, "Understanding unique ID prefixes".
fn without_id(line: &str) -> String {
    replace_after(line, "AROA", |character| character.is_ascii_uppercase() || character.is_ascii_digit(), "UNIQUE")
}

fn without_port(line: &str) -> String {
    replace_after(line, "127.0.0.1:", |character| character.is_ascii_digit(), "PORT")
}

/// Replaces the longest run of volatile characters, if there is one, after each occurrence of a mark.
fn replace_after(line: &str, mark: &str, volatile: fn(char) -> bool, with: &str) -> String {
    let mut parts = line.split(mark);
    let mut steady = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.trim_start_matches(volatile);
        steady.push_str(mark);
        steady.push_str(if rest.len() < part.len() { with } else { "" });
        steady.push_str(rest);
    }
    steady
}
