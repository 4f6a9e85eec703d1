//! What keeps two runs from writing one output at the same time.

use std::{os::unix::fs::MetadataExt as _, path::Path};

use connect_shared::error::ErrorReport;

use crate::{
    failure::{self, Outcome},
    paths::Paths,
    private::{Lock, file_name},
};

/// Nobody else's run writes an output while this value is there; it ends with this program, however that ends.
pub(super) struct Claim {
    _own: Lock,
    _machine: Option<machine::Name>,
}

/// Two locks: one in this person's own folder, by the file's whole name, which a sandbox with a network of its own
/// shares; and, on Linux, a name that all people of the machine see. Nothing is put beside the output, where its
/// reader would find it, and the output itself is not locked, since formats such as HDF5 do that themselves.
pub(super) fn claim(paths: &Paths, whole: &Path) -> Outcome<Claim> {
    let own =
        paths.runtime()?.join(format!("output-{}.lock", file_name(whole.as_os_str().as_encoded_bytes())));
    let own = Lock::at_once(&own)?.ok_or_else(|| busy(whole, "another run").help(OWN_OUTPUT))?;
    let name = format!("connect-output-{}", file_name(&place(whole)));
    let machine = machine::take(&name).map_err(|_taken: machine::Taken| {
        busy(whole, "another person's run")
            .help(format!("{OWN_OUTPUT}; as root, `ss -xlp | grep {name}` shows who holds it"))
    })?;
    Ok(Claim { _own: own, _machine: machine })
}

const OWN_OUTPUT: &str = "give each run an output of its own";

fn busy(whole: &Path, who: &str) -> ErrorReport {
    failure::local("output_busy", format!("{who} writes {} now", whole.display()))
}

/// Where a file is, whatever the way to it is called: containers that share a network have folders of one name that
/// are not one folder. That is the nearest folder that is there, by device and number, and the rest of the name. Who
/// makes a folder on the way meanwhile is elsewhere from then on; the person's own lock does not mind.
fn place(whole: &Path) -> Vec<u8> {
    let is_there = |above: &Path| std::fs::metadata(above).ok().map(|about| (about.dev(), about.ino()));
    let nearest = whole.ancestors().skip(1).find_map(|above| Some((above, is_there(above)?)));
    let (rest, (device, number)) = match nearest {
        Some((above, place)) => (whole.strip_prefix(above).unwrap_or(whole), place),
        None => (whole, (0, 0)),
    };
    [&device.to_le_bytes()[..], &number.to_le_bytes(), rest.as_os_str().as_encoded_bytes()].concat()
}

/// Names of sockets without a file: the kernel gives each to one program at a time, whoever's it is.
#[cfg(target_os = "linux")]
mod machine {
    use std::{
        io::ErrorKind,
        os::{
            linux::net::SocketAddrExt as _,
            unix::net::{SocketAddr, UnixListener},
        },
    };

    /// Somebody else has it.
    pub(super) struct Taken;

    pub(super) struct Name {
        _listener: UnixListener,
    }

    /// `None` where the system gives no such names: then there is the person's own lock alone.
    pub(super) fn take(name: &str) -> Result<Option<Name>, Taken> {
        let bound =
            SocketAddr::from_abstract_name(name).and_then(|address| UnixListener::bind_addr(&address));
        match bound {
            Ok(listener) => Ok(Some(Name { _listener: listener })),
            Err(error) if error.kind() == ErrorKind::AddrInUse => Err(Taken),
            Err(error) => {
                tracing::debug!(%error, "an output cannot be claimed among all people of this machine");
                Ok(None)
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod machine {
    /// Never.
    pub(super) enum Taken {}

    pub(super) enum Name {}

    pub(super) fn take(_name: &str) -> Result<Option<Name>, Taken> {
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_output_is_one_runs_whoever_runs_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let people = ["ana", "li"].map(|name| Paths::below(&folder.path().join(name)));
        let output = folder.path().join("model.bin");
        let taken =
            |paths: &Paths| claim(paths, &output).map(|_| ()).map_err(|report| (report.code, report.message));
        let first = claim(&people[0], &output).expect("the first");
        let (code, words) = taken(&people[0]).expect_err("one's own");
        assert!(code == "output_busy" && words.starts_with("another run writes"), "{words}");
        if cfg!(target_os = "linux") {
            let (code, words) = taken(&people[1]).expect_err("another one's");
            assert!(code == "output_busy" && words.starts_with("another person's run writes"), "{words}");
        }
        claim(&people[1], &folder.path().join("other.bin")).expect("another output");
        drop(first);
        taken(&people[1]).expect("free again");
    }

    #[test]
    fn a_file_is_one_whatever_the_way_to_it_is_called_and_another_file_of_one_name_is_another() {
        let folder = tempfile::tempdir().expect("a folder");
        let below = |name: &str| folder.path().join(name);
        for name in ["a", "b"] {
            std::fs::create_dir(below(name)).expect("a folder");
        }
        std::os::unix::fs::symlink(below("a"), below("link")).expect("a link");
        assert_eq!(place(&below("a/model.bin")), place(&below("link/model.bin")));
        assert_eq!(place(&below("a/new/model.bin")), place(&below("link/new/model.bin")));
        assert_ne!(place(&below("a/model.bin")), place(&below("b/model.bin")));
        assert_ne!(place(&below("a/model.bin")), place(&below("a/new/model.bin")));
        // Another folder by the same name, as in another container.
        let before = place(&below("a/model.bin"));
        std::fs::rename(below("a"), below("c")).expect("moved");
        std::fs::rename(below("b"), below("a")).expect("moved");
        assert_ne!(place(&below("a/model.bin")), before);
        assert_eq!(place(&below("c/model.bin")), before);
    }
}
