//! Text from outside that would act on a terminal, a page or a reader's eye is inert in everything
//! that a command says and leaves behind: in both streams and in every file of its folder.

use std::fs;
use std::path::{Path, PathBuf};

use cni_plan_tests::command::{Ran, Workspace};
use cni_plan_tests::rehearsal::{MY_CLUSTER, Rehearsal};
use cni_plan_tests::relay::{Answer, Relay};

/// Clears the screen, sets the window's title, rings, writes a link and the clipboard, goes back to the
/// line's start, hides and reorders what follows, looks like lines of ours, and is markup.
const HOSTILE: &str = "\u{1b}[2J\u{1b}]0;owned\u{7}\u{1b}]8;;https://evil.example/\u{7}here\u{1b}]52;c;ZXZpbA==\u{7}\r\
    \u{9b}31m\u{202e}gnp\u{2066}\u{200b}\u{e0041}\u{2028}\n+ all is well\n| a | b |\n# heading\n```\n<script>alert(1)</script>\
    <!-- @everyone #1 [x](https://evil.example/) ![i](https://evil.example/i.png) `` ` &lt;";

/// The same as far as IAM takes it in a role's description (IAM API, CreateRole: Description).
const DESCRIPTION: &str = "owned\r\n+ all is well\n| a | b |\n# heading\n```\n<script>alert(1)</script>\
    <!-- @everyone #1 [x](https://evil.example/) ![i](https://evil.example/i.png) `` ` &lt;\t";

/// What no page may hold outside of code.
const MARKUP: &[&str] = &["<script", "<!--", "@everyone", "#1", "https://evil", "](", "# heading", "| a |"];

const SPEC: &str = MY_CLUSTER;

fn rehearsal() -> Rehearsal {
    let rehearsal = Rehearsal::ipv4();
    rehearsal.workspace().write("spec.yaml", SPEC);
    rehearsal
}

#[test]
fn what_an_api_server_keeps_is_inert_in_every_output() {
    let rehearsal = rehearsal();
    // What is no role's ARN may be refused, but it is shown first.
    rehearsal.wire().annotate("my-cluster", "kubectl-annotate", "eks.amazonaws.com/role-arn", HOSTILE);
    let ran = rehearsal.run("plan spec.yaml");
    assert!(ran.stdout.contains("owned"), "the value is not shown at all: {ran}");
    assert_inert(rehearsal.workspace(), &ran);
    assert_inert(rehearsal.workspace(), &rehearsal.run("plan spec.yaml --json"));
}

#[test]
fn what_an_api_server_keeps_is_inert_from_plan_to_rollback() {
    let rehearsal = rehearsal();
    rehearsal.workspace().write("spec.yaml", &format!("{SPEC}    stsRegionalEndpoints: true\n"));
    rehearsal.wire().annotate(
        "my-cluster",
        "me%7C%60%3Cb%3E@everyone",
        "eks.amazonaws.com/sts-regional-endpoints",
        HOSTILE,
    );
    let before = rehearsal.state();
    let ran = rehearsal.run("plan spec.yaml").expect(0);
    assert!(ran.stdout.contains("owned"), "the value is not shown at all: {ran}");
    assert_inert(rehearsal.workspace(), &ran);
    assert!(rehearsal.workspace().read("plans/spec.plan.md").contains("owned"));
    for form in ["show", "show --markdown", "show --json", "show --mermaid", "show --dot", "graph", "check"] {
        assert_inert(rehearsal.workspace(), &rehearsal.run(form).expect(0));
    }
    assert_inert(rehearsal.workspace(), &rehearsal.run("apply --json-into plans/told.ndjson --verbose").expect(0));
    assert_inert(rehearsal.workspace(), &rehearsal.run("runs").expect(0));
    assert_inert(rehearsal.workspace(), &rehearsal.run(&rehearsal.rollback()).expect(0));
    assert_eq!(rehearsal.state(), before, "what is shown inert is put back as it was");
}

