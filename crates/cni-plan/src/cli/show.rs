//! How `show` and `graph` are asked for.

use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, ValueEnum};
use cni_plan_render::Forge;

#[derive(Debug, Args)]
#[command(after_help = SHOW_EXAMPLES)]
pub(crate) struct ShowArgs {
    /// A change set, applied and stale ones too [default: the one under plans/]
    #[arg(value_name = "CHANGE_SET")]
    pub(crate) change_set: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) form: FormArgs,
    /// One step alone: what it does, why, what it waits for, what waits for it, how it is undone. An address, or a part
    /// of one, such as `detach`
    #[arg(long, value_name = "ADDRESS", conflicts_with = "FormArgs", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) step: Option<String>,
    /// Write it to a file instead of printing it
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Whose limit the Markdown page keeps
    #[arg(
        long = "for",
        value_name = "FORGE",
        default_value = "github",
        requires = "markdown",
        conflicts_with = "step"
    )]
    forge: ForgeName,
    /// How many characters the Markdown page may have, where it is a part of another
    #[arg(long, value_name = "CHARACTERS", requires = "markdown", conflicts_with_all = ["forge", "step"])]
    limit: Option<usize>,
}

impl ShowArgs {
    /// How many characters a page may have.
    pub(crate) fn limit(&self) -> usize {
        self.limit.unwrap_or_else(|| self.forge.limit())
    }
}

/// Where a page is put.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ForgeName {
    /// 65,536 characters
    Github,
    /// 1,000,000 characters
    Gitlab,
    /// 32,768 characters
    Bitbucket,
}

impl ForgeName {
    /// How much it takes.
    fn limit(self) -> usize {
        match self {
            ForgeName::Github => Forge::GitHub,
            ForgeName::Gitlab => Forge::GitLab,
            ForgeName::Bitbucket => Forge::Bitbucket,
        }
        .limit()
    }
}

const SHOW_EXAMPLES: &str = "\
Examples:
  cni-plan show                                  the plan as it was printed
  cni-plan show --markdown plans/prod.plan.json  for a pull request
  cni-plan show --html --out plan.html           a page for a browser
  cni-plan show --step detach                    one step, and why it is there
  cni-plan show --mermaid                        what waits for what";

/// The forms of a change set; each of them a flag, and a variant of [`Form`].
#[derive(Debug, Args)]
#[group(multiple = false)]
pub(crate) struct FormArgs {
    /// As a Markdown page for review
    #[arg(long)]
    markdown: bool,
    /// As one page for a browser, with the graph drawn; it needs no network
    #[arg(long)]
    html: bool,
    /// As JSON of today's form: as it is saved, unless an earlier version saved it
    #[arg(long)]
    json: bool,
    /// The graph of its steps for Mermaid
    #[arg(long)]
    mermaid: bool,
    /// The graph of its steps for Graphviz
    #[arg(long)]
    dot: bool,
}

/// In which form a change set is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// As `plan` prints it.
    Text,
    Markdown,
    Html,
    Json,
    Mermaid,
    Dot,
}

impl FormArgs {
    /// The one that was asked for.
    pub(crate) fn form(&self) -> Form {
        let flags = [
            (self.markdown, Form::Markdown),
            (self.html, Form::Html),
            (self.json, Form::Json),
            (self.mermaid, Form::Mermaid),
            (self.dot, Form::Dot),
        ];
        flags.into_iter().find(|(is_set, _)| *is_set).map_or(Form::Text, |(_, form)| form)
    }
}

#[derive(Debug, Args)]
#[command(after_help = GRAPH_EXAMPLES)]
pub(crate) struct GraphArgs {
    /// A change set, which is drawn offline; or a spec, which is planned first [default: the one under plans/]
    #[arg(value_name = "CHANGE_SET|SPEC")]
    pub(crate) subject: Option<PathBuf>,
    /// For Graphviz instead of Mermaid
    #[arg(long)]
    pub(crate) dot: bool,
}

const GRAPH_EXAMPLES: &str = "\
Examples:
  cni-plan graph                              of the change set under plans/
  cni-plan graph --dot spec.yaml | dot -Tsvg  as a picture, by Graphviz";
