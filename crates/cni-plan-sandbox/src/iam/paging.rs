//! Paging as every IAM list has it: `Marker`, `MaxItems` (100 unless told), `IsTruncated`.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::wire::{Failure, Params, Xml};

const DEFAULT_PAGE: usize = 100;
const LONGEST_PAGE: usize = 1000;

/// One page of a list.
pub(super) struct Page<T> {
    pub(super) items: Vec<T>,
    marker: Option<String>,
}

impl<T> Page<T> {
    /// Cuts the asked-for page out of a list in the order of its keys.
    ///
    /// The marker holds the last key given, so a list that changes between two pages neither repeats
    /// nor skips what stays in it.
    pub(super) fn cut(
        params: &Params,
        items: impl IntoIterator<Item = T>,
        key: impl Fn(&T) -> String,
    ) -> Result<Page<T>, Failure> {
        let longest = params.integer("MaxItems", 1, LONGEST_PAGE)?.unwrap_or(DEFAULT_PAGE);
        let after = params.get("Marker").map(open_marker).transpose()?;
        let mut rest: Vec<T> = items
            .into_iter()
            .filter(|item| after.as_ref().is_none_or(|after| key(item) > *after))
            .take(longest + 1)
            .collect();
        let truncated = rest.len() > longest;
        rest.truncate(longest);
        let marker = rest.last().filter(|_| truncated).map(|last| URL_SAFE_NO_PAD.encode(key(last)));
        Ok(Page { items: rest, marker })
    }

    /// Writes the two elements that say whether there is more.
    pub(super) fn close(&self, xml: &mut Xml) {
        xml.text("IsTruncated", self.marker.is_some());
        xml.optional("Marker", self.marker.as_ref());
    }
}

fn open_marker(marker: &str) -> Result<String, Failure> {
    URL_SAFE_NO_PAD
        .decode(marker)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(|| Failure::new(400, "ValidationError", format!("Invalid Marker: {marker}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_each_other_without_gap_or_overlap() {
        let names: Vec<String> = (0..250).map(|number| format!("role-{number:03}")).collect();
        let mut seen = Vec::new();
        let mut query = String::new();
        loop {
            let params = Params::parse(&[query.as_bytes()]);
            let page = Page::cut(&params, names.clone(), Clone::clone).unwrap();
            assert!(page.items.len() <= DEFAULT_PAGE);
            seen.extend(page.items.clone());
            match &page.marker {
                Some(marker) => query = format!("Marker={marker}"),
                None => break,
            }
        }
        assert_eq!(seen, names);
    }

    #[test]
    fn a_foreign_marker_is_refused() {
        let failure = Page::cut(&Params::parse(&[b"Marker=%2A"]), [String::new()], Clone::clone).err().unwrap();
        assert_eq!(failure.code, "ValidationError");
    }
}