#[test]
fn what_iam_keeps_is_inert_in_every_output() {
    let rehearsal = rehearsal();
    let trust = serde_json::json!({"Version": "2012-10-17", "Statement": [{
        "Sid": "x", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
        // C1 controls are in what IAM takes of a policy's text (IAM API: PolicyDocument).
        "Action": "sts:AssumeRole", "Condition": {"StringEquals": {"aws:PrincipalTag/a": "\u{9b}2J</code> | `` <script>"}},
    }]});
    rehearsal.wire().iam(
        "CreateRole",
        &[
            ("RoleName", "AmazonEKSVPCCNIRole-my-cluster"),
            ("AssumeRolePolicyDocument", &trust.to_string()),
            ("Description", DESCRIPTION),
            // Tags take every separator of Unicode's, which some editors take for a line's end.
            ("Tags.member.1.Key", "owner\u{2028}@everyone"),
            ("Tags.member.1.Value", "a\u{2029}+ all is well\u{3000}@everyone"),
        ],
    );
    let ran = rehearsal.run("plan spec.yaml").expect(0);
    assert_inert(rehearsal.workspace(), &ran);
    rehearsal.fail("iam:DetachRolePolicy=AccessDeniedx1");
    assert_inert(rehearsal.workspace(), &rehearsal.run("apply --json-into plans/told.ndjson").expect(6));
    rehearsal
        .workspace()
        .write("described.yaml", &format!("{SPEC}    role: {{ description: ours, tags: {{ a: b }} }}\n"));
    assert_inert(rehearsal.workspace(), &rehearsal.run("plan described.yaml").expect(0));
}

#[test]
fn what_a_service_answers_is_inert_in_every_output() {
    let json = serde_json::json!({ "message": HOSTILE, "Message": HOSTILE }).to_string();
    let raw_xml = HOSTILE.replace('&', "&amp;").replace('<', "&lt;");
    for (variable, answer) in [
        ("AWS_ENDPOINT_URL_STS", xml_error(&raw_xml)),
        ("AWS_ENDPOINT_URL_STS", xml_error(&references(HOSTILE))),
        ("AWS_ENDPOINT_URL_IAM", xml_error(&references(HOSTILE))),
        ("AWS_ENDPOINT_URL_IAM", Answer { status: 403, headers: Vec::new(), body: HOSTILE.to_owned() }),
        ("AWS_ENDPOINT_URL_EKS", json_error(&json)),
        ("AWS_ENDPOINT_URL_EKS", Answer { status: 200, headers: Vec::new(), body: HOSTILE.to_owned() }),
    ] {
        let rehearsal = rehearsal();
        let relay = Relay::before(&rehearsal.sandbox().url(), move |_| Some(answer.clone()));
        let rehearsal = rehearsal.with_env(variable, &relay.url());
        let ran = rehearsal.run("plan spec.yaml").expect(1);
        assert!(!relay.seen().is_empty(), "{variable} is not used");
        assert!(ran.stderr.starts_with("error: "), "{ran}");
        assert_inert(rehearsal.workspace(), &ran);
    }
}

#[test]
fn what_an_api_server_answers_is_inert_in_every_output() {
    let status = serde_json::json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "message": HOSTILE, "reason": "Forbidden", "code": 403,
    });
    for body in [status.to_string(), HOSTILE.to_owned()] {
        let rehearsal = rehearsal();
        let url = rehearsal.sandbox().url();
        let relay = Relay::before(&url, move |_| {
            Some(Answer { status: 403, headers: vec!["content-type: application/json".to_owned()], body: body.clone() })
        });
        let workspace = rehearsal.workspace();
        workspace.write("kubeconfig", &rehearsal.sandbox().kubeconfig().replace(&url, &relay.url()));
        workspace.write(
            "spec.yaml",
            &format!("{SPEC}    kubernetes: {{ kubeconfig: ./kubeconfig, context: my-cluster }}\n"),
        );
        let ran = rehearsal.run("plan spec.yaml").expect(1);
        assert!(!relay.seen().is_empty());
        assert_inert(workspace, &ran);
    }
}

#[test]
fn what_a_service_answers_in_the_middle_of_a_run_is_inert_in_its_journal() {
    let rehearsal = rehearsal();
    rehearsal.run("plan spec.yaml").expect(0);
    let answer = xml_error(&references(HOSTILE));
    let relay = Relay::before(&rehearsal.sandbox().url(), move |request| {
        (request.contains("Action=DetachRolePolicy") || request.contains("Action=DeleteRole&")).then(|| answer.clone())
    });
    let rehearsal = rehearsal.with_env("AWS_ENDPOINT_URL_IAM", &relay.url());
    // The role stays, so there is residue with what a person would type.
    let ran = rehearsal.run("apply --json-into plans/told.ndjson").expect(7);
    assert!(ran.stderr.contains("owned"), "the service's words are not told: {ran}");
    assert_inert(rehearsal.workspace(), &ran);
    let journal = rehearsal.workspace().read(&format!(".cni-plan/runs/{}/journal", rehearsal.runs().concat()));
    assert!(journal.contains("owned"), "{journal}");
    assert_inert(rehearsal.workspace(), &rehearsal.run("runs").expect(0));
}

