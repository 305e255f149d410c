//! The calls to be made, as text. A line is a call: the action, then its parameters as they stand in
//! the form that is sent, so that `+` is a space. `@name TEXT` gives a document a name, and `=@name`
//! sends it; `{account}` is the account's number. A line that begins with `pages` is called until it
//! has given its last page.

/// One call.
#[derive(Debug)]
pub(super) struct Call {
    /// The line as it is written, to be recognised by.
    pub(super) line: String,
    pub(super) action: String,
    /// Names and values, decoded.
    pub(super) parameters: Vec<(String, String)>,
    /// Whether all of its pages are asked for.
    pub(super) is_paged: bool,
}

/// Reads a script for an account of this number.
pub(super) fn read(text: &str, account: &str) -> Vec<Call> {
    let mut documents: Vec<(&str, &str)> = Vec::new();
    let mut calls = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(document) = line.strip_prefix('@') {
            documents.push(document.split_once(' ').expect("a document has a name and a text"));
            continue;
        }
        let unpaged = line.strip_prefix("pages ");
        let mut words = unpaged.unwrap_or(line).split_whitespace();
        let action = words.next().expect("a line has a word").to_owned();
        let parameters = words.map(|word| {
            let (name, value) = word.split_once('=').unwrap_or_else(|| panic!("no value in {word}: {line}"));
            let value = match value.strip_prefix('@') {
                Some(wanted) => {
                    let found = documents.iter().find(|(name, _)| *name == wanted);
                    found.unwrap_or_else(|| panic!("no document {wanted}: {line}")).1.to_owned()
                }
                None => decoded(value),
            };
            (name.to_owned(), value.replace("{account}", account))
        });
        let (line, is_paged) = (line.to_owned(), unpaged.is_some());
        calls.push(Call { line, parameters: parameters.collect(), action, is_paged });
    }
    calls
}

fn decoded(value: &str) -> String {
    form_urlencoded::parse(format!("v={value}").as_bytes()).map(|(_, value)| value.into_owned()).collect()
}
