//! `cni-plan show`: a change set in the form that its reader wants. Offline: what it says was true when it was
//! made, and it is shown whether or not it still is.

use cni_plan_core::{Address, ChangeSet};
use cni_plan_render::{Style, plan_dot, plan_html, plan_markdown_within, plan_mermaid, plan_text, step_text};

use crate::change_set_files;
use crate::cli::{Form, ShowArgs};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::printer::Printer;
use crate::whole_file;

pub(super) fn run(args: &ShowArgs, printer: &Printer) -> Result<Exit, CommandError> {
    let path = change_set_files::named_or_only(args.change_set.as_deref(), "show")?;
    let (change_set, document) = change_set_files::read_with_text(&path)?;
    match &args.out {
        Some(out) => {
            whole_file::replace(out, &shown(&change_set, &document, args, &Style::plain())?)?;
            printer.note(&format!("saved {}", out.display()));
        }
        None => printer.data(&shown(&change_set, &document, args, &printer.out)?),
    }
    Ok(Exit::Done)
}

fn shown(change_set: &ChangeSet, document: &str, args: &ShowArgs, style: &Style) -> Result<String, CommandError> {
    if let Some(asked) = &args.step {
        let address = step_of(change_set, asked)?;
        return Ok(step_text(change_set, address, style).expect("the address is of one of its steps"));
    }
    let digest = || ChangeSet::digest_in(document);
    Ok(match args.form.form() {
        Form::Text => plan_text(change_set, style),
        Form::Markdown => plan_markdown_within(change_set, &digest(), args.limit()),
        Form::Html => plan_html(change_set, &digest()),
        // Whoever reads it knows today's form: what looks for another's members finds none, and agrees.
        Form::Json => change_set.in_todays_form().to_json(),
        Form::Mermaid => plan_mermaid(change_set),
        Form::Dot => plan_dot(change_set),
    })
}

/// The step that is meant: the one of this address, or the only one whose address has this in it.
fn step_of<'a>(change_set: &'a ChangeSet, asked: &str) -> Result<&'a Address, CommandError> {
    /// Addresses that a message names.
    const NAMED_AT_MOST: usize = 10;
    let all = || change_set.changes.iter().map(|change| &change.address);
    if let Some(address) = all().find(|address| address.as_str() == asked) {
        return Ok(address);
    }
    let having: Vec<&Address> = all().filter(|address| address.as_str().contains(asked)).collect();
    let named = |addresses: &[&Address]| {
        let mut names: Vec<&str> = addresses.iter().take(NAMED_AT_MOST).map(|address| address.as_str()).collect();
        names.extend((addresses.len() > NAMED_AT_MOST).then_some("…"));
        names.join(", ")
    };
    match having.as_slice() {
        [only] => Ok(only),
        [] => Err(CommandError::plain(
            format!("there is no step {asked}"),
            format!("the plan has {}", named(&all().collect::<Vec<_>>())),
            "name one of them, or a part of its address",
        )),
        several => Err(CommandError::plain(
            "it is not clear which step is meant",
            format!("{} have {asked} in their address: {}", several.len(), named(several)),
            "name more of the address",
        )),
    }
}
