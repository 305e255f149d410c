//! No credential is in anything that a command says, leaves behind or writes into a cluster.
//!
//! Canaries stand in every place that a credential comes from, and those that are made on the way
//! (tokens for API servers, signatures, an assumed role's keys) are read off the wire. Then every file
//! and both streams are searched for all of them, in the forms that a careless line would give them.
//! An external id is none of them: it tells customers apart and proves nothing, AWS does not treat it
//! as a secret (IAM User Guide, "Access to AWS accounts owned by third parties"), and a change set
//! holds it so that `apply` needs nothing else.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use cni_plan_tests::command::Ran;
use cni_plan_tests::rehearsal::{MY_CLUSTER, Rehearsal};
use cni_plan_tests::relay::{Answer, Relay};
use serde_json::json;

const SPEC: &str = MY_CLUSTER;
const SECRET_KEY: &str = "CANARYsecretAccessKey/with+signs=7Qx";
const SESSION_TOKEN: &str = "CANARYsessionToken//IQoJb3JpZ2lu+EAAa=";
const TOKEN: &str = "CANARYkubeconfigToken.eyJhbGciOi.9_x-";
const PASSWORD: &str = "CANARYbasicPassword:5%2F";
const KEY_DATA: &str = "-----BEGIN PRIVATE KEY-----\nCANARYclientKeyData+/abc=\n-----END PRIVATE KEY-----\n";

/// What makes programs talk.
const TALKATIVE: [(&str, &str); 5] = [
    ("RUST_LOG", "trace"),
    ("RUST_BACKTRACE", "full"),
    ("AWS_SDK_LOAD_CONFIG", "1"),
    ("CNI_PLAN_LOG", "trace"),
    ("DEBUG", "*"),
];

