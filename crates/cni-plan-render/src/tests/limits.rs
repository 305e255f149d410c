//! A page for a forge that takes only so much: it fits, nothing in it is broken, and what a reviewer must not miss
//! is the last to go.

use cni_plan_core::{Address, ChangeSet, Finding, Kind, Reversibility, Severity};
use proptest::prelude::*;

use super::fixture::{World, plan_markdown, plan_markdown_within};
use super::hostile::{deceiving, outside_code, text};
use crate::Forge;

/// So many clusters, one step that cannot be undone, one warning.
fn fleet(clusters: usize) -> ChangeSet {
    let world = (0..clusters).fold(World::new("fleet.yaml"), |world, number| {
        world.with_ipv4(&format!("cluster-{number:03}"), &format!("AmazonEKSVPCCNIRole-{number:03}"))
    });
    let mut plan = world.planned();
    let why = "IAM keeps 5 versions, so v1, the oldest, is deleted".to_owned();
    plan.changes[1].reversibility = Reversibility::Irreversible { why };
    plan.findings = vec![Finding {
        severity: Severity::Warn,
        code: "some-hazard".to_owned(),
        address: Address::new("cluster-000", Kind::Cluster, &[]),
        message: "something speaks against it".to_owned(),
        cure: "do something about it".to_owned(),
        accepted: None,
    }];
    plan
}

/// The page outside of code, after looking that no fence, span, fold or row is broken.
#[track_caller]
fn sound(page: &str) -> String {
    let outside = outside_code(page);
    let mut open = 0;
    for line in outside.lines() {
        match line.trim() {
            "<details>" => open += 1,
            "</details>" => open -= 1,
            row if row.starts_with('|') => assert_eq!(row.matches('|').count(), 10, "{row}"),
            _ => {}
        }
        assert!((0..=1).contains(&open), "a fold is not closed, or one that is not open");
    }
    assert_eq!(open, 0, "a fold is left open");
    outside
}

#[test]
fn a_page_that_fits_is_left_as_it_is() {
    let plan = fleet(2);
    let whole = plan_markdown(&plan);
    assert_eq!(plan_markdown_within(&plan, whole.len()), whole);
    assert_ne!(plan_markdown_within(&plan, whole.len() - 1), whole);
}

#[test]
fn a_fleet_fits_every_forge_with_what_must_not_be_missed_outside_of_the_folds() {
    let plan = fleet(120);
    assert!(plan_markdown(&plan).len() > Forge::GitHub.limit());
    let mut last = 0;
    for forge in [Forge::Bitbucket, Forge::GitHub, Forge::GitLab] {
        let page = plan_markdown_within(&plan, forge.limit());
        assert!(page.len() <= forge.limit(), "{forge:?}: {}", page.len());
        assert!(page.len() > last, "{forge:?} has more room, and no more is told");
        last = page.len();
        let outside = sound(&page);
        let before_folds = outside.split("<details>").next().unwrap();
        for told in ["**Plan: ", "## Findings", "**Warning**", "## Cannot be undone", "**Safe**"] {
            assert!(before_folds.contains(told), "{forge:?}: {told} is missing or folded:\n{before_folds}");
        }
    }
    assert_eq!(plan_markdown_within(&plan, Forge::GitLab.limit()), plan_markdown(&plan));
}

#[test]
fn what_is_left_out_is_counted() {
    insta::assert_snapshot!("six-clusters-in-9000.md", plan_markdown_within(&fleet(6), 9000));
    let page = plan_markdown_within(&fleet(120), 8192);
    // A row for each cluster, and one for what they share, which is among those that stay.
    let shown = page.matches("| ipv4 |").count();
    assert!(page.contains(&format!("\n{} more rows are left out here. `cni-plan show`", 120 - shown)), "{page}");
    assert!(page.contains("| <code>shared by "), "{page}");
}

#[test]
fn findings_go_last_and_are_counted_too() {
    let mut plan = fleet(1);
    plan.findings = vec![plan.findings[0].clone(); 500];
    let page = plan_markdown_within(&plan, Forge::Bitbucket.limit());
    assert!(page.len() <= Forge::Bitbucket.limit());
    let shown = page.matches("**Warning**").count();
    assert!(shown > 100, "{shown}");
    assert!(page.contains(&format!("\n{} more findings are left out here.", 500 - shown)), "{page}");
}

/// Of ordinary length, or so long that one of them alone fills a page.
fn texts() -> impl Strategy<Value = Vec<String>> {
    let long = (text(), 1..500_usize).prop_map(|(text, times)| text.repeat(times).chars().take(6_000).collect());
    prop::collection::vec(prop_oneof![3 => text(), 1 => long], 1..24)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn any_page_fits_and_is_sound(texts in texts(), limit in 8192..80_000_usize) {
        let page = plan_markdown_within(&deceiving(&texts), limit);
        prop_assert!(page.len() <= limit, "{} > {limit}", page.len());
        sound(&page);
    }
}
