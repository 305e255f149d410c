//! The page for a browser, as far as it shows without one; `tests/browser` has what a browser says of it.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cni_plan_core::{ChangeSet, diff, hazards, prove};
use sha2::{Digest, Sha256};

use super::fixture::{World, plan_html, role_arn, service_account};
use super::fleet::{self, Fleet};

const ROLE: &str = "AmazonEKSVPCCNIRole";

/// What one page may weigh.
const MOST_BYTES: usize = 5_000_000;

/// What stands between two marks, neither of them included.
fn between<'a>(page: &'a str, start: &str, end: &str) -> &'a str {
    let (_, rest) = page.split_once(start).unwrap();
    rest.split_once(end).unwrap().0
}

/// What a reader sees: no style and no script.
fn body(page: &str) -> &str {
    between(page, "<body>\n", "<script>")
}

fn one() -> ChangeSet {
    World::new("ipv4.yaml").with_ipv4("my-cluster", ROLE).planned()
}

fn shared() -> ChangeSet {
    World::new("two-clusters.yaml").with_ipv4("blue", "cni-blue").with_ipv4("green", "cni-green").planned()
}

fn refused() -> ChangeSet {
    let theirs = service_account(Some((&role_arn("gitops"), "helm-controller")));
    let world = World::new("ipv4.yaml").with_ipv4("my-cluster", ROLE).found("my-cluster/oidc-provider", None);
    world.found("my-cluster/annotate/kube-system/aws-node", Some(theirs)).planned()
}

/// Clusters with everything of their own.
fn fleet_of(clusters: usize) -> ChangeSet {
    let fleet = Fleet::of(clusters);
    let graph = fleet.compiled();
    let observed = fleet::observed(&graph);
    let diff = diff(graph, observed).unwrap();
    let header = fleet.header();
    let mut findings = diff.findings;
    findings.extend(hazards(&header, &diff.changes));
    ChangeSet { header, findings, safety: prove(&diff.changes), changes: diff.changes }
}

/// Clusters whose nodes have one role.
fn sharing(clusters: usize) -> ChangeSet {
    let keys = (0..clusters).map(|number| format!("cluster-{number:05}"));
    let world = keys.fold(World::new("fleet.yaml"), |world, key| world.with_ipv4(&key, &format!("{ROLE}-{key}")));
    world.planned()
}

#[test]
fn pages_as_they_are_read() {
    insta::assert_snapshot!("ipv4.html", body(&plan_html(&one())));
    insta::assert_snapshot!("shared.html", body(&plan_html(&shared())));
    let page = plan_html(&refused());
    insta::assert_snapshot!("refused.html", between(&page, "<header>", "<section id=\"steps\""));
}

#[test]
fn an_unsafe_plan_tells_the_shortest_way_with_links_to_its_steps() {
    let mut plan = one();
    for change in &mut plan.changes {
        if change.address.as_str().contains("/annotate/") {
            change.depends_on.clear();
        }
    }
    plan.safety = prove(&plan.changes);
    let page = plan_html(&plan);
    insta::assert_snapshot!("unsafe.html", between(&page, "<header>", "<p class=\"totals\">"));
}

#[test]
fn the_same_plan_is_the_same_page() {
    let plan = sharing(7);
    assert_eq!(plan_html(&plan), plan_html(&plan));
}

#[test]
fn five_hundred_clusters_have_room_in_one_file() {
    for plan in [fleet_of(500), sharing(500)] {
        let size = plan_html(&plan).len();
        assert!(size < MOST_BYTES, "{size} bytes");
    }
}

#[test]
fn every_link_leads_to_one_place() {
    for plan in [one(), shared(), refused(), sharing(7)] {
        let page = plan_html(&plan);
        let page = body(&page);
        let names = |lead: &str| -> Vec<String> {
            page.split(lead).skip(1).map(|rest| rest.split_once('"').unwrap().0.to_owned()).collect()
        };
        let ids = names(" id=\"");
        let places: BTreeSet<&String> = ids.iter().collect();
        assert_eq!(places.len(), ids.len(), "an id is there twice");
        for link in names("href=\"#") {
            assert!(places.contains(&link), "#{link} leads nowhere");
        }
    }
}

#[test]
fn nothing_runs_but_the_two_texts_whose_hashes_the_page_states() {
    let page = plan_html(&one());
    let policy = between(&page, "<meta http-equiv=\"Content-Security-Policy\" content=\"", "\"");
    assert!(policy.starts_with("default-src 'none'; "), "{policy}");
    for (element, directive) in [("style", "style-src"), ("script", "script-src")] {
        let text = between(&page, &format!("<{element}>"), &format!("</{element}>"));
        let hash = STANDARD.encode(Sha256::digest(text));
        assert!(policy.contains(&format!("{directive} 'sha256-{hash}'")), "{element}: {policy}");
        // What prints a page spells out what is not plain text, and the hash would be another's.
        assert!(text.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\n')), "{element} is not plain ASCII");
        assert_eq!(page.matches(&format!("<{element}")).count(), 1, "{element}");
    }
}

#[test]
fn nothing_is_fetched() {
    let page = plan_html(&shared());
    let style = between(&page, "<style>", "</style>");
    assert_eq!(style.matches("url(").count(), style.matches("url(#").count());
    assert!(!style.contains("@import") && !style.contains("@font-face"));
    for tag in tags(&page) {
        for attribute in tag.split(' ').filter_map(|word| word.split_once('=')).map(|(name, _)| name) {
            let is_live = attribute.starts_with("on") || attribute.starts_with("xlink");
            assert!(!is_live && !["src", "srcset", "style", "action", "data"].contains(&attribute), "<{tag}>");
        }
        assert!(tag.split("href=\"").skip(1).all(|to| to.starts_with('#')), "<{tag}>");
    }
    let script = between(&page, "<script>", "</script>");
    for way_out in ["fetch", "XMLHttp", "WebSocket", "import(", "Image(", "innerHTML", "eval(", "http"] {
        assert!(!script.contains(way_out), "{way_out}");
    }
}

/// What stands between angle brackets, apart from style and script.
pub(super) fn tags(page: &str) -> Vec<&str> {
    let head = between(page, "<head>", "<style>");
    let opened = head.split('<').skip(1).chain(body(page).split('<').skip(1));
    opened.map(|rest| rest.split_once('>').expect("a tag ends").0).collect()
}

/// What stands outside of them.
pub(super) fn texts(page: &str) -> Vec<&str> {
    body(page).split('<').skip(1).map(|rest| rest.split_once('>').unwrap().1).collect()
}
