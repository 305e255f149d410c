//! Whether an answer is whole. The SDK's reader of XML takes the end of the text for the end of the document: an
//! answer that a proxy cut between two elements would count as one without those that are missing, an
//! attached policy as gone and a role's settings as their defaults.

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::AfterDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;

/// An interceptor for the services whose answers are XML: what was read from less than a whole document is
/// a failure, like an answer that cannot be read.
#[derive(Debug)]
pub(crate) struct Whole;

impl Intercept for Whole {
    fn name(&self) -> &'static str {
        "Whole"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        // A refusal is one already, and a proxy's need not be XML.
        if context.output_or_error().is_err() {
            return Ok(());
        }
        match context.response().body().bytes() {
            Some(body) if !is_whole(body) => Err("the answer was cut short".into()),
            _ => Ok(()),
        }
    }
}

/// Whether a document ends with the end of its root. What stands between the tags is the SDK's to read.
fn is_whole(document: &[u8]) -> bool {
    let Some(root) = root(document) else { return false };
    let ending = document.trim_ascii_end().strip_suffix(b">").map(<[u8]>::trim_ascii_end);
    ending.and_then(|rest| rest.strip_suffix(root)).is_some_and(|rest| rest.ends_with(b"</"))
}

/// The name of the first element.
fn root(document: &[u8]) -> Option<&[u8]> {
    let mut rest = document;
    loop {
        rest = &rest[rest.iter().position(|byte| *byte == b'<')? + 1..];
        // A declaration, or a comment.
        if !matches!(rest.first()?, b'?' | b'!') {
            let end = rest.iter().position(|byte| byte.is_ascii_whitespace() || matches!(byte, b'>' | b'/'))?;
            return Some(&rest[..end]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_document_to_its_end_is_whole() {
        let document =
            b"<?xml version=\"1.0\"?>\n<GetRoleResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\">\
            <GetRoleResult><Role><Path>/</Path></Role></GetRoleResult></GetRoleResponse>";
        assert!(is_whole(document));
        assert!(is_whole(&[document.as_slice(), b"\r\n"].concat()));
        for cut in 0..document.len() {
            assert!(!is_whole(&document[..cut]), "{}", String::from_utf8_lossy(&document[..cut]));
        }
    }
}
