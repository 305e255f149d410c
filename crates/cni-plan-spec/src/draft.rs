//! A spec written for what is there, so that a plan of it changes as little as can be.
//!
//! Only what a plan needs is written, each key that is not a default with why in a comment. What comes from outside is
//! written in quotes and in ASCII, so that nothing in a name is YAML.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use cni_plan_core::{Existing, ExistingRole, IpFamily, RoleBy, yaml_scalar};

use crate::diagnostic::inert;
use crate::name_template::{NameTemplate, Names};

/// Columns of a comment.
const WIDTH: usize = 100;

/// The spec by which a cluster is looked at before anything is known of it: no node role is to lose anything, so no
/// other cluster is asked.
pub fn probing(name: &str, region: Option<&str>, profile: Option<&str>) -> String {
    let mut text = format!("version: 1\nclusters:\n  - name: {}\n    detach: false\n", scalar(name));
    write_login(&mut text, region, profile);
    text
}

/// The spec of these clusters. `unread` are those that could not be looked at, by name, each with why; they are named
/// in comments.
pub fn draft(clusters: &[Existing], unread: &[(String, String)], profile: Option<&str>) -> String {
    let mut text =
        "# Written by `cni-plan init` from what is live. `cni-plan plan` shows what it would change;\n# what is not \
                    said here has its default (docs/spec.md).\nversion: 1\nclusters:\n"
            .to_owned();
    let taken = shared_roles(clusters);
    for cluster in clusters {
        write_cluster(&mut text, cluster, &taken, profile);
    }
    for (name, why) in unread {
        comment(&mut text, 2, &format!("{name} could not be read, and is left out: {why}"));
    }
    text
}

fn write_login(text: &mut String, region: Option<&str>, profile: Option<&str>) {
    for (key, value) in [("region", region), ("profile", profile)] {
        if let Some(value) = value {
            let _ = writeln!(text, "    {key}: {}", scalar(value));
        }
    }
}

fn write_cluster(text: &mut String, cluster: &Existing, taken: &BTreeSet<&str>, profile: Option<&str>) {
    let _ = writeln!(text, "  - name: {}", scalar(&cluster.name));
    write_login(text, Some(&cluster.region), profile);
    let _ = writeln!(text, "    account: {} # with other credentials a plan is refused", yaml_scalar(&cluster.account));
    if cluster.ip_family == IpFamily::Ipv6 {
        text.push_str("    ipFamily: ipv6 # a cluster keeps its family; one of the other is refused\n");
    }
    if let Some(version) = &cluster.addon {
        comment(text, 4, &format!("EKS manages the plugin: add-on vpc-cni {version}"));
    }
    if let Some(role) = &cluster.role {
        write_role(text, cluster, role, taken);
    }
    if let Some(arn) = &cluster.policy_arn {
        comment(text, 4, "This policy is on the role already, and allows what the plugin needs.");
        let _ = writeln!(text, "    policy: {{ arn: {} }}", scalar(arn));
    }
    let by_web_identity = cluster.role.as_ref().is_none_or(|role| role.by != RoleBy::Association);
    if cluster.lacks_oidc_provider && by_web_identity {
        comment(text, 4, "The account has no OIDC provider for the cluster's issuer.");
        text.push_str("    oidcProvider: create\n");
    }
    if !cluster.node_roles.is_empty() {
        comment(text, 4, &format!("Node roles, found anew by each plan: {}", cluster.node_roles.join(", ")));
    }
    for refusal in &cluster.refusals {
        let told = format!("Refuses a plan ({}): {}. Cure: {}.", refusal.code, refusal.message, refusal.cure);
        comment(text, 4, &told);
    }
}

