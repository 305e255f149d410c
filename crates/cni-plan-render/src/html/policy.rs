//! What the page may do, told to the browser: nothing but what it carries with it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::markup::Html;

/// A Content Security Policy (CSP level 3) under which nothing is loaded from anywhere, and no style
/// or script runs but these two, by their hashes: what a name or a tag might bring along is dead even
/// if it were to become markup.
pub(super) fn write(page: &mut Html, style: &str, script: &str) {
    page.raw("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-");
    page.text(&hash(style)).raw("'; script-src 'sha256-").text(&hash(script));
    page.raw("'; base-uri 'none'; form-action 'none'\">\n");
}

fn hash(text: &str) -> String {
    STANDARD.encode(Sha256::digest(text))
}
