//! Croissant 1.0 with its vocabulary for responsible AI 1.0: files as a dataset, and what of people is in them.
//! The format has no words for columns of a database that is not given away, so those are named as what the
//! dataset is based on (`isBasedOn` of schema.org).

use std::collections::BTreeSet;

use connect_shared::{api::NodeKind, attest::FolderFile};
use serde_json::{Value, json};

use crate::command::lineage::graph::{File, Graph};

pub(in crate::command::lineage) fn croissant(graph: &Graph<'_>) -> Value {
    let files = graph.files();
    let distribution: Vec<Value> = files.iter().flat_map(objects).collect();
    let based_on: Vec<Value> = graph
        .tables()
        .into_iter()
        .map(|((resource, table), columns)| {
            json!({
                "@type": "sc:Dataset",
                "name": format!("{resource}/{table}"),
                "variableMeasured": columns.into_iter().collect::<Vec<_>>(),
            })
        })
        .collect();
    let names: Vec<&str> = files.iter().map(|file| file.node.name.as_str()).collect();
    json!({
        "@context": context(),
        "@type": "sc:Dataset",
        "name": names.first().copied().unwrap_or("lineage"),
        "description": format!(
            "{}. What it was made from, by the log {} of {} entries; statements that are not understood: {}.{}{}",
            names.join(", "),
            graph.answer.origin,
            graph.answer.indexed,
            graph.answer.gaps.iter().map(|gap| gap.statements).sum::<u64>(),
            unlisted(&files),
            outside(graph),
        ),
        "conformsTo": ["http://mlcommons.org/croissant/1.0", "http://mlcommons.org/croissant/RAI/1.0"],
        "distribution": distribution,
        "isBasedOn": based_on,
        "rai:personalSensitiveInformation": personal(graph),
        "rai:dataManipulationProtocol": masks(graph),
    })
}

/// A file, or every file in a folder: the format has no word for the hash of a folder.
fn objects(file: &File<'_>) -> Vec<Value> {
    let object = |id: String, name: &str, sha256: &str| {
        json!({
            "@type": "cr:FileObject",
            "@id": id,
            "name": name,
            "contentUrl": name,
            "encodingFormat": "application/octet-stream",
            "sha256": sha256,
        })
    };
    if file.files.is_none() {
        return vec![object(format!("sha256:{}", file.hash), &file.node.name, file.hash)];
    }
    // Two files of one content are two.
    let inside = |(number, one): (usize, &FolderFile)| {
        object(format!("dirHash:{}#{number}", file.hash), &file.path(one), &one.sha256)
    };
    file.within.iter().enumerate().map(inside).collect()
}

/// What no object stands for.
fn unlisted(files: &[File<'_>]) -> String {
    let unlisted = files.iter().filter(|file| file.is_unlisted()).map(|file| {
        format!(" The files of {} are not listed here: its dirHash is {}.", file.node.name, file.hash)
    });
    unlisted.collect()
}

/// Columns with values of which only who wrote them is known.
fn outside(graph: &Graph<'_>) -> String {
    let columns: Vec<String> = graph.outside().into_keys().collect();
    match columns.is_empty() {
        true => String::new(),
        false => format!(" With values that people wrote, from where is not known: {}.", columns.join(", ")),
    }
}

/// Columns with a label that are in a file somehow.
fn personal(graph: &Graph<'_>) -> Vec<String> {
    let labelled = graph.answer.nodes.iter().filter_map(|node| match &node.kind {
        NodeKind::Column { resource, label: Some(label), .. } => {
            Some(format!("{resource}/{}: {label}", node.name))
        }
        _ => None,
    });
    labelled.collect()
}

/// What was done to them on the way.
fn masks(graph: &Graph<'_>) -> Vec<String> {
    let masked = graph.answer.edges.iter().filter_map(|edge| {
        let label = edge.masked.as_ref()?;
        let column = graph.node(&edge.from)?;
        Some(format!("{} was replaced by keyed masks ({label})", column.name))
    });
    masked.collect::<BTreeSet<_>>().into_iter().collect()
}

/// The words of the format, as its specification has them.
fn context() -> Value {
    json!({
        "@language": "en",
        "@vocab": "https://schema.org/",
        "citeAs": "cr:citeAs",
        "column": "cr:column",
        "conformsTo": "dct:conformsTo",
        "cr": "http://mlcommons.org/croissant/",
        "rai": "http://mlcommons.org/croissant/RAI/",
        "data": { "@id": "cr:data", "@type": "@json" },
        "dataType": { "@id": "cr:dataType", "@type": "@vocab" },
        "dct": "http://purl.org/dc/terms/",
        "examples": { "@id": "cr:examples", "@type": "@json" },
        "extract": "cr:extract",
        "field": "cr:field",
        "fileProperty": "cr:fileProperty",
        "fileObject": "cr:fileObject",
        "fileSet": "cr:fileSet",
        "format": "cr:format",
        "includes": "cr:includes",
        "isLiveDataset": "cr:isLiveDataset",
        "jsonPath": "cr:jsonPath",
        "key": "cr:key",
        "md5": "cr:md5",
        "parentField": "cr:parentField",
        "path": "cr:path",
        "recordSet": "cr:recordSet",
        "references": "cr:references",
        "regex": "cr:regex",
        "repeated": "cr:repeated",
        "replace": "cr:replace",
        "sc": "https://schema.org/",
        "separator": "cr:separator",
        "source": "cr:source",
        "subField": "cr:subField",
        "transform": "cr:transform",
    })
}
