//! The README's picture of the output is what the command prints today. `UPDATE_SNAPSHOTS=1` draws it anew.

use anstyle::RgbColor;
use anstyle_svg::{Term, WIN10_CONSOLE};
use cni_plan_tests::command::{Workspace, repository};

const PICTURE: &str = "docs/images/plan.svg";
const COMMAND: [&str; 4] = ["plan", "--sandbox", "--no-save", "examples/quickstart.yaml"];

#[test]
fn the_readme_shows_what_the_command_prints() {
    let coloured = COMMAND.into_iter().chain(["--color", "always"]);
    let printed = Workspace::with_examples().run(coloured).expect(0).stdout;
    let picture = drawn(&format!("$ cni-plan {}\n\n{printed}", COMMAND.join(" ")));
    let path = repository().join(PICTURE);
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &picture).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == picture, "{PICTURE} is not what `plan` prints; UPDATE_SNAPSHOTS=1 draws it anew");
    assert!(std::fs::read_to_string(repository().join("README.md")).unwrap().contains(PICTURE));
}

/// On a dark ground, with quiet text that is still to be read.
fn drawn(printed: &str) -> String {
    let (ink, ground) = (RgbColor(228, 231, 234), RgbColor(20, 23, 26));
    let term = Term::new().palette(WIN10_CONSOLE).fg_color(ink.into()).bg_color(ground.into());
    term.render_svg(printed).replace("opacity: 0.4;", "opacity: 0.65;")
}
