//! What a person types to put a resource back by hand: `aws` and `kubectl` lines for a residue.
//!
//! The lines are for reading and pasting into a POSIX shell: every word that came from outside is
//! quoted, and is no more than text to the program that gets it. They assume the reader's own credentials and, unless the spec named one, current context.

use std::collections::{BTreeSet, HashMap};

use cni_plan_core::{
    AddonRole, Change, ClusterRef, Observation, OidcProvider, Owner, Policy, PolicyHistory, Resource, Role,
    ServiceAccount, Target, canonical_json,
};
use serde_json::{Map, Value, json};

use crate::aws_call::{Service, option, quoted, with_options};
use crate::inert::inert;

/// The plugin's name among EKS's add-ons.
const ADDON: &str = "vpc-cni";
/// Has EKS leave what others have set in the cluster.
const PRESERVE: (&str, &str) = ("resolve-conflicts", "PRESERVE");

/// Clusters by their keys.
pub type ClustersByKey<'a> = HashMap<&'a str, &'a ClusterRef>;

/// These clusters, to be found by their keys: once for all steps of a plan.
pub fn clusters_by_key<'a>(clusters: impl IntoIterator<Item = &'a ClusterRef>) -> ClustersByKey<'a> {
    clusters.into_iter().map(|cluster| (cluster.key.as_str(), cluster)).collect()
}

/// The lines that bring what `change` changed from how it is `now` to how it was before. `clusters`
/// are the plan's; empty where there is nothing to type.
pub fn by_hand(change: &Change, now: &Observation, clusters: &ClustersByKey<'_>) -> Vec<String> {
    // What cannot be seen is taken to be as the step was to leave it.
    let now = match now {
        Observation::Present(now) => Some(now),
        Observation::Absent => None,
        Observation::Unseen(_) => change.after.as_ref(),
    };
    let before = change.before.as_ref();
    let mut typed = Typed::of(change, clusters);
    match (&change.target, before, now) {
        (Target::OidcProvider { arn, .. }, before, now) => typed.oidc_provider(arn, before, now),
        (Target::Policy { arn, .. }, before, now) => typed.policy(arn, before, now),
        (Target::Role { name, .. }, before, now) => typed.role(name, before, now),
        (Target::Attachment { role, policy_arn, .. }, before, _) => {
            let verb = if before.is_some() { "attach-role-policy" } else { "detach-role-policy" };
            typed.iam(verb, &[("role-name", role), ("policy-arn", policy_arn)]);
        }
        (
            Target::ServiceAccount { .. },
            Some(Resource::ServiceAccount(before)),
            Some(Resource::ServiceAccount(now)),
        ) => {
            typed.association(before, now);
            match (&before.addon, &now.addon) {
                (Some(role), Some(found)) => typed.addon(role, found),
                _ => typed.annotations(before, now),
            }
        }
        (Target::Pods { namespace, .. }, Some(Resource::Pods(pods)), _) => {
            typed.kubectl(&["rollout", "restart", "--namespace", namespace, &format!("daemonset/{}", pods.daemon_set)]);
        }
        (Target::ServiceAccount { .. } | Target::Pods { .. }, _, _) => {}
    }
    typed.lines
}

/// How `kubectl` is called for the cluster of `change`.
pub(crate) fn kubectl_of(change: &Change, clusters: &ClustersByKey<'_>) -> String {
    Typed::of(change, clusters).kubectl
}

/// Lines typed so far, and how the programs are called.
struct Typed {
    aws: String,
    /// Options by which a call to EKS names the cluster.
    of_cluster: String,
    kubectl: String,
    lines: Vec<String>,
}

impl Typed {
    fn of(change: &Change, clusters: &ClustersByKey<'_>) -> Typed {
        let cluster = match change.target.owner() {
            Owner::Cluster(key) => clusters.get(key),
            Owner::Account(_) => change.clusters.iter().find_map(|key| clusters.get(key.as_str())),
        };
        let mut aws = "aws".to_owned();
        let mut kubectl = "kubectl".to_owned();
        if let Some(profile) = cluster.and_then(|cluster| cluster.profile.as_deref()) {
            aws.push_str(&option("profile", profile));
        }
        if let Some(access) = cluster.and_then(|cluster| cluster.kubernetes.as_ref()) {
            for (flag, value) in [("kubeconfig", &access.kubeconfig), ("context", &access.context)] {
                if let Some(value) = value {
                    kubectl.push_str(&option(flag, value));
                }
            }
        }
        let mut of_cluster = String::new();
        if let Some(cluster) = cluster {
            of_cluster.push_str(&option("cluster-name", &cluster.name));
            if let Some(region) = &cluster.region {
                of_cluster.push_str(&option("region", region));
            }
        }
        Typed { aws, of_cluster, kubectl, lines: Vec::new() }
    }

