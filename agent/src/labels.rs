//! `connect-agent labels`: which columns are masked and why, and how to say otherwise.

mod edit;

use std::{
    io::{self, Write as _},
    path::Path,
};

use clap::{Args, Subcommand, ValueEnum};
use comfy_table::{Table, presets::NOTHING};
use connect_shared::{
    error::{ErrorReport, Exit},
    label::Label,
    text::{harmless_json, printable_name},
};
use serde_json::json;

use crate::{
    catalog::{self, Labelled},
    config::{Config, ResourceConfig},
};

/// The labels of columns: what is masked, and why.
#[derive(Debug, Subcommand)]
pub enum LabelsCommand {
    /// Lists the columns that are masked, as they would be labelled at first contact now.
    Ls {
        #[command(flatten)]
        which: Which,
        /// Also columns that are free to show.
        #[arg(long)]
        all: bool,
    },
    /// Lists the columns of which the configuration says something else than what is found without it.
    Diff {
        #[command(flatten)]
        which: Which,
    },
    /// Writes what a column is into the configuration, which is in force when the agent starts again.
    Set {
        /// The resource.
        resource: String,
        /// `schema.table.column`, `schema.table.*` or `schema.*`
        column: String,
        /// A label such as `pii.email` or `confidential`, or `clear` for free to show.
        label: String,
    },
}

/// What is listed, and how.
#[derive(Debug, Args)]
pub struct Which {
    /// The resource; all of them if none is given.
    resource: Option<String>,
    /// How it is printed.
    #[arg(short, long, value_enum, default_value = "table")]
    output: Form,
}

/// How a list is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    Table,
    /// One object a line.
    Jsonl,
}

/// Runs the command on the configuration at `path`.
///
/// # Errors
/// A database cannot be read, or the configuration cannot be changed.
pub async fn run(command: LabelsCommand, path: &Path, config: &Config) -> Result<(), ErrorReport> {
    match command {
        LabelsCommand::Ls { which, all } => list(&which, config, |label| all || label.label.is_some()).await,
        LabelsCommand::Diff { which } => {
            list(&which, config, |label| label.configured && label.label != label.found).await
        }
        LabelsCommand::Set { resource, column, label } => {
            chosen(config, Some(&resource))?;
            edit::set(path, &resource, &column, &label)
        }
    }
}

async fn list(which: &Which, config: &Config, wanted: impl Fn(&Labelled) -> bool) -> Result<(), ErrorReport> {
    let mut rows = Vec::new();
    for resource in chosen(config, which.resource.as_deref())? {
        let labelled = catalog::label_once(&resource.upstream, &resource.labels).await;
        let labelled = labelled.map_err(|error| {
            ErrorReport::new("catalog", Exit::Unreachable, error.to_string()).help("connect-agent check")
        })?;
        let name = &resource.resource.name;
        rows.extend(labelled.into_iter().filter(&wanted).map(|label| (name.clone(), label)));
    }
    let text = match which.output {
        Form::Table => table(&rows),
        Form::Jsonl => rows.iter().map(|(resource, label)| line(resource, label)).collect(),
    };
    io::stdout().write_all(text.as_bytes()).map_err(|error| {
        ErrorReport::new("output", Exit::Local, format!("cannot write to standard output: {error}"))
    })
}

fn chosen<'c>(config: &'c Config, name: Option<&str>) -> Result<Vec<&'c ResourceConfig>, ErrorReport> {
    let all = config.resources.iter();
    let found: Vec<_> = all.filter(|r| name.is_none_or(|name| *r.resource.name == *name)).collect();
    match name {
        Some(name) if found.is_empty() => {
            let known: Vec<&str> = config.resources.iter().map(|r| r.resource.name.as_str()).collect();
            let message = format!("the configuration has no resource `{name}`; it has {}", known.join(", "));
            Err(ErrorReport::new("unknown_resource", Exit::NotFound, message))
        }
        _ => Ok(found),
    }
}

fn table(rows: &[(String, Labelled)]) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header(["RESOURCE", "COLUMN", "LABEL", "FOUND", "WHY"]);
    for (resource, label) in rows {
        // Names are the database's.
        let (column, why) = (printable_name(&label.column), printable_name(&label.why));
        table.add_row([resource, &column, word(label.label), word(label.found), &why]);
    }
    table.lines().map(|line| format!("{}\n", line.trim())).collect()
}

fn line(resource: &str, label: &Labelled) -> String {
    let object = json!({
        "schema": "connect.label/v1",
        "resource": resource,
        "column": label.column,
        "label": label.label,
        "found": label.found,
        "why": label.why,
        "configured": label.configured,
    });
    format!("{}\n", harmless_json(object.to_string()))
}

fn word(label: Option<Label>) -> &'static str {
    label.map_or("clear", Label::as_str)
}
