//! A reader of the published log that shares no code with the agent or the verifier: entry bundles are
//! 16-bit lengths and JSON, 256 to a full bundle (C2SP tlog-tiles).

use std::{fs, path::Path, process::Command};

use serde_json::Value;

use crate::process;

/// All leaves below a log's public folder, in order.
///
/// # Panics
/// The folder is not a log.
#[must_use]
pub fn read(log: &Path) -> Vec<Value> {
    let checkpoint = fs::read_to_string(log.join("checkpoint")).expect("a log has a checkpoint");
    let size: usize = checkpoint.lines().nth(1).and_then(|size| size.parse().ok()).expect("a size");
    let mut leaves = Vec::with_capacity(size);
    for bundle in 0..size.div_ceil(256) {
        let width = (size - bundle * 256).min(256);
        let partial = if width == 256 { String::new() } else { format!(".p/{width}") };
        let path = log.join("tile/entries").join(format!("{}{partial}", index_path(bundle)));
        let bytes = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        leaves.extend(split(&bytes));
    }
    assert_eq!(leaves.len(), size);
    leaves
}

/// A copy of a log that a test may keep, or damage.
///
/// # Panics
/// It cannot be made.
pub fn copy(log: &Path, to: &Path) {
    process::run(Command::new("cp").arg("-a").arg(log).arg(to)).good();
}

/// Leaves of one kind.
#[must_use]
pub fn of_kind<'a>(leaves: &'a [Value], kind: &str) -> Vec<&'a Value> {
    leaves.iter().filter(|leaf| leaf["kind"] == kind).collect()
}

fn index_path(index: usize) -> String {
    match index / 1000 {
        0 => format!("{index:03}"),
        thousands => format!("x{thousands:03}/{:03}", index % 1000),
    }
}

fn split(mut bundle: &[u8]) -> Vec<Value> {
    let mut leaves = Vec::new();
    while let [high, low, rest @ ..] = bundle {
        let (leaf, rest) = rest.split_at(usize::from(u16::from_be_bytes([*high, *low])));
        leaves.push(serde_json::from_slice(leaf).expect("a leaf is JSON"));
        bundle = rest;
    }
    leaves
}