    fn iam(&mut self, verb: &str, texts: &[(&str, &str)]) {
        self.iam_with(verb, texts, &[]);
    }

    fn iam_with(&mut self, verb: &str, texts: &[(&str, &str)], lists: &[(&str, Value)]) {
        self.lines.push(with_options(format!("{} iam {verb}", self.aws), Service::Iam, texts, lists));
    }

    /// At the end of the last line.
    fn more(&mut self, text: &str) {
        if let Some(line) = self.lines.last_mut() {
            line.push_str(text);
        }
    }

    fn eks(&mut self, verb: &str, texts: &[(&str, &str)]) {
        self.eks_with(verb, texts, &[]);
    }

    fn eks_with(&mut self, verb: &str, texts: &[(&str, &str)], lists: &[(&str, Value)]) {
        let line = self.eks_line(verb, texts, lists);
        self.lines.push(line);
    }

    fn eks_line(&self, verb: &str, texts: &[(&str, &str)], lists: &[(&str, Value)]) -> String {
        with_options(format!("{} eks {verb}{}", self.aws, self.of_cluster), Service::Eks, texts, lists)
    }

    fn kubectl(&mut self, words: &[&str]) {
        let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
        self.lines.push(format!("{} {}", self.kubectl, words.join(" ")));
    }

    fn oidc_provider(&mut self, arn: &str, before: Option<&Resource>, now: Option<&Resource>) {
        let ids = |provider: &OidcProvider| provider.client_ids.clone();
        match (before, now) {
            (None, Some(_)) => {
                self.iam("delete-open-id-connect-provider", &[("open-id-connect-provider-arn", arn)]);
            }
            (Some(Resource::OidcProvider(before)), Some(Resource::OidcProvider(now))) => {
                let changes = [
                    ("remove-client-id-from-open-id-connect-provider", &ids(now) - &ids(before)),
                    ("add-client-id-to-open-id-connect-provider", &ids(before) - &ids(now)),
                ];
                for (verb, client_ids) in changes {
                    for id in &client_ids {
                        self.iam(verb, &[("open-id-connect-provider-arn", arn), ("client-id", id)]);
                    }
                }
            }
            (Some(Resource::OidcProvider(before)), None) => {
                let url = format!("https://{}", before.url);
                let ids = [("client-id-list", json!(before.client_ids))];
                self.iam_with("create-open-id-connect-provider", &[("url", &url)], &ids);
            }
            _ => {}
        }
    }

    fn policy(&mut self, arn: &str, before: Option<&Resource>, now: Option<&Resource>) {
        let kept = |before: &Policy, now: &Policy| {
            let version = &before.history.as_ref()?.default_version;
            now.history.as_ref()?.versions.contains(version).then(|| version.clone())
        };
        match (before, now) {
            (None, Some(_)) => self.iam("delete-policy", &[("policy-arn", arn)]),
            (Some(Resource::Policy(before)), Some(Resource::Policy(now))) if before.document != now.document => {
                match kept(before, now) {
                    Some(version) => {
                        self.iam("set-default-policy-version", &[("policy-arn", arn), ("version-id", &version)]);
                    }
                    None => {
                        if let Some(oldest) = now.history.as_ref().and_then(PolicyHistory::to_evict) {
                            self.iam("delete-policy-version", &[("policy-arn", arn), ("version-id", oldest)]);
                        }
                        let document = before.document.to_json();
                        self.iam("create-policy-version", &[("policy-arn", arn), ("policy-document", &document)]);
                        self.more(" --set-as-default");
                    }
                }
            }
            (Some(Resource::Policy(before)), None) => {
                let document = before.document.to_json();
                self.iam("create-policy", &[("policy-name", &before.name), ("policy-document", &document)]);
            }
            _ => {}
        }
    }

