//! The parameters of a query-protocol call: a form, with lists and structures in the dotted names.

use std::collections::BTreeMap;

use super::Failure;

/// A decoded form, from a request's body and its query string.
#[derive(Debug, Clone, Default)]
pub(crate) struct Params {
    values: BTreeMap<String, String>,
}

impl Params {
    /// Decodes `application/x-www-form-urlencoded` text; a later part overrides an earlier one.
    pub(crate) fn parse(parts: &[&[u8]]) -> Params {
        let pairs = parts.iter().flat_map(|part| form_urlencoded::parse(part));
        Params { values: pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).collect() }
    }

    /// The value, where it was sent; an empty one counts as sent.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// The value, or the service's complaint that it must not be null.
    pub(crate) fn required(&self, name: &str) -> Result<&str, Failure> {
        self.get(name).ok_or_else(|| Failure::missing(name))
    }

    /// A whole number within bounds, both included.
    pub(crate) fn integer(&self, name: &str, low: usize, high: usize) -> Result<Option<usize>, Failure> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let Ok(number) = text.parse::<usize>() else {
            return Err(Failure::new(400, "MalformedInput", format!("{name} must be a whole number, not {text}")));
        };
        if number < low {
            return Err(Failure::constraint(
                text,
                name,
                &format!("Member must have value greater than or equal to {low}"),
            ));
        }
        if number > high {
            return Err(Failure::constraint(
                text,
                name,
                &format!("Member must have value less than or equal to {high}"),
            ));
        }
        Ok(Some(number))
    }

    /// `true` or `false`; false when absent.
    pub(crate) fn flag(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// The strings of `Name.member.1`, `Name.member.2`, … in order.
    pub(crate) fn list(&self, name: &str) -> Vec<&str> {
        (1..).map_while(|index| self.get(&format!("{name}.member.{index}"))).collect()
    }

    /// The key and value pairs of `Tags.member.N.Key` and `.Value`, in order.
    pub(crate) fn tags(&self) -> Vec<(&str, &str)> {
        (1..)
            .map_while(|index| {
                let key = self.get(&format!("Tags.member.{index}.Key"))?;
                Some((key, self.get(&format!("Tags.member.{index}.Value")).unwrap_or_default()))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_and_tags_come_out_in_order() {
        let params = Params::parse(&[
            b"L.member.2=b&L.member.1=a%20c&Tags.member.1.Key=k&Tags.member.1.Value=v%26w&Tags.member.2.Key=empty",
        ]);
        assert_eq!(params.list("L"), ["a c", "b"]);
        assert_eq!(params.tags(), [("k", "v&w"), ("empty", "")]);
    }

    #[test]
    fn a_number_out_of_bounds_is_named_as_aws_names_it() {
        let params = Params::parse(&[b"MaxItems=0"]);
        let failure = params.integer("MaxItems", 1, 1000).unwrap_err();
        assert_eq!(failure.code, "ValidationError");
        assert!(failure.message.contains("Value '0' at 'maxItems'"), "{}", failure.message);
    }
}
