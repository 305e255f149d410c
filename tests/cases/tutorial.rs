//! Pages are executed: their files are written, their commands typed into a shell, and what those print is what the page
//! shows. `UPDATE_SNAPSHOTS=1` writes a page's outputs anew.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use cni_plan_tests::command::{Workspace, path_with_binary, repository};
use cni_plan_tests::steady::steady;

#[test]
fn every_command_of_the_tutorial_prints_what_the_page_shows() {
    check("tutorial.md");
}

#[test]
fn every_command_of_the_page_on_init_prints_what_the_page_shows() {
    check("init.md");
}

#[test]
fn every_command_of_the_page_on_verify_prints_what_the_page_shows() {
    check("health.md");
}

/// In a folder of its own, which knows nothing of the other pages.
fn check(page: &str) {
    let path = repository().join("docs").join(page);
    let page = std::fs::read_to_string(&path).unwrap();
    let workspace = Workspace::new();
    let mut replayed = String::new();
    for block in blocks(&page) {
        match block {
            Block::Text(text) => replayed.push_str(text),
            Block::File { name, text } => {
                workspace.write(name, text);
                write!(replayed, "```yaml\n{text}```\n").unwrap();
            }
            Block::Console(lines) => {
                replayed.push_str("```console\n");
                for command in lines.iter().filter_map(|line| line.strip_prefix("$ ")) {
                    write!(replayed, "$ {command}\n{}", typed(&workspace, command)).unwrap();
                }
                replayed.push_str("```\n");
            }
        }
    }
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(&path, &replayed).unwrap();
    }
    let comparable = |text: &str| without_runs(&steady(text, workspace.path()));
    let page = std::fs::read_to_string(&path).unwrap();
    for (shown, printed) in comparable(&page).lines().zip(comparable(&replayed).lines()) {
        assert_eq!(shown, printed, "UPDATE_SNAPSHOTS=1 writes the page anew");
    }
    assert_eq!(page.lines().count(), replayed.lines().count());
}

enum Block<'a> {
    Text(&'a str),
    File { name: &'a str, text: &'a str },
    Console(Vec<&'a str>),
}

/// The page in order: fenced blocks, and what lies between them.
fn blocks(page: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut rest = page;
    while let Some((before, after)) = rest.split_once("```") {
        let (language, after) = after.split_once('\n').expect("a fence is a line");
        let (inside, after) = after.split_once("```\n").expect("a block has an end");
        blocks.push(Block::Text(before));
        blocks.push(match language {
            "yaml" => {
                let name = inside.lines().next().and_then(|line| line.strip_prefix("# ")).expect("a file has a name");
                Block::File { name, text: inside }
            }
            "console" => Block::Console(inside.lines().collect()),
            other => panic!("a block of {other}"),
        });
        rest = after;
    }
    blocks.push(Block::Text(rest));
    blocks
}

/// What a shell prints, both streams as they come, and the exit code where it is not 0.
fn typed(workspace: &Workspace, command: &str) -> String {
    let output = Command::new("sh")
        .args(["-c", &format!("exec 2>&1; {command}")])
        .current_dir(workspace.path())
        .env_clear()
        .env("PATH", path_with_binary())
        .env("HOME", workspace.path())
        // What each page's first line sets.
        .env("CNI_PLAN_SANDBOX", "1")
        .stdin(Stdio::null())
        .output()
        .expect("a shell can be started");
    let mut text = by_someone(&String::from_utf8(output.stdout).expect("it prints text"));
    assert!(!text.contains(&*Path::new(workspace.path()).to_string_lossy()), "a path of this machine: {text}");
    match output.status.code() {
        Some(0) => {}
        code => writeln!(text, "(exit code {})", code.expect("no signal ends it")).unwrap(),
    }
    text
}

/// A list of runs says who began them, and on which machine.
fn by_someone(text: &str) -> String {
    let line = |line: &str| match line.split_once("Z by ") {
        Some((before, _)) => format!("{before}Z by you@laptop, pid 4711 (917944cd)\n"),
        None => format!("{line}\n"),
    };
    text.lines().map(line).collect()
}

/// Names of runs, and the times of day that lists of them show, are of the day.
fn without_runs(text: &str) -> String {
    let is_of_the_day = |word: &str| {
        let digits = word.bytes().filter(u8::is_ascii_digit).count();
        digits >= 14 && word.bytes().all(|byte| byte.is_ascii_digit() || b"-:TZ".contains(&byte))
    };
    let word =
        |word: &str| if is_of_the_day(word.trim_end_matches([',', '.'])) { "RUN".to_owned() } else { word.to_owned() };
    let line = |line: &str| line.split(' ').map(word).collect::<Vec<_>>().join(" ");
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}
