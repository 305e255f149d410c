//! Change sets: what was written is read back equal, what was edited is not read, and whatever is
//! read can be judged, undone and shown.

use std::collections::HashMap;

use cni_plan_core::{Address, ChangeSet, ChangeSetError, Observation, invert, prove, status};
use cni_plan_render::{Style, plan_markdown, plan_text};

use super::assert_inert;

/// The bytes are a document; its digest is made right first, so that more than its form is tried.
pub fn check(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(read) = ChangeSet::from_json(text) {
        assert_eq!(read.to_json(), text, "a document is read that was not written");
    }
    let Ok(given) = serde_json::from_str::<ChangeSet>(text) else { return };
    let written = given.to_json();
    assert!(written.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\n')), "not ASCII: {written}");
    let read = match ChangeSet::from_json(&written) {
        Ok(read) => read,
        Err(ChangeSetError::Newer { .. } | ChangeSetError::OutOfOrder(_) | ChangeSetError::OfAnotherKind(_)) => return,
        Err(error) => panic!("what was written cannot be read: {error}\n{written}"),
    };
    assert_eq!(read, serde_json::from_str(&written).expect("it was just read"), "reading depends on something else");
    check_edits(&written, bytes);
    check_uses(&read);
}

/// A few edits, at places that `bytes` decides.
fn check_edits(written: &str, bytes: &[u8]) {
    let mut state = bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |state, byte| (state ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3));
    for _ in 0..4 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let draw = usize::try_from(state >> 33).expect("31 bits");
        let mut edited = written.as_bytes().to_vec();
        let at = draw % edited.len();
        match draw % 3 {
            0 => edited[at] = if edited[at] == b'1' { b'2' } else { b'1' },
            1 => edited.insert(at, b' '),
            _ => drop(edited.remove(at)),
        }
        let edited = String::from_utf8(edited).expect("ASCII stays ASCII");
        assert!(edited == written || ChangeSet::from_json(&edited).is_err(), "an edit at byte {at} is not noticed");
    }
}

/// What `apply` and `rollback` do with a document before anything is called.
fn check_uses(read: &ChangeSet) {
    prove(&read.changes);
    let applied: HashMap<Address, Observation> = read
        .changes
        .iter()
        .map(|change| (change.address.clone(), change.after.clone().map_or(Observation::Absent, Observation::Present)))
        .collect();
    let today = read.in_todays_form().to_json();
    assert_eq!(ChangeSet::from_json(&today).expect("today's form is read").changes, read.changes);
    // An address may say something else than the target; that is an answer too.
    let _ = status(&read.changes, &applied);
    invert(&read.changes, &applied);
    assert_inert(&plan_text(read, &Style::plain()));
    assert_inert(&plan_markdown(read, &read.digest()));
}
