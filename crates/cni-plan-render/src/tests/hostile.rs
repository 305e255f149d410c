//! Names and values made to deceive: shown, and inert, in every output.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use cni_plan_core::{
    Action, AddonRole, Address, Annotation, Association, Attachment, Call, ChangeSet, Danger, DangerStep, Direction,
    Drift, Endangered, ErrorKind, Event, Exemption, Finding, Health, Kind, ManagedAddon, Observation, OidcProvider,
    Phase, PodIdentity, Policy, PolicyHistory, Progress, ProviderError, Resource, Reversibility, Role, SafetyVerdict,
    ServiceAccount, Severity, Target, Timings,
};
use proptest::prelude::*;
use serde_json::json;

use super::fixture::{World, document, plan_html, plan_markdown, pods};
use super::html;
use crate::{
    RolledBack, Style, Told, ToldResidue, by_hand, clusters_by_key, commands_script, drift_text, eksctl_config,
    event_line, findings_text, health_text, plan_dot, plan_mermaid, plan_text, rollback_text, safety_text,
    terraform_config, timings_text,
};

/// A change set in which every text that comes from outside is one of `texts`, taken in turn.
pub(super) fn deceiving(texts: &[String]) -> ChangeSet {
    let mut next = texts.iter().cycle().cloned();
    let mut text = || next.next().unwrap_or_default();
    let mut plan = World::new("spec.yaml").with_ipv4("my-cluster", "r").with_ipv6("other", "r").planned();
    plan.header.spec = text();
    plan.header.tool_version = text();
    plan.header.spec_digest = text();
    for planned in &mut plan.header.clusters {
        planned.cluster.key = text();
        let facts = &mut planned.facts;
        (facts.region, facts.account, facts.version) = (text(), text(), text());
        facts.managed_addon = Some(ManagedAddon { version: text(), status: text() });
        for role in &mut facts.node_roles {
            (role.name, role.found_in) = (text(), vec![text(), text()]);
        }
    }
    for change in &mut plan.changes {
        let address = Address::new("c", change.address.kind(), &[&text()]);
        change.address = address;
        change.why = text();
        change.reversibility = Reversibility::Irreversible { why: text() };
        change.clusters = vec![text()];
        change.before = Some(resource(change.address.kind(), &mut text));
        change.after = Some(resource(change.address.kind(), &mut text));
        match &mut change.target {
            Target::OidcProvider { arn, .. } | Target::Policy { arn, .. } => *arn = text(),
            Target::Role { name, .. } => *name = text(),
            Target::Attachment { role, policy_arn, .. } => (*role, *policy_arn) = (text(), text()),
            Target::ServiceAccount { name, .. } => *name = text(),
            Target::Pods { service_account, .. } => *service_account = text(),
        }
        if change.action == Action::Create {
            change.action = Action::Update;
        }
    }
    plan.safety = unsafe_verdict(&mut text);
    plan.findings =
        [Severity::Refuse, Severity::Warn, Severity::Note].map(|severity| finding(severity, &mut text)).to_vec();
    plan
}

fn unsafe_verdict(text: &mut impl FnMut() -> String) -> SafetyVerdict {
    let mut step =
        |direction| DangerStep { address: Address::new("c", Kind::Role, &[&text()]), direction, does: text() };
    let steps = vec![step(Direction::Forward), step(Direction::Back)];
    SafetyVerdict::Unsafe(Danger { cluster: text(), identity: Some(Endangered::OwnRole), steps, outcome: text() })
}

/// A safe one, with what was lacking before.
fn safe_verdict(text: &mut impl FnMut() -> String) -> SafetyVerdict {
    let exempt = (0..8)
        .map(|_| Exemption {
            cluster: text(),
            identity: Endangered::OwnRole,
            lacks: Address::new("c", Kind::Role, &[&text()]),
        })
        .collect();
    SafetyVerdict::Safe { forward_states: 1, back_states: 2, exempt }
}

fn finding(severity: Severity, text: &mut impl FnMut() -> String) -> Finding {
    let address = Address::new("c", Kind::Role, &[&text()]);
    Finding { severity, code: text(), address, message: text(), cure: text(), accepted: Some(text()) }
}

