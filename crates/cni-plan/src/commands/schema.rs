//! `cni-plan schema`: the JSON Schemas of what cni-plan reads and writes, as `docs/schema/` has them.

use crate::cli::{SCHEMAS, SchemaArgs};
use crate::exit::Exit;
use crate::printer::Printer;

pub(super) fn run(args: &SchemaArgs, printer: &Printer) -> Exit {
    let (_, schema) = SCHEMAS.iter().find(|(name, _)| *name == args.document).expect("clap lets no other pass");
    printer.carried(schema.as_bytes());
    Exit::Done
}
