//! The words of `--output` and `--color`.

use std::str::FromStr;

use clap::ValueEnum;

/// How data is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Table,
    /// One JSON document.
    Json,
    /// One JSON object a line.
    #[value(name = "jsonl")]
    JsonLines,
    /// Names only, one a line.
    Name,
}

/// When colour is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless NO_COLOR is set or TERM is dumb.
    #[default]
    Auto,
    Always,
    Never,
}

macro_rules! words {
    ($name:ident) => {
        impl FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                <Self as ValueEnum>::from_str(text, false).map_err(|_| {
                    let known = Self::value_variants().iter().filter_map(ValueEnum::to_possible_value);
                    let known: Vec<String> = known.map(|word| word.get_name().to_owned()).collect();
                    format!("not one of {}", known.join(", "))
                })
            }
        }
    };
}

words!(Format);
words!(Color);