fn resource(kind: Kind, text: &mut impl FnMut() -> String) -> Resource {
    match kind {
        Kind::Policy => Resource::Policy(Policy {
            arn: text(),
            name: text(),
            description: Some(text()),
            document: document(&json!([{"Effect": "Allow", "Action": [text(), text()], text(): text()}])),
            history: Some(PolicyHistory { default_version: text(), versions: vec![text()] }),
        }),
        Kind::Role => Resource::Role(Role {
            name: text(),
            path: text(),
            trust: document(&json!([{"Sid": text(), "Effect": "Allow", "Principal": {text(): text()}}])),
            description: Some(text()),
            permissions_boundary: Some(text()),
            tags: BTreeMap::from([(text(), text()), (text(), text())]),
            id: Some(text()),
        }),
        Kind::Annotate => Resource::ServiceAccount(ServiceAccount {
            addon: Some(AddonRole { role_arn: Some(text()) }),
            association: Some(Association {
                role_arn: text(),
                owner_arn: Some(text()),
                besides: vec![text()],
                tags: BTreeMap::from([(text(), text())]),
            }),
            ..ServiceAccount::annotated(
                &text(),
                &text(),
                BTreeMap::from([
                    ("same".to_owned(), Annotation { value: text(), manager: Some(text()) }),
                    (text(), Annotation { value: text(), manager: Some(text()) }),
                ]),
            )
        }),
        Kind::OidcProvider => {
            Resource::OidcProvider(OidcProvider { url: text(), client_ids: BTreeSet::from([text(), text()]) })
        }
        Kind::Attach | Kind::Detach => Resource::Attachment(Attachment { role: text(), policy_arn: text() }),
        _ => pods(PodIdentity::Other { what: text() }),
    }
}

/// Every output of the crate for such texts: what it is, and the text.
fn outputs(texts: &[String], style: &Style) -> Vec<(&'static str, String)> {
    let plan = deceiving(texts);
    let mut next = texts.iter().cycle().cloned();
    let mut text = || next.next().unwrap_or_default();
    let drifts: Vec<Drift> = plan
        .changes
        .iter()
        .map(|change| Drift {
            address: change.address.clone(),
            planned: change.before.clone(),
            found: change.after.clone(),
        })
        .collect();
    let clusters = clusters_by_key(plan.header.clusters.iter().map(|planned| &planned.cluster));
    let residue: Vec<ToldResidue> = plan
        .changes
        .iter()
        .map(|change| {
            let now = change.after.clone().map_or(Observation::Absent, Observation::Present);
            let by_hand = [by_hand(change, &now, &clusters), vec![text()]].concat();
            ToldResidue { address: change.address.clone(), why: text(), by_hand, is_kept: true }
        })
        .collect();
    let addresses: Vec<Address> = residue.iter().map(|residue| residue.address.clone()).collect();
    let call = Call { service: "iam", operation: text(), began: Duration::ZERO, ended: Duration::from_millis(1) };
    let error = ProviderError { kind: ErrorKind::Refused, what: text(), why: text(), cure: text() };
    let progress = Progress::of_pods(1, 2, &[text()]);
    let events = [
        Event::Failed { phase: Phase::Apply, address: addresses[0].clone(), error },
        Event::Progressed { phase: Phase::Apply, address: addresses[0].clone(), progress },
        Event::Progressed { phase: Phase::Apply, address: addresses[0].clone(), progress: Progress::Told(text()) },
    ];
    let safe = ChangeSet { safety: safe_verdict(&mut text), findings: Vec::new(), ..plan.clone() };
    let mut outputs = vec![
        ("safe plan", plan_text(&safe, style)),
        ("safe markdown", plan_markdown(&safe)),
        ("safety", safety_text(&plan.safety, style)),
        ("plan", plan_text(&plan, style)),
        ("markdown", plan_markdown(&plan)),
        ("safe page", plan_html(&safe)),
        ("page", plan_html(&plan)),
        ("mermaid", plan_mermaid(&plan)),
        ("dot", plan_dot(&plan)),
        ("drift", drift_text(&drifts, style)),
        ("findings", findings_text(&plan.findings, style)),
        ("commands", commands_script(&plan).unwrap_or_else(|why| why.to_string())),
        ("eksctl", eksctl_config(&plan)),
        ("terraform", terraform_config(&plan, &plan.header.clusters[0].cluster.key)),
        ("health", health_text(&Health::of(&plan), &text(), style)),
        ("rollback", rollback_text(&addresses, &residue, style)),
        ("timings", timings_text(&Timings::of(vec![call]), style)),
    ];
    outputs.extend(events.iter().map(|event| ("event", event_line(event, style).unwrap())));
    let report = RolledBack { restored: Vec::new(), residue };
    let mut told = vec![Told::Planned(&plan), Told::Drift(&drifts), Told::RolledBack(&report)];
    told.extend(events.iter().map(Told::Happened));
    let lines = told.iter().flat_map(|told| told.json_lines("2026-11-26T10:00:00.000Z"));
    outputs.extend(lines.map(|line| ("json", line)));
    outputs
}

