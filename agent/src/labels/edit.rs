//! Changes one line of the configuration, and leaves every other as it is, comments included.

use std::{
    fs,
    io::{self, Write as _},
    os::unix::fs::{MetadataExt as _, fchown},
    path::Path,
};

use connect_shared::error::{ErrorReport, Exit};
use toml_edit::{DocumentMut, Item, Table, value};

use crate::config::Config;

/// Writes `column = label` into the labels of a resource, if the configuration is good with it.
///
/// # Errors
/// It would not be, or the file cannot be replaced.
pub(super) fn set(path: &Path, resource: &str, column: &str, label: &str) -> Result<(), ErrorReport> {
    let text = fs::read_to_string(path).map_err(|error| local(path, &error))?;
    let changed = changed(&text, resource, column, label)?;
    let base = path.parent().unwrap_or(Path::new(""));
    Config::parse(&changed, base, &|name| std::env::var(name).ok()).map_err(|problems| {
        let words: Vec<String> = problems.iter().map(ToString::to_string).collect();
        ErrorReport::new("config_invalid", Exit::Usage, words.join("\n"))
    })?;
    replace(path, &changed).map_err(|error| local(path, &error))?;
    let said = writeln!(io::stdout(), "{column} of {resource} is {label} when the agent starts again");
    said.map_err(|error| {
        ErrorReport::new("output", Exit::Local, format!("cannot write to standard output: {error}"))
    })
}

fn changed(text: &str, resource: &str, column: &str, label: &str) -> Result<String, ErrorReport> {
    let broken = |error: toml_edit::TomlError| {
        ErrorReport::new("config_invalid", Exit::Usage, format!("the configuration is no TOML: {error}"))
    };
    let mut document: DocumentMut = text.parse().map_err(broken)?;
    let resources = document.get_mut("resource").and_then(Item::as_array_of_tables_mut);
    let named = |table: &&mut Table| table.get("name").and_then(Item::as_str) == Some(resource);
    let table = resources.and_then(|all| all.iter_mut().find(named)).ok_or_else(|| {
        let message = format!("the configuration has no `[[resource]]` with the name `{resource}`");
        ErrorReport::new("unknown_resource", Exit::NotFound, message)
    })?;
    let labels = table.entry("labels").or_insert_with(|| Item::Table(Table::new()));
    let labels = labels.as_table_like_mut().ok_or_else(|| {
        ErrorReport::new("config_invalid", Exit::Usage, "`labels` is no table of the configuration")
    })?;
    labels.insert(column, value(label));
    Ok(document.to_string())
}

/// As a whole or not at all, with the owner and the permissions that the file has.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    // What stands behind a link is meant, not the link.
    let path = path.canonicalize()?;
    let folder = path.parent().unwrap_or(Path::new("/"));
    let mut new = tempfile::NamedTempFile::new_in(folder)?;
    new.write_all(text.as_bytes())?;
    let before = fs::metadata(&path)?;
    let own = new.as_file().metadata()?;
    if (before.uid(), before.gid()) != (own.uid(), own.gid()) {
        // Whoever reads it as its owner or by its group must be able to go on.
        fchown(new.as_file(), Some(before.uid()), Some(before.gid()))?;
    }
    new.as_file().set_permissions(before.permissions())?;
    new.as_file().sync_all()?;
    new.persist(&path)?;
    Ok(())
}

fn local(path: &Path, error: &io::Error) -> ErrorReport {
    ErrorReport::new("config_unreadable", Exit::Local, format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEFORE: &str = "# ours\n[[resource]]\nname = \"a\"\n\n[[resource]]\nname = \"b\" # the other\n[resource.labels]\n\"x.y.z\" = \"secret\" # kept\n";

    #[test]
    fn the_file_keeps_its_permissions_and_a_link_stays_one() {
        use std::os::unix::fs::{PermissionsExt as _, symlink};
        let folder = tempfile::tempdir().expect("a folder");
        let (file, link) = (folder.path().join("real.toml"), folder.path().join("agent.toml"));
        fs::write(&file, "before").expect("written");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).expect("our own file");
        symlink(&file, &link).expect("a link");
        replace(&link, "after").expect("replaced");
        assert_eq!(fs::read_to_string(&file).expect("a file"), "after");
        assert_eq!(fs::metadata(&file).expect("a file").permissions().mode() & 0o777, 0o640);
        assert!(fs::symlink_metadata(&link).expect("a link").is_symlink());
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 2, "nothing is left beside it");
    }

    #[test]
    fn a_line_is_added_or_replaced_and_the_rest_is_as_it_was() {
        let added = changed(BEFORE, "b", "public.t.c", "clear").expect("it has the resource");
        assert_eq!(added, format!("{BEFORE}\"public.t.c\" = \"clear\"\n"));
        let replaced = changed(&added, "b", "public.t.c", "pii.email").expect("it has the resource");
        assert_eq!(replaced, added.replace("\"clear\"", "\"pii.email\""));
        let first = changed(BEFORE, "a", "public.*", "confidential").expect("it has the resource");
        assert!(first.contains("[resource.labels]\n\"public.*\" = \"confidential\"\n"), "{first}");
        assert!(first.starts_with("# ours\n") && first.contains("# kept"), "{first}");
        assert!(changed(BEFORE, "c", "x.y.z", "clear").is_err());
    }
}