#[test]
fn what_a_file_holds_is_inert_in_every_output() {
    let quoted = serde_json::to_string(HOSTILE).unwrap();
    let workspace = Workspace::new().with_env("CNI_PLAN_SANDBOX", "1");
    workspace.write("p.json", &format!("{{\"Version\": {quoted}, {quoted}: [\u{1b}[2J\u{202e}"));
    workspace.write("kubeconfig", &format!("apiVersion: v1\nkind: Config\ncurrent-context: {quoted}\n{HOSTILE}"));
    for text in [
        HOSTILE.to_owned(),
        format!("version: 1\n{quoted}: 1\nclusters: {quoted}\n"),
        format!("version: {quoted}\nclusters: []\n"),
        format!(
            "{SPEC}    {quoted}: 1\n    ipFamily: {quoted}\n    role: {{ name: {quoted}, path: {quoted}, tags: {{ {quoted}: {quoted} }} }}\n"
        ),
        format!("{SPEC}    # {HOSTILE}\n    nope: 1\n"),
        format!("{SPEC}    policy: {{ name: P, document: {quoted} }}\n"),
        format!("{SPEC}    policy: {{ name: P, document: p.json }}\n"),
        format!("{SPEC}    assumeRole: {{ arn: {quoted}, externalId: {quoted} }}\n    restart: {{ soak: {quoted} }}\n"),
    ] {
        workspace.write("spec.yaml", &text);
        assert_inert(&workspace, &workspace.run(["plan", "spec.yaml", "--no-save"]).expect(1));
    }
    let rehearsal = Rehearsal::ipv4();
    for (context, kubeconfig) in [("my-cluster", "./kubeconfig"), (HOSTILE, "./kubeconfig"), (HOSTILE, HOSTILE)] {
        let [context, kubeconfig] = [context, kubeconfig].map(|text| serde_json::to_string(text).unwrap());
        rehearsal.workspace().write("kubeconfig", &workspace.read("kubeconfig"));
        let spec = format!("{SPEC}    kubernetes: {{ kubeconfig: {kubeconfig}, context: {context} }}\n");
        rehearsal.workspace().write("spec.yaml", &spec);
        assert_inert(rehearsal.workspace(), &rehearsal.run("plan spec.yaml --no-save").expect(1));
    }
    let workspace = Workspace::new();
    for text in [
        HOSTILE.to_owned(),
        format!("{{\"formatVersion\": {quoted}}}"),
        format!("{{\"formatVersion\": 1, {quoted}: 1}}"),
    ] {
        workspace.write("x.plan.json", &text);
        assert_inert(&workspace, &workspace.run(["apply", "x.plan.json"]).expect(1));
    }
}

#[test]
fn what_a_person_or_a_script_types_is_inert_in_every_output() {
    let workspace = Workspace::with_examples().with_env("CNI_PLAN_SANDBOX", "1");
    // A file's name cannot hold a slash.
    let name = &HOSTILE.replace('/', "_")[..60];
    let spec = format!("{name}.yaml");
    assert_inert(&workspace, &workspace.run(["plan", &spec]).expect(1));
    workspace.write(&spec, SPEC);
    assert_inert(&workspace, &workspace.run(["plan", &spec]).expect(0));
    assert_inert(&workspace, &workspace.run(["plan", &spec, "--out", &format!("plans/{name}2.plan.json")]).expect(0));
    let ran = workspace.run(["apply"]).expect(1);
    assert!(ran.stderr.contains("owned"), "{ran}");
    assert_inert(&workspace, &ran);
    assert_inert(&workspace, &workspace.run(["apply", &format!("plans/{name}.plan.json")]).expect(0));
    for arguments in [
        vec![HOSTILE],
        vec!["plan", HOSTILE, HOSTILE],
        vec!["apply", "--parallelism", HOSTILE],
        vec!["apply", "--lock-timeout", HOSTILE],
        vec!["plan", "--color", HOSTILE, "x"],
        vec!["apply", "--\u{1b}[2J\r\u{202e}owned"],
        vec!["resume", HOSTILE],
        vec!["rollback", HOSTILE, "--auto-approve"],
        vec!["sandbox", "reset", HOSTILE],
        vec!["lock", "show", HOSTILE],
    ] {
        assert_inert(&workspace, &workspace.run(arguments).expect(1));
    }
}

