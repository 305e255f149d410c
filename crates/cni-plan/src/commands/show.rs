//! `cni-plan show`: a change set in the form that its reader wants. Offline: what it says was true when it was
//! made, and it is shown whether or not it still is.

use cni_plan_core::ChangeSet;
use cni_plan_render::{Style, plan_dot, plan_html, plan_markdown_within, plan_mermaid, plan_text};

use crate::change_set_files;
use crate::cli::{Form, ShowArgs};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::printer::Printer;
use crate::whole_file;

pub(super) fn run(args: &ShowArgs, printer: &Printer) -> Result<Exit, CommandError> {
    let path = change_set_files::named_or_only(args.change_set.as_deref(), "show")?;
    let change_set = change_set_files::read(&path)?;
    match &args.out {
        Some(out) => {
            whole_file::replace(out, &shown(&change_set, args, &Style::plain()))?;
            printer.note(&format!("saved {}", out.display()));
        }
        None => printer.data(&shown(&change_set, args, &printer.out)),
    }
    Ok(Exit::Done)
}

fn shown(change_set: &ChangeSet, args: &ShowArgs, style: &Style) -> String {
    match args.form.form() {
        Form::Text => plan_text(change_set, style),
        Form::Markdown => plan_markdown_within(change_set, args.limit()),
        Form::Html => plan_html(change_set),
        // Whoever reads it knows today's form: what looks for another's members finds none, and agrees.
        Form::Json => change_set.in_todays_form().to_json(),
        Form::Mermaid => plan_mermaid(change_set),
        Form::Dot => plan_dot(change_set),
    }
}