/// The role that the plugin has, unless the spec may not have it.
fn write_role(text: &mut String, cluster: &Existing, role: &ExistingRole, taken: &BTreeSet<&str>) {
    let by = match role.by {
        RoleBy::Annotation => "by the annotation of its service account",
        RoleBy::Addon => "by the setting of the add-on",
        RoleBy::Association => "by a Pod Identity association",
    };
    if role.by == RoleBy::Association {
        comment(text, 4, &format!("The plugin has {} {by}.", role.arn));
        text.push_str("    identity: pod-identity\n");
    }
    let unfit = match role.parts() {
        _ if role.is_gone => Some("it is not there"),
        None => Some("that is no role's ARN"),
        Some((account, ..)) if account != cluster.account => Some("it is another account's"),
        Some((.., name)) if cluster.node_roles.iter().any(|of_nodes| of_nodes == name) => Some("nodes have it too"),
        Some(_) if taken.contains(role.arn.as_str()) => Some("another cluster has it too"),
        Some(_) => None,
    };
    if let Some(why) = unfit {
        comment(text, 4, &format!("{} is the plugin's role {by}, but {why}: it is to get another.", role.arn));
        return;
    }
    let Some((_, path, name)) = role.parts() else { return };
    let names = Names { cluster: &cluster.name, region: &cluster.region, account: &cluster.account };
    let mut keys = Vec::new();
    if NameTemplate::default().expand(names).ok().as_deref() != Some(name) {
        keys.push(format!("name: {}", scalar(name)));
    }
    if path != "/" {
        keys.push(format!("path: {}", scalar(path)));
    }
    if !keys.is_empty() {
        if role.by != RoleBy::Association {
            comment(text, 4, &format!("The plugin has this role already, {by}."));
        }
        let _ = writeln!(text, "    role: {{ {} }}", keys.join(", "));
    }
}

/// ARNs that several clusters have: each is to have its own.
fn shared_roles(clusters: &[Existing]) -> BTreeSet<&str> {
    let mut times: BTreeMap<&str, usize> = BTreeMap::new();
    for role in clusters.iter().filter_map(|cluster| cluster.role.as_ref()) {
        *times.entry(&role.arn).or_default() += 1;
    }
    times.into_iter().filter(|(_, times)| *times > 1).map(|(arn, _)| arn).collect()
}

/// Plain where that can be nothing but this text, else in quotes.
fn scalar(text: &str) -> String {
    let is_word = text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '/')
        && text.chars().all(|character| character.is_ascii_alphanumeric() || "_-./".contains(character))
        && !["true", "false", "null", "yes", "no", "on", "off", "y", "n"].contains(&text.to_ascii_lowercase().as_str());
    if is_word { text.to_owned() } else { yaml_scalar(text) }
}

