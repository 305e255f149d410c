//! A role's name with `{cluster}`, `{region}` and `{account}` in it.

/// Characters of an IAM role name at most (facts: trust and ARNs).
const LONGEST: usize = 64;

/// A role name, whose placeholders are known ones and whose other characters IAM accepts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameTemplate {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Cluster,
    Region,
    Account,
}

/// What the placeholders stand for.
#[derive(Debug, Clone, Copy)]
pub struct Names<'a> {
    /// `{cluster}`
    pub cluster: &'a str,
    /// `{region}`
    pub region: &'a str,
    /// `{account}`
    pub account: &'a str,
}

/// Why a text is no role name, before or after expanding.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameTemplateError {
    /// `{x}` of no known x.
    #[error("has the unknown placeholder `{{{0}}}`")]
    UnknownPlaceholder(String),
    /// `{` without `}`, or `}` without `{`.
    #[error("has an unpaired `{0}`")]
    Unpaired(char),
    /// A character that IAM refuses in a role name.
    #[error("has the character `{0}`, which IAM does not take in a name")]
    Character(char),
    /// Nothing is left.
    #[error("is empty")]
    Empty,
    /// Too long once expanded.
    #[error("expands to {length} characters; IAM takes {LONGEST} at most")]
    TooLong {
        /// How long it is.
        length: usize,
    },
}

impl NameTemplate {
    /// Reads a template.
    ///
    /// # Errors
    /// Unknown or unpaired placeholders, characters outside `[\w+=,.@-]`, nothing at all.
    pub fn parse(text: &str) -> Result<NameTemplate, NameTemplateError> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(brace) = rest.find(['{', '}']) {
            let (before, from) = rest.split_at(brace);
            push_text(&mut parts, before)?;
            let inside = from.strip_prefix('{').ok_or(NameTemplateError::Unpaired('}'))?;
            let (name, after) = inside.split_once('}').ok_or(NameTemplateError::Unpaired('{'))?;
            parts.push(match name {
                "cluster" => Part::Cluster,
                "region" => Part::Region,
                "account" => Part::Account,
                _ => return Err(NameTemplateError::UnknownPlaceholder(name.to_owned())),
            });
            rest = after;
        }
        push_text(&mut parts, rest)?;
        if parts.is_empty() { Err(NameTemplateError::Empty) } else { Ok(NameTemplate { parts }) }
    }

    /// The name for a cluster.
    ///
    /// # Errors
    /// When the name is longer than IAM takes, or what a placeholder stands for does not fit a
    /// role name.
    pub fn expand(&self, names: Names<'_>) -> Result<String, NameTemplateError> {
        let mut name = String::new();
        for part in &self.parts {
            name.push_str(match part {
                Part::Text(text) => text,
                Part::Cluster => names.cluster,
                Part::Region => names.region,
                Part::Account => names.account,
            });
        }
        check_characters(&name)?;
        match name.chars().count() {
            0 => Err(NameTemplateError::Empty),
            length if length > LONGEST => Err(NameTemplateError::TooLong { length }),
            _ => Ok(name),
        }
    }

    /// Refuses a template that is too long for this cluster whatever the account is, and the
    /// region unless it is known. The error says how many characters it gets.
    pub(crate) fn check_length(&self, cluster: &str, region: Option<&str>) -> Result<(), String> {
        // An account has twelve digits; no region is shorter than this one.
        let names = Names { cluster, region: region.unwrap_or("us-west-2"), account: "000000000000" };
        let at_least = if region.is_none() && self.parts.contains(&Part::Region) { "at least " } else { "" };
        match self.expand(names) {
            Err(NameTemplateError::TooLong { length }) => Err(format!("{at_least}{length} characters")),
            _ => Ok(()),
        }
    }
}

/// The template as it is written in a spec.
impl std::fmt::Display for NameTemplate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.parts.iter().try_for_each(|part| {
            f.write_str(match part {
                Part::Text(text) => text,
                Part::Cluster => "{cluster}",
                Part::Region => "{region}",
                Part::Account => "{account}",
            })
        })
    }
}

/// `AmazonEKSVPCCNIRole-{cluster}`
impl Default for NameTemplate {
    fn default() -> NameTemplate {
        NameTemplate { parts: vec![Part::Text("AmazonEKSVPCCNIRole-".to_owned()), Part::Cluster] }
    }
}

fn push_text(parts: &mut Vec<Part>, text: &str) -> Result<(), NameTemplateError> {
    check_characters(text)?;
    if !text.is_empty() {
        parts.push(Part::Text(text.to_owned()));
    }
    Ok(())
}

fn check_characters(text: &str) -> Result<(), NameTemplateError> {
    match text.chars().find(|character| !is_name_character(*character)) {
        Some(character) => Err(NameTemplateError::Character(character)),
        None => Ok(()),
    }
}

/// `[\w+=,.@-]`, in ASCII: IAM API, CreateRole and CreatePolicy.
pub(crate) fn is_name_character(character: char) -> bool {
    character.is_ascii_alphanumeric() || "_+=,.@-".contains(character)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: Names<'_> = Names { cluster: "blue", region: "eu-west-1", account: "111122223333" };

    #[test]
    fn placeholders_expand() {
        let template = NameTemplate::parse("cni-{cluster}.{region}@{account}").unwrap();
        assert_eq!(template.expand(NAMES).unwrap(), "cni-blue.eu-west-1@111122223333");
        assert_eq!(template.to_string(), "cni-{cluster}.{region}@{account}");
        assert_eq!(NameTemplate::default().expand(NAMES).unwrap(), "AmazonEKSVPCCNIRole-blue");
        assert_eq!(NameTemplate::parse("AmazonEKSVPCCNIRole-{cluster}").unwrap(), NameTemplate::default());
    }

    #[test]
    fn what_is_no_name_is_refused() {
        let refused = |text: &str| NameTemplate::parse(text).unwrap_err();
        assert_eq!(refused("a-{clustr}"), NameTemplateError::UnknownPlaceholder("clustr".to_owned()));
        assert_eq!(refused("a-{cluster"), NameTemplateError::Unpaired('{'));
        assert_eq!(refused("a-cluster}"), NameTemplateError::Unpaired('}'));
        assert_eq!(refused("a/b"), NameTemplateError::Character('/'));
        assert_eq!(refused("rôle"), NameTemplateError::Character('ô'));
        assert_eq!(refused(""), NameTemplateError::Empty);
    }

    #[test]
    fn the_expanded_name_is_measured() {
        let template = NameTemplate::parse(&format!("{}{{cluster}}", "x".repeat(60))).unwrap();
        assert_eq!(template.expand(NAMES).unwrap().len(), 64);
        let longer = Names { cluster: "green", ..NAMES };
        assert_eq!(template.expand(longer), Err(NameTemplateError::TooLong { length: 65 }));
        assert!(template.check_length("green", None).is_err());
        assert!(template.check_length("blue", None).is_ok());
    }
}