#[test]
fn what_the_environment_says_is_inert_in_every_output() {
    for variable in [
        "AWS_PROFILE",
        "AWS_REGION",
        "AWS_ACCESS_KEY_ID",
        "AWS_CONFIG_FILE",
        "AWS_ENDPOINT_URL",
        "AWS_ENDPOINT_URL_IAM",
    ] {
        let rehearsal = rehearsal().with_env(variable, HOSTILE);
        let ran = rehearsal.run("plan spec.yaml");
        assert_ne!(ran.code, None, "{variable}: {ran}");
        assert_inert(rehearsal.workspace(), &ran);
    }
    // The user's name is in the record of a run and in the clusters' locks.
    let rehearsal = rehearsal().with_env("USER", HOSTILE);
    assert_inert(rehearsal.workspace(), &rehearsal.run("apply spec.yaml --auto-approve").expect(0));
    let ran = rehearsal.run("runs").expect(0);
    assert!(ran.stdout.contains("owned"), "{ran}");
    assert_inert(rehearsal.workspace(), &ran);
}

/// An error of IAM's or STS's, with a message that is XML already.
fn xml_error(message: &str) -> Answer {
    let body = format!(
        "<ErrorResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><Error><Type>Sender</Type>\
         <Code>AccessDenied</Code><Message>{message}</Message></Error><RequestId>{message}</RequestId></ErrorResponse>"
    );
    Answer { status: 403, headers: vec!["content-type: text/xml".to_owned()], body }
}

fn json_error(body: &str) -> Answer {
    let headers = ["content-type: application/json", "x-amzn-errortype: AccessDeniedException"].map(str::to_owned);
    Answer { status: 403, headers: headers.to_vec(), body: body.to_owned() }
}

/// Every character as a numeric reference, as XML takes it.
fn references(text: &str) -> String {
    text.chars().map(|character| format!("&#{};", u32::from(character))).collect()
}

/// Neither what the command said nor any file in its folder, those that the test wrote apart, holds
/// a character that acts, or markup outside of code.
#[track_caller]
fn assert_inert(workspace: &Workspace, ran: &Ran) {
    assert_text("standard output", &ran.stdout);
    assert_text("standard error", &ran.stderr);
    for path in files_under(workspace.path(), &["plans", ".cni-plan/runs"]) {
        let text = fs::read_to_string(&path).unwrap();
        assert_text(&path.display().to_string(), &text);
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.ends_with(".md") {
            let outside = outside_code(&text);
            let found = MARKUP.iter().find(|markup| outside.contains(**markup));
            assert_eq!(found, None, "{name} holds markup outside of code:\n{outside}");
        } else {
            assert!(text.is_ascii(), "{name} is not ASCII: {text}");
        }
    }
}

#[track_caller]
fn assert_text(what: &str, text: &str) {
    let live = text.split('\n').find(|line| cni_plan_render::inert(line) != *line);
    assert_eq!(live, None, "{what} acts on who reads it:\n{text}");
    assert!(!text.contains("\n+ all is well"), "{what}: a value makes a line of its own:\n{text}");
}

fn files_under(root: &Path, folders: &[&str]) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut open: Vec<PathBuf> = folders.iter().map(|folder| root.join(folder)).collect();
    while let Some(folder) = open.pop() {
        let Ok(entries) = fs::read_dir(folder) else { continue };
        for entry in entries {
            let path = entry.unwrap().path();
            if path.is_dir() { open.push(path) } else { files.push(path) }
        }
    }
    files
}

/// A page without its fenced blocks, code spans and HTML code elements, where nothing acts. The
/// crate's own tests look at this by CommonMark's rules.
fn outside_code(markdown: &str) -> String {
    let mut outside = String::new();
    let mut fence: Option<String> = None;
    for line in markdown.lines() {
        let ticks: String = line.chars().take_while(|&character| character == '`').collect();
        match &fence {
            Some(open) if line == open => fence = None,
            Some(_) => {}
            None if ticks.len() >= 3 => fence = Some(ticks),
            None => {
                let spans = line.split('`').step_by(2).collect::<String>();
                let rest = spans.split("<code>").enumerate();
                for (at, part) in rest {
                    outside.push_str(if at == 0 {
                        part
                    } else {
                        part.split_once("</code>").map_or("", |(_, after)| after)
                    });
                }
                outside.push('\n');
            }
        }
    }
    outside
}