/// Lines of a comment, broken between words; one word longer than a line has one of its own.
fn comment(text: &mut String, indent: usize, told: &str) {
    let mut column = WIDTH;
    for word in inert(told).split_whitespace() {
        if column + 1 + word.chars().count() > WIDTH {
            if !text.ends_with('\n') {
                text.push('\n');
            }
            let _ = write!(text, "{:indent$}# {word}", "");
            column = indent + 2 + word.chars().count();
        } else {
            let _ = write!(text, " {word}");
            column += 1 + word.chars().count();
        }
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Identity, Spec};

    fn existing(name: &str) -> Existing {
        Existing {
            name: name.to_owned(),
            region: "us-west-2".to_owned(),
            account: "011122223333".to_owned(),
            ip_family: IpFamily::Ipv4,
            role: None,
            has_wanted_role: false,
            lacks_oidc_provider: false,
            policy_arn: None,
            addon: None,
            node_roles: vec!["NodeRole".to_owned()],
            refusals: Vec::new(),
        }
    }

    fn with_role(name: &str, arn: &str, by: RoleBy) -> Existing {
        Existing { role: Some(ExistingRole { arn: arn.to_owned(), by, is_gone: false }), ..existing(name) }
    }

    fn read(text: &str) -> Spec {
        let none = |_: &str| Err(std::io::Error::from(std::io::ErrorKind::NotFound));
        crate::parse("spec.yaml", text, &none).unwrap_or_else(|problems| panic!("{problems}\n{text}"))
    }

    fn role_of(cluster: &Existing) -> (String, String) {
        let spec = read(&draft(std::slice::from_ref(cluster), &[], None));
        let role = &spec.clusters[0].role;
        (role.name.to_string(), role.path.clone())
    }

    #[test]
    fn a_cluster_with_nothing_of_its_own_is_a_name_and_where_it_is() {
        let spec = read(&draft(&[existing("c")], &[], Some("prod")));
        let cluster = &spec.clusters[0];
        assert_eq!((cluster.name.as_str(), cluster.region.as_deref()), ("c", Some("us-west-2")));
        assert_eq!(cluster.account.as_deref(), Some("011122223333"), "its leading zero is kept");
        assert_eq!(cluster.profile.as_deref(), Some("prod"));
        assert_eq!(cluster.ip_family, None);
        assert!(cluster.detach && cluster.role.name == NameTemplate::default());
    }

    #[test]
    fn what_is_there_is_taken_over() {
        let arn = "arn:aws:iam::011122223333:role/team/net/Plugin";
        let cluster = with_role("c", arn, RoleBy::Annotation);
        assert_eq!(role_of(&cluster), ("Plugin".to_owned(), "/team/net/".to_owned()));
        let default = "arn:aws:iam::011122223333:role/AmazonEKSVPCCNIRole-c";
        let text = draft(&[with_role("c", default, RoleBy::Addon)], &[], None);
        assert!(!text.contains("role:"), "{text}");
        let spec = read(&draft(&[with_role("c", arn, RoleBy::Association)], &[], None));
        assert_eq!(spec.clusters[0].identity, Identity::PodIdentity);
        let ipv6 = Existing { ip_family: IpFamily::Ipv6, lacks_oidc_provider: true, ..existing("c") };
        let cluster = &read(&draft(&[ipv6], &[], None)).clusters[0];
        assert_eq!(cluster.ip_family, Some(IpFamily::Ipv6));
        assert_eq!(cluster.oidc_provider, crate::OidcProvider::Create);
    }

    #[test]
    fn a_role_that_the_plugin_cannot_keep_is_told_and_left() {
        for arn in ["arn:aws:iam::999999999999:role/Plugin", "arn:aws:iam::011122223333:role/NodeRole", "nonsense"] {
            let cluster = with_role("c", arn, RoleBy::Annotation);
            assert_eq!(role_of(&cluster).0, "AmazonEKSVPCCNIRole-{cluster}", "{arn}");
            assert!(draft(&[cluster], &[], None).contains("is the plugin's role"), "{arn}");
        }
        let arn = "arn:aws:iam::011122223333:role/Shared";
        let mut gone = with_role("c", "arn:aws:iam::011122223333:role/Old", RoleBy::Annotation);
        gone.role.as_mut().unwrap().is_gone = true;
        assert_eq!(role_of(&gone).0, "AmazonEKSVPCCNIRole-{cluster}");
        let both = [with_role("c", arn, RoleBy::Annotation), with_role("d", arn, RoleBy::Annotation)];
        let spec = read(&draft(&both, &[], None));
        assert!(spec.clusters.iter().all(|cluster| cluster.role.name == NameTemplate::default()));
    }

    #[test]
    fn nothing_from_outside_is_yaml() {
        let hostile = "x: [y]\n# z\u{202e}\u{1b}[2J";
        let refusal = cni_plan_core::Finding {
            severity: cni_plan_core::Severity::Refuse,
            code: "code".to_owned(),
            address: cni_plan_core::Address::new("c", cni_plan_core::Kind::Cluster, &[]),
            message: hostile.to_owned(),
            cure: hostile.to_owned(),
            accepted: None,
        };
        let cluster = Existing {
            addon: Some(hostile.to_owned()),
            node_roles: vec![hostile.to_owned()],
            refusals: vec![refusal],
            ..with_role("c", hostile, RoleBy::Annotation)
        };
        let text = draft(&[cluster], &[(hostile.to_owned(), hostile.to_owned())], Some("no"));
        assert_eq!(read(&text).clusters.len(), 1);
        assert!(!text.chars().any(|character| character == '\u{1b}' || character == '\u{202e}'), "{text}");
        assert_eq!(read(&text).clusters[0].profile.as_deref(), Some("no"));
        for profile in ["true", "m\u{e4}x", "\u{1f980}"] {
            let spec = read(&probing("c", Some("us-west-2"), Some(profile)));
            assert_eq!(spec.clusters[0].profile.as_deref(), Some(profile));
        }
    }
}
