//! Where the local programs of a session connect.

use std::{
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use connect_shared::engine::Engine;
use tempfile::TempDir;

use super::{LocalWish, Request};
use crate::{
    application::Application,
    failure::{self, Outcome},
    listen::{Listener, PortMemory},
};

/// Longest path of a Unix socket that every system takes.
const MAX_SOCKET_PATH: usize = 100;

pub(super) async fn listen(
    application: &Application,
    request: &Request,
    engine: Engine,
) -> Outcome<(Listener, Option<TempDir>)> {
    match &request.local {
        LocalWish::Port(wish) => {
            let memory = PortMemory::load(&application.paths);
            let name = request.target.full_name();
            let listener = memory.listen(&application.paths, &name, engine.first_local_port(), *wish).await?;
            Ok((listener, None))
        }
        LocalWish::Socket(path) => {
            let path =
                if path.is_dir() { path.join(engine.socket_name(engine.usual_port())) } else { path.clone() };
            Ok((Listener::unix(&absolute(&path)?)?, None))
        }
        LocalWish::Private => {
            let name = engine.socket_name(engine.usual_port());
            let folder = private_folder(application, &name)?;
            let listener = Listener::unix(&folder.path().join(name))?;
            Ok((listener, Some(folder)))
        }
    }
}

/// A folder of mode 0700 whose socket has a path short enough for every system.
fn private_folder(application: &Application, name: &str) -> Outcome<TempDir> {
    let problem = |error: std::io::Error| {
        failure::local("runtime_folder", format!("cannot make a private folder: {}", failure::reason(&error)))
    };
    let private = std::fs::Permissions::from_mode(0o700);
    let make = |below: &Path| {
        tempfile::Builder::new().prefix("s-").permissions(private.clone()).tempdir_in(below).map_err(problem)
    };
    let folder = make(application.paths.runtime()?)?;
    if folder.path().join(name).as_os_str().len() <= MAX_SOCKET_PATH {
        return Ok(folder);
    }
    make(&std::env::temp_dir())
}

fn absolute(path: &Path) -> Outcome<PathBuf> {
    std::path::absolute(path).map_err(|error| failure::file("use", path, &error))
}
