//! `connect-agent dev-idp`: the provider alone, for tests and for development against it.

use std::{
    io::{self, Write},
    net::SocketAddr,
};

use super::{
    CLI_CLIENT_ID, DevIdp, DevIdpError, SignIn,
    ending::{AlsoEndsWith, ending},
    people::demo_people,
};

/// Runs an OpenID provider for development: fictional people, no passwords, loopback only.
#[derive(Debug, clap::Args)]
pub struct DevIdpArgs {
    /// Loopback address to listen on; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Client id that may sign people in. Can be given several times.
    #[arg(long = "client-id", value_name = "ID", default_value = CLI_CLIENT_ID)]
    client_ids: Vec<String>,
    /// Lets `login_hint` sign a person in without a page, for scripts without a browser.
    #[arg(long)]
    auto_sign_in: bool,
    /// Ends when standard input closes.
    #[arg(long)]
    until_stdin_closes: bool,
}

/// Prints the issuer as one line on standard output, then serves until it should end.
pub async fn run(args: DevIdpArgs) -> Result<(), DevIdpError> {
    let also = if args.until_stdin_closes { AlsoEndsWith::StandardInput } else { AlsoEndsWith::Nothing };
    let ended = ending(also).map_err(DevIdpError::Signal)?;
    let sign_in = if args.auto_sign_in { SignIn::ByHint } else { SignIn::Page };
    let idp = DevIdp::new(demo_people()).clients(args.client_ids).sign_in(sign_in).start(args.listen).await?;
    let mut output = io::stdout().lock();
    writeln!(output, "{}", idp.issuer).and_then(|()| output.flush()).map_err(DevIdpError::Output)?;
    drop(output);
    ended.await;
    idp.stop().await;
    Ok(())
}
