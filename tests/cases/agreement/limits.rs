//! Calls that reach IAM's limits: too many to write out.

use std::fmt::Write;

/// The script. What moto does not limit it has afterwards, so each limit has a role of its own.
pub(super) fn script() -> String {
    let mut script = String::from(
        r#"@ec2 {"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}
@read {"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ec2:DescribeTags","Resource":"*"}]}
"#,
    );
    for role in ["tagged", "attached", "inlined"] {
        writeln!(script, "CreateRole RoleName={role} AssumeRolePolicyDocument=@ec2").unwrap();
    }
    tags(&mut script);
    attachments(&mut script);
    sizes(&mut script);
    providers(&mut script);
    script
}

/// 50 tags, sent at once and one by one; keys of 128 characters, values of 256.
fn tags(script: &mut String) {
    let many = |count: usize| -> String {
        (1..=count).fold(String::new(), |mut tags, n| {
            write!(tags, " Tags.member.{n}.Key=k{n} Tags.member.{n}.Value=v").unwrap();
            tags
        })
    };
    writeln!(script, "TagRole RoleName=tagged{}", many(51)).unwrap();
    writeln!(script, "TagRole RoleName=tagged{}", many(50)).unwrap();
    writeln!(script, "TagRole RoleName=tagged Tags.member.1.Key=k1 Tags.member.1.Value=w").unwrap();
    writeln!(script, "ListRoleTags RoleName=tagged").unwrap();
    for (key, value) in [(128, 256), (129, 1), (1, 257)] {
        let (key, value) = ("k".repeat(key), "v".repeat(value));
        writeln!(script, "TagRole RoleName=attached Tags.member.1.Key={key} Tags.member.1.Value={value}").unwrap();
    }
    writeln!(script, "TagRole RoleName=tagged Tags.member.1.Key=one-more Tags.member.1.Value=v").unwrap();
}

/// Ten policies on a role.
fn attachments(script: &mut String) {
    for number in 1..=11 {
        writeln!(script, "CreatePolicy PolicyName=policy-{number} PolicyDocument=@read").unwrap();
        let arn = format!("arn:aws:iam::{{account}}:policy/policy-{number}");
        writeln!(script, "AttachRolePolicy RoleName=attached PolicyArn={arn}").unwrap();
    }
}

/// 2,048 characters of trust, 6,144 of a managed policy, 10,240 of inline policies; white space is free.
fn sizes(script: &mut String) {
    let trust = |length: usize| {
        padded(
            r#"{"Version":"2012-10-17","Statement":[{"Sid":"#,
            r#","Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#,
            length,
        )
    };
    let policy = |length: usize| {
        padded(
            r#"{"Version":"2012-10-17","Statement":[{"Sid":"#,
            r#","Effect":"Allow","Action":"ec2:DescribeTags","Resource":"*"}]}"#,
            length,
        )
    };
    for (name, text) in [
        ("trust", trust(2048)),
        ("longer-trust", trust(2049)),
        ("policy", policy(6144)),
        ("longer-policy", policy(6145)),
        ("inline", policy(10_240)),
        ("longer-inline", policy(10_241)),
    ] {
        writeln!(script, "@{name} {text}").unwrap();
    }
    script.push_str(
        "CreateRole RoleName=long AssumeRolePolicyDocument=@trust
CreatePolicy PolicyName=long PolicyDocument=@policy
PutRolePolicy RoleName=inlined PolicyName=long PolicyDocument=@inline
CreateRole RoleName=longer AssumeRolePolicyDocument=@longer-trust
UpdateAssumeRolePolicy RoleName=long PolicyDocument=@longer-trust
CreatePolicy PolicyName=longer PolicyDocument=@longer-policy
CreatePolicyVersion PolicyArn=arn:aws:iam::{account}:policy/long PolicyDocument=@longer-policy
PutRolePolicy RoleName=inlined PolicyName=long PolicyDocument=@longer-inline
",
    );
}

/// A document of so many characters that count; layout does not.
fn padded(before: &str, after: &str, length: usize) -> String {
    let sid = "s".repeat(length - before.len() - after.len() - 2);
    format!("{before}   \"{sid}\"   {after}")
}

/// A hundred clients of a provider; five thumbprints are in the script of providers.
fn providers(script: &mut String) {
    for count in [100, 101] {
        write!(script, "CreateOpenIDConnectProvider Url=https://of-{count}.example").unwrap();
        for number in 1..=count {
            write!(script, " ClientIDList.member.{number}=client-{number}").unwrap();
        }
        writeln!(script, " ThumbprintList.member.1=9e99a48a9960b14926bb7f3b02e22da2b0ab7280").unwrap();
    }
}
