//! The keys of the format, and what to say of one that is none of them.

use crate::diagnostic::{Problem, quoted};

/// The keys of one mapping, under the path that leads to it.
pub(crate) struct Keys {
    pub(crate) of: &'static str,
    pub(crate) names: &'static [&'static str],
}

pub(crate) const TOP: Keys = Keys { of: "", names: &["version", "defaults", "clusters"] };
pub(crate) const CLUSTER: Keys = Keys {
    of: "a cluster",
    names: &[
        "name",
        "region",
        "account",
        "profile",
        "assumeRole",
        "externalId",
        "ipFamily",
        "kubernetes",
        "addon",
        "identity",
        "serviceAccount",
        "role",
        "policy",
        "oidcProvider",
        "stsRegionalEndpoints",
        "restart",
        "nodeRoles",
        "otherRegions",
        "detach",
        "accept",
    ],
};
pub(crate) const ACCEPT: Keys = Keys { of: "`accept`", names: &["code", "reason"] };
pub(crate) const ASSUME_ROLE: Keys = Keys { of: "`assumeRole`", names: &["arn", "externalId"] };
pub(crate) const KUBERNETES: Keys = Keys { of: "`kubernetes`", names: &["kubeconfig", "context"] };
pub(crate) const SERVICE_ACCOUNT: Keys = Keys { of: "`serviceAccount`", names: &["namespace", "name"] };
pub(crate) const ROLE: Keys =
    Keys { of: "`role`", names: &["name", "path", "description", "permissionsBoundary", "tags"] };
pub(crate) const POLICY: Keys = Keys { of: "`policy`", names: &["arn", "name", "document"] };
pub(crate) const RESTART: Keys = Keys { of: "`restart`", names: &["canary", "maxUnavailable", "timeout", "soak"] };

/// Where a key that is at home in another mapping may have been meant to go.
const HOMES: &[&Keys] = &[&CLUSTER, &ROLE, &RESTART, &KUBERNETES, &POLICY, &SERVICE_ACCOUNT];

impl Keys {
    /// The key as the table has it.
    pub(crate) fn find(&self, key: &str) -> Option<&'static str> {
        self.names.iter().copied().find(|name| *name == key)
    }

    pub(crate) fn unknown(&self, key: &str) -> Problem {
        let mut allowed = self.names.to_vec();
        allowed.sort_unstable();
        let allowed = format!("allowed here: {}", allowed.join(", "));
        let problem = Problem::new(format!("unknown key {}", quoted(key)));
        if let Some(near) = nearest(key, self.names) {
            return problem.hint(format!("did you mean `{near}`? {allowed}"));
        }
        match HOMES.iter().find(|home| home.of != self.of && home.names.contains(&key)) {
            Some(home) => problem.hint(format!("`{key}` belongs under {}; {allowed}", home.of)),
            None => problem.hint(allowed),
        }
    }
}

/// The word that was most likely meant: the same but for case, `-` and `_`, or a few letters off.
pub fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    /// Nobody mistypes a word of ten letters into one of a hundred, and the distance costs n × m.
    const LONGEST: usize = 64;
    if word.len() > LONGEST {
        return None;
    }
    let plain = |word: &str| word.replace(['-', '_', ' '], "").to_lowercase();
    let word = plain(word);
    known
        .iter()
        .map(|name| (strsim::damerau_levenshtein(&word, &plain(name)), *name))
        .filter(|(distance, name)| *distance <= name.len().div_ceil(4).min(3) && *distance < word.chars().count())
        .min()
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_key_is_found() {
        assert_eq!(nearest("regoin", CLUSTER.names), Some("region"));
        assert_eq!(nearest("max_unavailable", RESTART.names), Some("maxUnavailable"));
        assert_eq!(nearest("IPFamily", CLUSTER.names), Some("ipFamily"));
        assert_eq!(nearest("x", CLUSTER.names), None);
        assert_eq!(nearest("vpc", CLUSTER.names), None);
        assert_eq!(nearest(&"region".repeat(1000), CLUSTER.names), None);
    }
}
