//! Who holds which cluster's lock.

use cni_plan_core::LockRecord;

use crate::page::Page;
use crate::style::{Style, Tone};
use crate::words;

/// Each cluster, by its key, with its lock; `None`: nobody holds it.
pub fn locks_text<'a>(locks: impl IntoIterator<Item = (&'a str, Option<&'a LockRecord>)>, style: &Style) -> String {
    let mut page = Page::new(style);
    for (cluster, lock) in locks {
        match lock {
            None => page.line(0, &[(Tone::Strong, cluster), (Tone::Quiet, "  not locked")]),
            Some(lock) => held(&mut page, cluster, lock),
        }
    }
    page.finish()
}

fn held(page: &mut Page<'_>, cluster: &str, lock: &LockRecord) {
    page.line(0, &[(Tone::Strong, cluster), (Tone::Warn, "  locked")]);
    page.line(2, &[(Tone::Quiet, "by:     "), (Tone::Plain, &lock.holder.who)]);
    if !lock.holder.run.is_empty() {
        page.line(2, &[(Tone::Quiet, "run:    "), (Tone::Plain, &lock.holder.run)]);
    }
    page.line(2, &[(Tone::Quiet, "since:  "), (Tone::Plain, &lock.since)]);
    let heard = format!("{}, {} ago", lock.renewed, words::took(lock.silent));
    page.line(2, &[(Tone::Quiet, "heard:  "), (Tone::Plain, &heard)]);
    if lock.expired {
        page.line(2, &[(Tone::Plain, "It has expired: the next run takes it over.")]);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use cni_plan_core::LockHolder;

    use super::*;

    fn lock() -> LockRecord {
        LockRecord {
            holder: LockHolder { run: "20261124-021000-4711".to_owned(), who: "alice@laptop, pid 4711".to_owned() },
            since: "2026-11-24T02:10:00Z".to_owned(),
            renewed: "2026-11-24T02:12:40Z".to_owned(),
            silent: Duration::from_millis(3200),
            expired: false,
        }
    }

    #[test]
    fn a_lock_is_told_whole() {
        let (held, dead) = (lock(), LockRecord { expired: true, silent: Duration::from_secs(125), ..lock() });
        let text = locks_text([("one", Some(&held)), ("three", Some(&dead)), ("two", None)], &Style::plain());
        insta::assert_snapshot!(text, @r"
        one  locked
          by:     alice@laptop, pid 4711
          run:    20261124-021000-4711
          since:  2026-11-24T02:10:00Z
          heard:  2026-11-24T02:12:40Z, 3.2s ago
        three  locked
          by:     alice@laptop, pid 4711
          run:    20261124-021000-4711
          since:  2026-11-24T02:10:00Z
          heard:  2026-11-24T02:12:40Z, 2m05s ago
          It has expired: the next run takes it over.
        two  not locked
        ");
    }

    #[test]
    fn a_name_that_others_wrote_is_inert() {
        let hostile = "\u{1b}[2J\r\nfree";
        let lock = LockRecord { holder: LockHolder { run: hostile.to_owned(), who: hostile.to_owned() }, ..lock() };
        let text = locks_text([(hostile, Some(&lock))], &Style::plain());
        assert!(text.chars().all(|character| !character.is_control() || character == '\n'), "{text:?}");
        assert_eq!(text.lines().count(), 5);
    }
}
