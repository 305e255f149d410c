//! Graphs for Mermaid, drawn by Mermaid itself as GitHub and GitLab do: every box and every arrow, and names that are
//! nothing but names. `tests/browser/mermaid.cjs` looks at them.

use std::path::Path;

use cni_plan_core::ChangeSet;
use cni_plan_render::plan_mermaid;
use cni_plan_tests::command::repository;
use cni_plan_tests::peers;

use crate::review_page::hostile;

#[test]
#[ignore = "peer: chromium"]
fn mermaid_draws_every_step_and_what_it_waits_for() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("mermaid");
    std::fs::create_dir_all(&folder).unwrap();
    let mut graphs = vec![("hostile".to_owned(), hostile())];
    for entry in std::fs::read_dir(repository().join("plans")).unwrap() {
        let path = entry.unwrap().path();
        if let Some(name) = path.file_name().and_then(|name| name.to_str()?.strip_suffix(".plan.json")) {
            let saved = std::fs::read_to_string(&path).unwrap();
            graphs.push((name.to_owned(), ChangeSet::from_json(&saved).unwrap()));
        }
    }
    assert!(graphs.len() > 1, "there are examples");
    let files = graphs.iter().map(|(name, plan)| {
        let file = folder.join(format!("{name}.mmd"));
        std::fs::write(&file, plan_mermaid(plan)).unwrap();
        file
    });
    peers::find("chromium");
    peers::node("tests/browser/mermaid.cjs", files);
}
