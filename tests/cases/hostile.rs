//! Text from the world that would act on a terminal or a page is shown inert.

use cni_plan_tests::rehearsal::Rehearsal;

/// Clears the screen, sets the window's title, rings, and looks like another line.
const HOSTILE: &str = "\u{1b}[2J\u{1b}]0;owned\u{7}\r\u{202e}+ all is well\n<script>alert(1)</script>";

#[test]
fn hostile_text_of_the_world_is_inert_in_every_output() {
    let rehearsal = Rehearsal::ipv4();
    // IAM refuses such text in names, tags and descriptions; an API server takes any in an annotation.
    rehearsal.workspace().write("spec.yaml", "version: 1\nclusters:\n  - name: my-cluster\n    region: us-west-2\n");
    rehearsal.wire().annotate("my-cluster", "kubectl-annotate", "eks.amazonaws.com/role-arn", HOSTILE);

    let ran = rehearsal.run("plan spec.yaml").expect(0);
    let markdown = rehearsal.workspace().read("plans/spec.plan.md");
    let json = rehearsal.workspace().read("plans/spec.plan.json");
    // JSON keeps the value as it is, and escapes what JSON has to.
    assert!(json.chars().all(|character| !character.is_control() || character == '\n'), "{json}");
    for (name, text) in [("text", &ran.stdout), ("Markdown", &markdown)] {
        let acting =
            text.chars().find(|&character| (character.is_control() && character != '\n') || is_bidi(character));
        assert_eq!(acting, None, "{name}: {text}");
        assert!(text.contains("owned"), "{name} does not show the value at all: {text}");
        assert!(!text.contains("\n+ all is well"), "{name}: a value makes a line of its own: {text}");
    }
    assert!(!unquoted(&markdown).contains("<script>"), "{markdown}");
}

fn is_bidi(character: char) -> bool {
    matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
}

/// Markdown without its code blocks and spans, where nothing acts.
fn unquoted(markdown: &str) -> String {
    let outside = markdown.split("```").step_by(2);
    outside.flat_map(|text| text.split('`').step_by(2)).collect()
}
