//! Regions that look mistyped. Never more than a doubt: AWS opens regions between two versions of this program.

use crate::{Position, Spec};

/// Regions of all partitions that have names, by their words; the numbers are those in use. From botocore 1.43.11,
/// `data/endpoints.json`.
const KNOWN: &[(&str, &[u8])] = &[
    ("af-south", &[1]),
    ("ap-east", &[1, 2]),
    ("ap-northeast", &[1, 2, 3]),
    ("ap-south", &[1, 2]),
    ("ap-southeast", &[1, 2, 3, 4, 5, 6, 7]),
    ("ca-central", &[1]),
    ("ca-west", &[1]),
    ("cn-north", &[1]),
    ("cn-northwest", &[1]),
    ("eu-central", &[1, 2]),
    ("eu-isoe-west", &[1]),
    ("eu-north", &[1]),
    ("eu-south", &[1, 2]),
    ("eu-west", &[1, 2, 3]),
    ("eusc-de-east", &[1]),
    ("il-central", &[1]),
    ("me-central", &[1]),
    ("me-south", &[1]),
    ("mx-central", &[1]),
    ("sa-east", &[1]),
    ("us-east", &[1, 2]),
    ("us-gov-east", &[1]),
    ("us-gov-west", &[1]),
    ("us-iso-east", &[1]),
    ("us-iso-west", &[1]),
    ("us-isob-east", &[1]),
    ("us-isob-west", &[1]),
    ("us-isof-east", &[1]),
    ("us-isof-south", &[1]),
    ("us-west", &[1, 2]),
];

/// A region that no partition has, as far as is known here, a letter away from one that there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DoubtfulRegion {
    /// Where the spec names it.
    pub position: Position,
    /// As it stands there.
    pub region: String,
    /// What may have been meant.
    pub near: String,
}

/// Those of a spec, each where it is named first.
pub fn doubtful_regions(spec: &Spec) -> Vec<DoubtfulRegion> {
    let mut doubtful: Vec<DoubtfulRegion> = Vec::new();
    for cluster in &spec.clusters {
        let own = cluster.region.iter().map(|region| ("region", region));
        let others = cluster.other_regions.iter().map(|region| ("otherRegions", region));
        for (key, region) in own.chain(others) {
            if doubtful.iter().any(|it| it.region == *region) {
                continue;
            }
            if let Some(near) = near_region(region) {
                doubtful.push(DoubtfulRegion { position: cluster.position_of(key), region: region.clone(), near });
            }
        }
    }
    doubtful
}

/// The region that may have been meant by one; `None` where the words are known, since their numbers go on, and where
/// nothing is a letter away.
pub fn near_region(region: &str) -> Option<String> {
    let (words, number) = region.rsplit_once('-')?;
    if KNOWN.iter().any(|(known, _)| *known == words) {
        return None;
    }
    let is_near = |known: &str| strsim::damerau_levenshtein(words, known) == 1;
    let (words, numbers) = KNOWN.iter().find(|(known, _)| is_near(known))?;
    let number = number.parse().ok().filter(|number| numbers.contains(number)).unwrap_or(numbers[0]);
    Some(format!("{words}-{number}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_too_many_too_few_or_in_anothers_place_is_doubtful() {
        for (typed, meant) in [
            ("us-wset-2", "us-west-2"),
            ("us-est-1", "us-east-1"),
            ("eu-centrall-1", "eu-central-1"),
            ("us-gv-west-1", "us-gov-west-1"),
            ("us-weast-3", "us-east-1"),
        ] {
            assert_eq!(near_region(typed).as_deref(), Some(meant), "{typed}");
        }
    }

    #[test]
    fn what_is_known_or_may_be_new_is_not() {
        for region in KNOWN.iter().flat_map(|(words, numbers)| numbers.iter().map(move |it| format!("{words}-{it}"))) {
            assert_eq!(near_region(&region), None, "{region}");
        }
        for new in ["us-west-3", "eu-central-10", "us-south-1", "eu-east-1", "nz-north-1"] {
            assert_eq!(near_region(new), None, "{new}");
        }
    }
}