    fn role(&mut self, name: &str, before: Option<&Resource>, now: Option<&Resource>) {
        match (before, now) {
            (None, Some(_)) => self.iam("delete-role", &[("role-name", name)]),
            (Some(Resource::Role(before)), Some(Resource::Role(now))) => self.role_attributes(name, before, now),
            (Some(Resource::Role(before)), None) => {
                let trust = before.trust.to_json();
                let tags: Vec<_> = before.tags.iter().map(|(key, value)| json!({"Key": key, "Value": value})).collect();
                let tags = (!tags.is_empty()).then(|| ("tags", json!(tags)));
                let options = [
                    ("role-name", Some(name)),
                    ("path", Some(before.path.as_str())),
                    ("assume-role-policy-document", Some(&trust)),
                    ("description", before.description.as_deref()),
                    ("permissions-boundary", before.permissions_boundary.as_deref()),
                ];
                let options: Vec<(&str, &str)> =
                    options.into_iter().filter_map(|(option, value)| Some((option, value?))).collect();
                self.iam_with("create-role", &options, tags.as_slice());
            }
            _ => {}
        }
    }

    fn role_attributes(&mut self, name: &str, before: &Role, now: &Role) {
        if before.trust != now.trust {
            let document = before.trust.to_json();
            self.iam("update-assume-role-policy", &[("role-name", name), ("policy-document", &document)]);
        }
        if before.description != now.description {
            let description = before.description.as_deref().unwrap_or_default();
            self.iam("update-role-description", &[("role-name", name), ("description", description)]);
        }
        match (&before.permissions_boundary, &now.permissions_boundary) {
            (before, now) if before == now => {}
            (Some(boundary), _) => {
                let options = [("role-name", name), ("permissions-boundary", boundary.as_str())];
                self.iam("put-role-permissions-boundary", &options);
            }
            (None, _) => self.iam("delete-role-permissions-boundary", &[("role-name", name)]),
        }
        for (key, value) in before.tags.iter().filter(|(key, value)| now.tags.get(*key) != Some(value)) {
            let tag = [("tags", json!([{"Key": key, "Value": value}]))];
            self.iam_with("tag-role", &[("role-name", name)], &tag);
        }
        for key in now.tags.keys().filter(|key| !before.tags.contains_key(*key)) {
            self.iam_with("untag-role", &[("role-name", name)], &[("tag-keys", json!([key]))]);
        }
    }

    /// EKS puts the annotation back with the role. A role that was none cannot be had back by an update: the
    /// add-on is registered anew, while what it has installed stays.
    fn addon(&mut self, before: &AddonRole, now: &AddonRole) {
        if before == now {
            return;
        }
        match &before.role_arn {
            Some(role) => {
                self.eks("update-addon", &[("addon-name", ADDON), ("service-account-role-arn", role), PRESERVE]);
            }
            None => {
                let version = self.eks_line("describe-addon", &[("addon-name", ADDON)], &[]);
                self.lines.push(format!("version=$({version} --query addon.addonVersion --output text)"));
                self.eks("delete-addon", &[("addon-name", ADDON)]);
                self.more(" --preserve");
                self.eks("wait addon-deleted", &[("addon-name", ADDON)]);
                self.eks("create-addon", &[("addon-name", ADDON), PRESERVE]);
                self.more(" --addon-version \"$version\"  # and its --configuration-values, if it has any");
            }
        }
        // Pods that are restarted before EKS is done would be born as they were.
        self.eks("wait addon-active", &[("addon-name", ADDON)]);
    }

    fn association(&mut self, before: &ServiceAccount, now: &ServiceAccount) {
        if before.association == now.association {
            return;
        }
        let whose = [("namespace", before.namespace.as_str()), ("service-account", before.name.as_str())];
        let found = self.eks_line("list-pod-identity-associations", &whose, &[]);
        let id = format!(" --association-id \"$({found} --query 'associations[0].associationId' --output text)\"");
        match (&now.association, &before.association) {
            // Its tags are the same: a plan gives another role to its own associations alone.
            (Some(_), Some(association)) => {
                self.eks("update-pod-identity-association", &[("role-arn", &association.role_arn)]);
                self.more(&id);
            }
            (Some(_), None) => {
                self.eks("delete-pod-identity-association", &[]);
                self.more(&id);
            }
            (None, Some(association)) => {
                let [namespace, account] = whose;
                let texts = [namespace, account, ("role-arn", association.role_arn.as_str())];
                let tags = (!association.tags.is_empty()).then(|| ("tags", json!(association.tags)));
                self.eks_with("create-pod-identity-association", &texts, tags.as_slice());
            }
            (None, None) => {}
        }
    }

