//! `cni-plan show`: a change set in the form that its reader wants. Offline: what it says was true when it was
//! made, and it is shown whether or not it still is.

use cni_plan_core::ChangeSet;
use cni_plan_render::{plan_dot, plan_markdown_within, plan_mermaid, plan_text};

use crate::change_set_files;
use crate::cli::{Form, ShowArgs};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::printer::Printer;

pub(super) fn run(args: &ShowArgs, printer: &Printer) -> Result<Exit, CommandError> {
    let path = change_set_files::named_or_only(args.change_set.as_deref(), "show")?;
    let change_set = change_set_files::read(&path)?;
    printer.data(&shown(&change_set, args, printer));
    Ok(Exit::Done)
}

fn shown(change_set: &ChangeSet, args: &ShowArgs, printer: &Printer) -> String {
    match args.form.form() {
        Form::Text => plan_text(change_set, &printer.out),
        Form::Markdown => plan_markdown_within(change_set, args.limit()),
        // Whoever reads it knows today's form: what looks for another's members finds none, and agrees.
        Form::Json => change_set.in_todays_form().to_json(),
        Form::Mermaid => plan_mermaid(change_set),
        Form::Dot => plan_dot(change_set),
    }
}
