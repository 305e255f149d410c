//! Takes out of an output what differs from run to run, so that the rest can be compared whole.
//!
//! | In the output | In the snapshot |
//! | --- | --- |
//! | ` in 84ms`, ` in 1.6s`, ` in 1m 3s` at the end of a line | ` in TIME` |
//! | `127.0.0.1:41837` | `127.0.0.1:PORT` |
//! | the workspace's folder | `WORKSPACE` |
//!
//! It must not take out anything else: what a reader sees is what is compared.

use std::path::Path;

/// The text without what is volatile; `folder` is where the command ran.
pub fn steady(text: &str, folder: &Path) -> String {
    let text = text.replace(&*folder.to_string_lossy(), "WORKSPACE");
    let lines: Vec<String> = text.split('\n').map(|line| without_port(&without_time(line))).collect();
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

fn without_port(line: &str) -> String {
    const HOST: &str = "127.0.0.1:";
    let mut parts = line.split(HOST);
    let mut steady = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.trim_start_matches(|character: char| character.is_ascii_digit());
        steady.push_str(HOST);
        steady.push_str(if rest.len() < part.len() { "PORT" } else { "" });
        steady.push_str(rest);
    }
    steady
}