    fn annotations(&mut self, before: &ServiceAccount, now: &ServiceAccount) {
        let value = |account: &ServiceAccount, key: &str| account.annotations.get(key).map(|it| it.value.clone());
        let keys: BTreeSet<&String> = before.annotations.keys().chain(now.annotations.keys()).collect();
        let was: Vec<(&str, Option<String>)> = keys
            .into_iter()
            .map(|key| (key.as_str(), value(before, key)))
            .filter(|(key, was)| *was != value(now, key))
            .collect();
        if was.is_empty() {
            return;
        }
        let (namespace, name) = (before.namespace.as_str(), before.name.as_str());
        if was.iter().flat_map(|(_, was)| was).any(|was| inert(was) != *was) {
            // In JSON a control character is an escape.
            let was: Map<String, Value> = was.into_iter().map(|(key, was)| (key.to_owned(), was.into())).collect();
            let patch = canonical_json::to_line(&json!({"metadata": {"annotations": was}}));
            let words =
                ["patch", "serviceaccount", "--namespace", namespace, name, "--type", "merge", "--patch", &patch];
            return self.kubectl(&words);
        }
        let to_write = |(key, was): (&str, Option<String>)| match was {
            Some(was) => format!("{key}={was}"),
            None => format!("{key}-"),
        };
        let written: Vec<String> = was.into_iter().map(to_write).collect();
        let mut words = vec!["annotate", "serviceaccount", "--namespace", namespace, name, "--overwrite"];
        words.extend(written.iter().map(String::as_str));
        self.kubectl(&words);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use cni_plan_core::{Action, Address, Annotation, Kind, PolicyDocument, Reversibility};

    use super::*;

    fn change(target: Target, before: Option<Resource>) -> Change {
        Change {
            address: Address::new("c", Kind::Role, &["r"]),
            target,
            action: Action::Update,
            why: String::new(),
            before,
            after: None,
            run: None,
            reversibility: Reversibility::Reversible,
            depends_on: Vec::new(),
            clusters: vec!["c".to_owned()],
        }
    }

    fn cluster() -> ClusterRef {
        ClusterRef {
            key: "c".to_owned(),
            name: "c".to_owned(),
            region: None,
            account: None,
            profile: Some("prod eu".to_owned()),
            assume_role: None,
            kubernetes: Some(cni_plan_core::KubernetesAccess {
                kubeconfig: Some("./kubeconfig".to_owned()),
                context: None,
            }),
        }
    }

    fn role(tags: &[(&str, &str)]) -> Resource {
        Resource::Role(Role {
            name: "r".to_owned(),
            path: "/".to_owned(),
            trust: PolicyDocument::new(Vec::new()),
            description: None,
            permissions_boundary: None,
            tags: tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
            id: None,
        })
    }

    #[test]
    fn a_role_that_was_made_is_deleted_and_one_that_was_changed_is_corrected() {
        let target = Target::Role { account: "111122223333".to_owned(), name: "r".to_owned() };
        let present = |role| Observation::Present(role);
        assert_eq!(
            by_hand(&change(target.clone(), None), &present(role(&[])), &clusters_by_key([&cluster()])),
            ["aws --profile 'prod eu' iam delete-role --role-name r"]
        );
        let lines = by_hand(
            &change(target, Some(role(&[("team", "it's")]))),
            &present(role(&[("x", "y")])),
            &ClustersByKey::new(),
        );
        assert_eq!(
            lines,
            [
                r#"aws iam tag-role --role-name r --tags '[{"Key":"team","Value":"it'\''s"}]'"#,
                r#"aws iam untag-role --role-name r --tag-keys '["x"]'"#,
            ]
        );
    }

    #[test]
    fn annotations_go_back_to_their_values() {
        let account = |value: Option<&str>| {
            let annotations = value.map(|value| {
                ("eks.amazonaws.com/role-arn".to_owned(), Annotation { value: value.to_owned(), manager: None })
            });
            Resource::ServiceAccount(ServiceAccount::annotated(
                "kube-system",
                "aws-node",
                annotations.into_iter().collect::<BTreeMap<_, _>>(),
            ))
        };
        let target = Target::ServiceAccount {
            cluster: "c".to_owned(),
            namespace: "kube-system".to_owned(),
            name: "aws-node".to_owned(),
            addon: false,
            association: false,
        };
        let typed = |before, now| {
            by_hand(&change(target.clone(), Some(before)), &Observation::Present(now), &clusters_by_key([&cluster()]))
        };
        let kubectl = "kubectl --kubeconfig ./kubeconfig annotate serviceaccount --namespace kube-system aws-node";
        assert_eq!(
            typed(account(None), account(Some("x; rm -rf /"))),
            [format!("{kubectl} --overwrite eks.amazonaws.com/role-arn-")]
        );
        assert_eq!(
            typed(account(Some("x; rm -rf /")), account(None)),
            [format!("{kubectl} --overwrite 'eks.amazonaws.com/role-arn=x; rm -rf /'")]
        );
        let patch = r#"'{"metadata":{"annotations":{"eks.amazonaws.com/role-arn":"x\u001by\n"}}}'"#;
        assert_eq!(
            typed(account(Some("x\u{1b}y\n")), account(None)),
            [format!("{}  --type merge --patch {patch}", kubectl.replace("annotate", "patch")).replace("  ", " ")]
        );
    }
    /// Whatever a role has been given, its line says so and reads no file.
    #[test]
    fn no_value_is_a_file_or_an_option() {
        let target = Target::Role { account: "111122223333".to_owned(), name: "r".to_owned() };
        for text in ["file:///etc/passwd", "https://evil.example/", "--debug"] {
            let Resource::Role(bare) = role(&[]) else { unreachable!("a role is made") };
            let tags = BTreeMap::from([(text.to_owned(), text.to_owned())]);
            let given = Resource::Role(Role { description: Some(text.to_owned()), tags, ..bare });
            let now = Observation::Present(role(&[(&format!("{text}x"), text)]));
            let changed = by_hand(&change(target.clone(), Some(given.clone())), &now, &HashMap::new());
            let made = by_hand(&change(target.clone(), Some(given)), &Observation::Absent, &HashMap::new());
            assert_eq!((changed.len(), made.len()), (3, 1));
            for line in [changed, made].concat() {
                assert!(line.contains(&format!("\"{text}")), "{line}");
                let words = line.split(' ').map(|word| word.trim_start_matches('\''));
                let live: Vec<&str> = words.filter(|word| word.starts_with(text)).collect();
                assert!(live.is_empty(), "{live:?} in {line}");
            }
        }
    }

    #[test]
    fn the_version_that_iam_has_no_room_for_goes_first() {
        let arn = "arn:aws:iam::111122223333:policy/P";
        let policy = |actions: &[&str], versions: &[&str]| {
            let document = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]});
            Resource::Policy(Policy {
                arn: arn.to_owned(),
                name: "P".to_owned(),
                description: None,
                document: PolicyDocument::try_from(document).unwrap(),
                history: versions.last().map(|newest| PolicyHistory {
                    default_version: (*newest).to_owned(),
                    versions: versions.iter().map(|version| (*version).to_owned()).collect(),
                }),
            })
        };
        let target = Target::Policy { account: "111122223333".to_owned(), arn: arn.to_owned() };
        let typed = |versions: &[&str]| {
            let found = Observation::Present(policy(&["ec2:DescribeTags"], versions));
            by_hand(&change(target.clone(), Some(policy(&["ec2:DescribeInstances"], &[]))), &found, &HashMap::new())
        };
        let lines = typed(&["v3", "v4", "v5", "v6", "v7"]);
        assert_eq!(lines[0], format!("aws iam delete-policy-version --policy-arn {arn} --version-id v3"));
        assert!(lines[1].starts_with("aws iam create-policy-version ") && lines.len() == 2, "{lines:?}");
        assert_eq!(typed(&["v1", "v2"]).len(), 1);
    }
}