/// A world behind a relay, and a command with long-lived and talkative credentials.
fn behind_a_relay() -> (Rehearsal, Relay) {
    let rehearsal = Rehearsal::ipv4();
    let relay = Relay::before(&rehearsal.sandbox().url(), |_| None);
    let mut rehearsal = rehearsal
        .with_env("AWS_ENDPOINT_URL", &relay.url())
        .with_env("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
        .with_env("AWS_SESSION_TOKEN", SESSION_TOKEN);
    for (name, value) in TALKATIVE {
        rehearsal = rehearsal.with_env(name, value);
    }
    rehearsal.workspace().write("spec.yaml", SPEC);
    (rehearsal, relay)
}

#[test]
fn no_credential_of_the_environment_or_the_wire_is_left_behind() {
    let (rehearsal, relay) = behind_a_relay();
    let mut said = vec![rehearsal.run("plan spec.yaml --timings").expect(0)];
    rehearsal.fail("iam:DetachRolePolicy=AccessDeniedx1");
    said.push(rehearsal.run("apply --timings --json").expect(6));
    rehearsal.sandbox().clear_faults();
    said.push(rehearsal.run("apply --timings --verbose --json-into told.ndjson").expect(0));
    said.push(rehearsal.run("runs").expect(0));
    let last = rehearsal.runs().pop().expect("there was a run");
    rehearsal.fail("kubernetes:patch serviceaccounts=InternalError");
    said.push(rehearsal.run(&format!("rollback {last} --auto-approve --timings")));
    rehearsal.sandbox().clear_faults();
    said.push(rehearsal.run(&format!("rollback {last} --auto-approve")));
    said.push(rehearsal.run("plan spec.yaml --color always --json-into told.plan.ndjson"));

    let mut secrets = vec![SECRET_KEY.to_owned(), SESSION_TOKEN.to_owned(), "SANDBOX111122223333".to_owned()];
    let wire = secrets_on_the_wire(&relay);
    assert!(wire.iter().any(|secret| secret.starts_with("k8s-aws-v1.")), "no API server was called with a token");
    assert!(wire.iter().any(|secret| secret.starts_with("X-Amz-Signature=")), "no token holds a signature");
    assert!(wire.iter().any(|secret| secret.starts_with("eyJ")), "no service account's token was exchanged");
    let seen = relay.seen();
    let exchange = seen.iter().find(|request| request.contains("Action=AssumeRoleWithWebIdentity")).unwrap();
    assert!(!exchange.to_lowercase().contains("authorization:"), "the token is the credential, and nobody signs");
    secrets.extend(wire);
    assert_none_is_left(&rehearsal, &said, &secrets);
}

#[test]
fn no_credential_of_a_file_or_a_helper_is_left_behind() {
    let (rehearsal, relay) = behind_a_relay();
    let helper = json!({"Version": 1, "AccessKeyId": "SANDBOX111122223333", "SecretAccessKey": SECRET_KEY, "SessionToken": SESSION_TOKEN});
    let workspace = rehearsal.workspace();
    workspace.write("helper.json", &helper.to_string());
    workspace.write(
        ".aws/config",
        "[profile helped]\ncredential_process = /bin/cat helper.json\n[profile broken]\ncredential_process = /bin/sh -c 'cat helper.json; cat helper.json >&2; exit 3'\n",
    );
    workspace.write(
        ".aws/credentials",
        &format!("[kept]\naws_access_key_id = SANDBOX111122223333\naws_secret_access_key = {SECRET_KEY}\naws_session_token = {SESSION_TOKEN}\n"),
    );
    let mut said = Vec::new();
    for (profile, code) in [("kept", 0), ("helped", 0), ("broken", 1)] {
        workspace.write("spec.yaml", &format!("{SPEC}    profile: {profile}\n"));
        said.push(rehearsal.run("plan spec.yaml").expect(code));
    }
    for (name, text) in [
        ("half-a-helper", helper.to_string().replace("\"Version\":1", "\"Version\":1,,")),
        ("another-helper", helper.to_string().replace("\"Version\":1", "\"Version\":9")),
    ] {
        workspace.write("helper.json", &text);
        workspace.write("spec.yaml", &format!("{SPEC}    profile: helped # {name}\n"));
        said.push(rehearsal.run("plan spec.yaml").expect(1));
    }
    let mut secrets = vec![SECRET_KEY.to_owned(), SESSION_TOKEN.to_owned()];
    secrets.extend(secrets_on_the_wire(&relay));
    assert_none_is_left(&rehearsal, &said, &secrets);
}

#[test]
fn no_credential_of_a_kubeconfig_is_left_behind() {
    let (rehearsal, relay) = behind_a_relay();
    let workspace = rehearsal.workspace();
    workspace.write("token", TOKEN);
    let exec = |script: &str| {
        json!({"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "/bin/sh", "args": ["-c", script],
            "interactiveMode": "Never", "env": [{"name": "PLUGIN_SECRET", "value": PASSWORD}]}})
    };
    let credential =
        json!({"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": TOKEN}});
    workspace.write("credential.json", &credential.to_string());
    let mut said = Vec::new();
    for user in [
        json!({ "token": TOKEN }),
        json!({ "tokenFile": "token" }),
        json!({ "username": "me", "password": PASSWORD }),
        exec("cat credential.json"),
        exec("cat credential.json; cat credential.json >&2; exit 1"),
        exec("head -c 90 credential.json"),
        json!({ "token": format!("{TOKEN}\u{1}") }),
        json!({ "client-certificate-data": STANDARD.encode("no certificate"), "client-key-data": STANDARD.encode(KEY_DATA) }),
        json!({ "token": [TOKEN] }),
        json!({ "client-key-data": format!("{}?", STANDARD.encode(KEY_DATA)), "client-certificate-data": "x" }),
    ] {
        let config = rehearsal.sandbox().kubeconfig().replace(&rehearsal.sandbox().url(), &relay.url());
        let mut config: serde_json::Value = serde_json::from_str(&config).unwrap();
        config["users"][0]["user"] = user;
        workspace.write("kubeconfig", &config.to_string());
        workspace.write(
            "spec.yaml",
            &format!("{SPEC}    kubernetes: {{ kubeconfig: ./kubeconfig, context: my-cluster }}\n"),
        );
        said.push(rehearsal.run("plan spec.yaml --timings"));
    }
    let kinds = said.iter().map(|ran| ran.code).collect::<Vec<_>>();
    assert!(kinds.contains(&Some(0)) && kinds.contains(&Some(1)), "{kinds:?}");
    let used = |secret: &str| relay.seen().iter().any(|request| request.contains(secret));
    assert!(used(&format!("authorization: Bearer {TOKEN}\r\n")), "the token is not used at all");
    assert_none_is_left(&rehearsal, &said, &[TOKEN, PASSWORD, KEY_DATA, SECRET_KEY].map(str::to_owned));
}

