//! How `schema` is asked for.

use clap::Args;
use clap::builder::PossibleValuesParser;

/// Each document by its name, its JSON Schema beside it. Another one is a line here.
pub(crate) const SCHEMAS: &[(&str, &str)] = &[
    ("spec", cni_plan_spec::SCHEMA),
    ("change-set", include_str!("../../../../docs/schema/change-set.schema.json")),
    ("health", include_str!("../../../../docs/schema/health.schema.json")),
    ("runs", include_str!("../../../../docs/schema/runs.schema.json")),
    ("events", include_str!("../../../../docs/schema/events.schema.json")),
];

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct SchemaArgs {
    /// Of what
    #[arg(value_name = "DOCUMENT", value_parser = PossibleValuesParser::new(SCHEMAS.iter().map(|(name, _)| *name)))]
    pub(crate) document: String,
}

const EXAMPLES: &str = "\
Examples:
  cni-plan schema spec > spec.schema.json  then, in a spec's first line:
    # yaml-language-server: $schema=spec.schema.json";
