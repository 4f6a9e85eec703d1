//! What is on this machine: settings, folders, the keychain, programs, ports.

use connect_shared::engine::Engine;

use super::Check;
use crate::{
    application::Application,
    failure::{self, Outcome},
    keep, listen, program,
    settings::Key,
};

/// Settings were read, or we would not be here; what they say may still be wrong.
pub(super) fn settings(application: &Application) -> Vec<Check> {
    let words = || -> Outcome<()> {
        application.settings.word::<crate::console::Format>(Key::Output)?;
        application.settings.word::<crate::console::Color>(Key::Color)?;
        application.settings.word::<keep::Wish>(Key::Keep)?;
        application.settings.word::<listen::PortWish>(Key::Port)?;
        Ok(())
    };
    let runtime = application.paths.runtime().map(|folder| folder.display().to_string());
    vec![
        Check::of("settings", "settings", words(), |()| "all of them are understood".to_owned()),
        Check::of("runtime_folder", "runtime folder", runtime, |folder| format!("{folder} is yours alone")),
    ]
}

/// Keychain, database client, ports.
pub(super) async fn tools(application: &Application) -> Vec<Check> {
    let keychain = tokio::task::spawn_blocking(keep::check_keychain).await;
    let keychain = match keychain {
        Ok(Ok(())) => Check::good("keychain", "keychain", "sign-ins can be kept in it"),
        Ok(Err(report)) => Check::weak("keychain", "keychain", report),
        Err(error) => Check::bad("keychain", "keychain", failure::unexpected(error.to_string())),
    };
    let engine = Engine::PostgreSql;
    vec![keychain, client(engine), port(application, engine).await]
}

fn client(engine: Engine) -> Check {
    let name = engine.client_program();
    match program::find(name) {
        Some(path) => Check::good("client", "database client", format!("{}", path.display())),
        None => {
            let report =
                failure::local("command_not_found", format!("`{name}` is not on PATH (other clients work)"))
                    .help("Debian: apt install postgresql-client");
            Check::weak("client", "database client", report)
        }
    }
}

/// Whether the next resource would get a port.
async fn port(application: &Application, engine: Engine) -> Check {
    let memory = listen::PortMemory::load(&application.paths);
    let wish = Some(listen::PortWish::Auto);
    let found = memory.listen(&application.paths, "", engine.first_local_port(), wish).await;
    Check::of("port", "local port", found, |listener| format!("{} is free", listener.address()))
}
