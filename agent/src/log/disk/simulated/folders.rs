//! Names: in the cache, and on the platter.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

use super::Dice;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Child {
    File(usize),
    Folder,
}

/// A change of names that no sync of the folder has covered.
#[derive(Debug)]
enum Pending {
    Link(String, Child),
    Unlink(String),
    /// Both names change together or not at all.
    Rename(String, String, Child),
}

#[derive(Debug, Default)]
struct Folder {
    cached: BTreeMap<String, Child>,
    platter: BTreeMap<String, Child>,
    pending: Vec<Pending>,
}

impl Folder {
    fn change(&mut self, change: Pending) {
        apply(&mut self.cached, &change);
        self.pending.push(change);
    }
}

fn apply(names: &mut BTreeMap<String, Child>, change: &Pending) {
    match change {
        Pending::Link(name, child) => {
            names.insert(name.clone(), *child);
        }
        Pending::Unlink(name) => {
            names.remove(name);
        }
        Pending::Rename(from, to, child) => {
            names.remove(from);
            names.insert(to.clone(), *child);
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Folders(BTreeMap<PathBuf, Folder>);

fn not_found() -> io::Error {
    io::ErrorKind::NotFound.into()
}

fn split(path: &Path) -> io::Result<(&Path, &str)> {
    let name = path.file_name().and_then(|name| name.to_str());
    path.parent().zip(name).ok_or_else(not_found)
}

impl Folders {
    /// A folder that is simply there.
    pub(super) fn mount(&mut self, root: &Path) {
        self.0.insert(root.to_owned(), Folder::default());
    }

    pub(super) fn is_folder(&self, path: &Path) -> bool {
        self.0.contains_key(path)
    }

    pub(super) fn has_folder_of(&self, path: &Path) -> io::Result<()> {
        let (folder, _) = split(path)?;
        if self.is_folder(folder) { Ok(()) } else { Err(not_found()) }
    }

    pub(super) fn file(&self, path: &Path) -> io::Result<usize> {
        let (folder, name) = split(path)?;
        match self.0.get(folder).and_then(|folder| folder.cached.get(name)) {
            Some(Child::File(id)) => Ok(*id),
            Some(Child::Folder) => Err(io::ErrorKind::IsADirectory.into()),
            None => Err(not_found()),
        }
    }

    fn folder_of<'a>(&mut self, path: &'a Path) -> io::Result<(&mut Folder, &'a str)> {
        let (folder, name) = split(path)?;
        self.0.get_mut(folder).map(|folder| (folder, name)).ok_or_else(not_found)
    }

    pub(super) fn link(&mut self, path: &Path, id: usize) -> io::Result<()> {
        let (folder, name) = self.folder_of(path)?;
        folder.change(Pending::Link(name.to_owned(), Child::File(id)));
        Ok(())
    }

    pub(super) fn unlink(&mut self, path: &Path) -> io::Result<()> {
        let (folder, name) = self.folder_of(path)?;
        folder.change(Pending::Unlink(name.to_owned()));
        Ok(())
    }

    /// Within one folder, as all of the log's are.
    pub(super) fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        let id = self.file(from)?;
        let (_, to) = split(to)?;
        let (folder, from) = self.folder_of(from)?;
        folder.change(Pending::Rename(from.to_owned(), to.to_owned(), Child::File(id)));
        Ok(())
    }

    pub(super) fn create_folders(&mut self, path: &Path) -> io::Result<()> {
        if self.is_folder(path) {
            return Ok(());
        }
        let (above, name) = split(path)?;
        self.create_folders(above)?;
        let (above, _) = self.folder_of(path)?;
        above.change(Pending::Link(name.to_owned(), Child::Folder));
        self.0.insert(path.to_owned(), Folder::default());
        Ok(())
    }

    pub(super) fn remove_folder(&mut self, path: &Path) -> io::Result<()> {
        self.unlink(path)?;
        self.0.retain(|folder, _| !folder.starts_with(path));
        Ok(())
    }

    pub(super) fn sync(&mut self, path: &Path) {
        if let Some(folder) = self.0.get_mut(path) {
            folder.platter = folder.cached.clone();
            folder.pending.clear();
        }
    }

    pub(super) fn names(&self, path: &Path) -> io::Result<Vec<String>> {
        Ok(self.0.get(path).ok_or_else(not_found)?.cached.keys().cloned().collect())
    }

    pub(super) fn lose_power(&mut self, dice: &mut Dice, survives: u64) {
        for folder in self.0.values_mut() {
            for change in std::mem::take(&mut folder.pending) {
                if dice.percent(survives) {
                    apply(&mut folder.platter, &change);
                }
            }
            folder.cached = folder.platter.clone();
        }
        // A folder without a name is gone, with all that is below it.
        let gone: Vec<PathBuf> = self.0.keys().filter(|path| self.is_lost(path)).cloned().collect();
        self.0.retain(|path, _| !gone.iter().any(|gone| path.starts_with(gone)));
        // A name without a folder: it was removed, and that survived while the removal of its name did not.
        let there: Vec<PathBuf> = self.0.keys().cloned().collect();
        for (path, folder) in &mut self.0 {
            let is_there = |name: &String| there.binary_search(&path.join(name)).is_ok();
            folder.cached.retain(|name, child| *child != Child::Folder || is_there(name));
            folder.platter = folder.cached.clone();
        }
    }

    fn is_lost(&self, path: &Path) -> bool {
        let Ok((above, name)) = split(path) else { return false };
        self.0.get(above).is_some_and(|above| above.cached.get(name) != Some(&Child::Folder))
    }
}