/// `text` without SGR sequences, `ESC [ digits and semicolons m`.
fn without_sgr(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        out.push_str(before);
        let end = after.find(|character: char| !character.is_ascii_digit() && character != ';');
        rest = match end {
            Some(end) if after[end..].starts_with('m') => &after[end + 1..],
            _ => {
                out.push('\u{1b}');
                after
            }
        };
    }
    out + rest
}

/// What CommonMark and a forge would read as markup: everything outside code spans, fences and
/// HTML `code` elements.
pub(super) fn outside_code(markdown: &str) -> String {
    let mut out = String::new();
    let mut fence: Option<&str> = None;
    for line in markdown.lines() {
        let ticks = &line[..line.len() - line.trim_start_matches('`').len()];
        match fence {
            Some(open) => {
                if line == open {
                    fence = None;
                }
            }
            None if ticks.len() >= 3 && !line[ticks.len()..].contains('`') => fence = Some(ticks),
            None => {
                out.push_str(&without_spans(line));
                out.push('\n');
            }
        }
    }
    assert_eq!(fence, None, "a fence is left open");
    out
}

/// A line without its code spans, found as CommonMark finds them: a run of backticks and the next
/// run of the same length.
fn without_spans(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some(start) = rest.find(['`', '<']) {
        out.push_str(&rest[..start]);
        rest = &rest[start..];
        if let Some(inside) = rest.strip_prefix("<code>") {
            rest = &inside[inside.find('<').unwrap()..];
            rest = rest.strip_prefix("</code>").expect("nothing but references stands in a code element");
            continue;
        }
        let run = rest.len() - rest.trim_start_matches('`').len();
        if run == 0 {
            out.push('<');
            rest = &rest[1..];
            continue;
        }
        let mut after = &rest[run..];
        let mut closed = None;
        while let Some(at) = after.find('`') {
            let length = after[at..].len() - after[at..].trim_start_matches('`').len();
            after = &after[at + length..];
            if length == run {
                closed = Some(after);
                break;
            }
        }
        rest = closed.expect("a code span is left open");
    }
    out + rest
}

#[test]
fn hostile_names_are_shown_inert() {
    let texts = [
        "\u{1b}[2J\u{1b}]0;gone\u{7}",
        "| a | b |\n# heading",
        "</code></summary><script>alert(1)</script>",
        "```\n@everyone #1 https://evil.example ```",
        "safe\u{202e}gnp.exe",
        "**bold** [link](javascript:0) <!-- &amp;",
    ]
    .map(str::to_owned);
    let plan = deceiving(&texts);
    insta::assert_snapshot!("hostile", plan_text(&plan, &Style::plain()));
    insta::assert_snapshot!("hostile.md", plan_markdown(&plan));
    let outside = outside_code(&plan_markdown(&plan));
    for word in ["script>alert", "@everyone", "https:", "**bold", "link]", "<!--", "heading"] {
        assert!(!outside.contains(word), "{word} is not in code:\n{outside}");
    }
    let page = plan_html(&plan);
    assert!(page.contains("&lt;/code&gt;&lt;/summary&gt;&lt;script&gt;alert(1)"), "the name is not shown at all");
    assert_eq!(page.matches("<script").count(), 1, "the page has its own script and no other");
}