#[test]
fn no_credential_is_told_where_it_is_refused() {
    for key in ["SANDBOXINVALID", "SANDBOXEXPIRED"] {
        let (rehearsal, relay) = behind_a_relay();
        let rehearsal = rehearsal.with_env("AWS_ACCESS_KEY_ID", key);
        let said = [rehearsal.run("plan spec.yaml --timings").expect(1)];
        let mut secrets = vec![SECRET_KEY.to_owned(), SESSION_TOKEN.to_owned()];
        secrets.extend(secrets_on_the_wire(&relay));
        assert_none_is_left(&rehearsal, &said, &secrets);
    }
}

/// A wrong signature's refusal quotes the canonical request, and proxies the headers they were sent.
#[test]
fn no_credential_that_a_service_repeats_is_told() {
    for (service, wire) in
        [("sts", "/sts/aws4_request"), ("iam", "/iam/aws4_request"), ("eks", "/eks/aws4_request"), ("k8s", " /k8s/")]
    {
        let rehearsal = Rehearsal::ipv4();
        let relay = Relay::before(&rehearsal.sandbox().url(), move |request| {
            let said = request.replace('&', "&amp;").replace('<', "&lt;").replace('"', "'").replace(['\r', '\n'], " ");
            let body = match service {
                "sts" | "iam" => format!(
                    "<ErrorResponse><Error><Code>AccessDenied</Code><Message>{said}</Message></Error></ErrorResponse>"
                ),
                _ => format!(
                    "{{\"message\":\"{said}\",\"kind\":\"Status\",\"code\":403,\"reason\":\"Forbidden\",\"status\":\"Failure\"}}"
                ),
            };
            let headers =
                vec!["x-amzn-errortype: AccessDeniedException".to_owned(), "content-type: application/json".to_owned()];
            request.contains(wire).then_some(Answer { status: 403, headers, body })
        });
        let rehearsal = rehearsal
            .with_env("AWS_ENDPOINT_URL", &relay.url())
            .with_env("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
            .with_env("AWS_SESSION_TOKEN", SESSION_TOKEN);
        rehearsal.workspace().write("spec.yaml", SPEC);
        let ran = rehearsal.run("plan spec.yaml --timings").expect(1);
        assert!(ran.stderr.contains("(hidden)"), "{service}'s words are not told: {ran}");
        let mut secrets = vec![SECRET_KEY.to_owned(), SESSION_TOKEN.to_owned()];
        secrets.extend(secrets_on_the_wire(&relay));
        assert_none_is_left(&rehearsal, &[ran], &secrets);
    }
}

#[test]
fn the_search_finds_what_is_planted() {
    for planted in [
        format!("x {SECRET_KEY} y"),
        STANDARD.encode(format!("{{\"a\":\"{SECRET_KEY}\"}}")),
        STANDARD.encode(format!("bb{SECRET_KEY}bb")),
        URL_SAFE.encode(format!("c{SESSION_TOKEN}c")),
        "k=CANARYsecretAccessKey%2Fwith%2Bsigns%3D7Qx&".to_owned(),
        "k=CANARYsecretAccessKey%2fwith%2bsigns%3d7Qx&".to_owned(),
        format!("{SECRET_KEY:?}"),
        KEY_DATA.replace('\n', "\\n"),
    ] {
        let secrets = [SECRET_KEY, SESSION_TOKEN, KEY_DATA].map(str::to_owned);
        assert!(found(&planted, &secrets).is_some(), "{planted}");
    }
    assert_eq!(found("nothing of the sort", &[SECRET_KEY.to_owned()]), None);
}

/// Bearer tokens, the signatures in them and over requests, and session tokens other than ours.
fn secrets_on_the_wire(relay: &Relay) -> Vec<String> {
    let mut secrets = Vec::new();
    for request in relay.seen() {
        for line in request.lines() {
            // A service account's token, and what it is worth: it is sent as a form's field.
            let fields = line.split('&').filter_map(|field| field.strip_prefix("WebIdentityToken="));
            secrets.extend(fields.map(str::to_owned));
            let Some((name, value)) = line.split_once(": ") else { continue };
            if name.eq_ignore_ascii_case("x-amz-security-token") {
                secrets.push(value.to_owned());
            }
            if !name.eq_ignore_ascii_case("authorization") {
                continue;
            }
            if let Some((_, signature)) = value.split_once("Signature=") {
                secrets.push(signature.to_owned());
            }
            let Some(token) = value.strip_prefix("Bearer ") else { continue };
            secrets.push(token.to_owned());
            let encoded = token.strip_prefix("k8s-aws-v1.").unwrap_or_default();
            let url = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(encoded).unwrap_or_default();
            let url = String::from_utf8_lossy(&url).into_owned();
            secrets
                .extend(url.split(['?', '&']).filter(|part| part.starts_with("X-Amz-Signature=")).map(str::to_owned));
        }
    }
    secrets.sort();
    secrets.dedup();
    secrets
}

/// Neither what was said, nor a file that the command left, nor the cluster holds one of these.
#[track_caller]
fn assert_none_is_left(rehearsal: &Rehearsal, said: &[Ran], secrets: &[String]) {
    for ran in said {
        for (what, text) in [("standard output", &ran.stdout), ("standard error", &ran.stderr)] {
            assert_eq!(found(text, secrets), None, "{what} of `{}`:\n{text}", ran.line);
        }
    }
    let mut files = Vec::new();
    files_under(rehearsal.workspace().path(), &mut files);
    let kept_by_the_test = ["kubeconfig", "token", "credential.json", "helper.json", "config", "credentials"];
    for path in files.iter().filter(|path| !kept_by_the_test.iter().any(|name| path.ends_with(name))) {
        let text = String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned();
        assert_eq!(found(&text, secrets), None, "{}:\n{text}", path.display());
    }
    let state = rehearsal.sandbox().state();
    assert_eq!(found(&state["clusters"].to_string(), secrets), None, "something is written into the cluster");
}

/// The first of the secrets that is in the text, in one of the forms that text is put into.
fn found(text: &str, secrets: &[String]) -> Option<String> {
    secrets.iter().flat_map(|secret| forms(secret)).find(|form| text.contains(form.as_str()))
}

fn forms(secret: &str) -> Vec<String> {
    let quoted = serde_json::to_string(secret).unwrap();
    let mut forms = vec![secret.to_owned(), quoted[1..quoted.len() - 1].to_owned()];
    let (mut upper, mut lower) = (String::new(), String::new());
    for byte in secret.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            upper.push(char::from(byte));
            lower.push(char::from(byte));
        } else {
            write!(upper, "%{byte:02X}").unwrap();
            write!(lower, "%{byte:02x}").unwrap();
        }
    }
    forms.extend([upper, lower]);
    // Base64 of a text around it: the letters in the middle are the same for each of three shifts.
    for shift in 0..3 {
        for engine in [STANDARD, URL_SAFE] {
            let encoded = engine.encode(format!("{}{secret}", "\0".repeat(shift)));
            let inner = &encoded.trim_end_matches('=')[if shift == 0 { 0 } else { 4 }..];
            forms.push(inner[..inner.len() - 2].to_owned());
        }
    }
    forms
}

fn files_under(folder: &Path, into: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files_under(&path, into) } else { into.push(path) }
    }
}