/// Texts of what hurts, and of anything.
pub(super) fn text() -> impl Strategy<Value = String> {
    prop_oneof![any::<String>(), "[a-z`|<>&@\\\\\n\r\t\u{1b}\u{202e}\u{9b} *_\\[\\]#:/]{0,24}",]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_output_holds_a_control_character(texts in prop::collection::vec(text(), 1..24), color in any::<bool>()) {
        for (what, output) in outputs(&texts, &Style { color, width: 80 }) {
            let bare = if color { without_sgr(&output) } else { output };
            let live = bare.chars().find(|&character| character != '\n' && crate::inert(&character.to_string()) != character.to_string());
            prop_assert_eq!(live, None, "{}: {:?}", what, bare);
        }
    }

    #[test]
    fn markdown_outside_of_code_is_our_own(texts in prop::collection::vec(text(), 1..24)) {
        // Whether steps fall into a known cluster's group depends on which keys are equal: harmless
        // texts that all differ, and harmless texts that are all the same, show both.
        let different: Vec<String> = (0..texts.len()).map(|at| format!("text{at}")).collect();
        let mut ours = skeleton(&different);
        ours.extend(skeleton(&["text".to_owned()]));
        ours.extend("to add change destroy run, add, change, destroy, nothing do".split(' ').map(str::to_owned));
        let found = skeleton(&texts);
        let foreign: Vec<&String> = found.difference(&ours).collect();
        prop_assert!(foreign.is_empty(), "{:?}", foreign);
    }

    /// Whatever the names are, a page has the tags that it has with harmless ones, and what is between them is text.
    #[test]
    fn the_markup_of_a_page_is_our_own(texts in prop::collection::vec(text(), 1..24)) {
        let different: Vec<String> = (0..texts.len()).map(|at| format!("text{at}")).collect();
        let mut ours = shapes(&plan_html(&deceiving(&different)));
        ours.extend(shapes(&plan_html(&deceiving(&["text".to_owned()]))));
        let page = plan_html(&deceiving(&texts));
        let found = shapes(&page);
        let foreign: Vec<&String> = found.difference(&ours).collect();
        prop_assert!(foreign.is_empty(), "{:?}", foreign);
        let live = html::texts(&page).into_iter().find(|text| text.contains(['>', '"', '\'']));
        prop_assert_eq!(live, None);
    }

    /// Whatever the names are, they stand between quotes, and what stands outside of those is what harmless
    /// names leave there.
    #[test]
    fn a_graph_outside_of_quotes_is_our_own(texts in prop::collection::vec(text(), 1..24)) {
        let graphs = |texts: &[String]| {
            let plan = deceiving(texts);
            [plan_mermaid(&plan), plan_dot(&plan).replace("\\\\", "").replace("\\\"", "")].map(|graph| outside_quotes(&graph))
        };
        // Which steps share a lane depends on which texts are equal.
        let mut numbers: Vec<&String> = Vec::new();
        let harmless: Vec<String> = texts.iter().map(|text| {
            let number = numbers.iter().position(|known| *known == text).unwrap_or_else(|| {
                numbers.push(text);
                numbers.len() - 1
            });
            format!("text{number}")
        }).collect();
        prop_assert_eq!(graphs(&texts), graphs(&harmless));
    }
}

/// Every second piece between quotes, none of which goes on beyond its line.
fn outside_quotes(graph: &str) -> Vec<String> {
    graph.lines().map(|line| line.split('"').step_by(2).collect::<Vec<_>>().join("\"")).collect()
}

/// The tags of a page for a browser, without numbers and the shapes of lines.
fn shapes(page: &str) -> BTreeSet<String> {
    let is_number = |character: char| character.is_ascii_digit() || matches!(character, ' ' | '-' | 'C' | 'M' | 'V');
    html::tags(page).into_iter().map(|tag| tag.replace(is_number, "")).collect()
}

/// The words of a page outside of code, numbers taken out.
fn skeleton(texts: &[String]) -> BTreeSet<String> {
    let page = outside_code(&plan_markdown(&deceiving(texts))).replace("</summary>", " </summary>");
    page.split_whitespace().map(|word| word.replace(|character: char| character.is_ascii_digit(), "")).collect()
}
