//! A session as a connection profile of a graphical client, in the form that each of them takes.

use clap::ValueEnum;
use connect_shared::engine::Engine;

use super::client::{ClientSettings, encode};
use crate::failure::{self, Outcome};

/// Clients whose profiles we know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Program {
    /// The value of `dbeaver -con`
    Dbeaver,
    /// For the clipboard: New | Add data sources from clipboard
    Datagrip,
    /// A file for Tools | Import/Export Servers
    Pgadmin,
    /// A link that opens it
    Tableplus,
}

/// The profile of an open session, under the name of its resource.
pub(crate) fn profile(program: Program, name: &str, client: &ClientSettings) -> Outcome<String> {
    if client.host.starts_with('/') {
        return Err(failure::usage("this session is on a Unix socket, and graphical clients want a port")
            .help(format!("connect open {name} --port auto")));
    }
    Ok(match program {
        Program::Dbeaver => dbeaver(name, client),
        Program::Datagrip => datagrip(name, client),
        Program::Pgadmin => pgadmin(name, client),
        Program::Tableplus => tableplus(name, client),
    })
}

/// Any user does; one with a character that would end the value is not worth an error.
fn dbeaver(name: &str, client: &ClientSettings) -> String {
    let plain = |text: &str| text.replace(['|', '\n'], "_");
    let driver = match client.engine {
        Engine::PostgreSql => "postgresql",
    };
    format!(
        "driver={driver}|name={}|host={}|port={}|database={}|user={}|prop.sslmode=disable|save=true|connect=true",
        plain(name),
        client.host,
        client.port,
        plain(&client.database),
        plain(&client.principal)
    )
}

fn datagrip(name: &str, client: &ClientSettings) -> String {
    let (driver, class, scheme) = match client.engine {
        Engine::PostgreSql => ("postgresql", "org.postgresql.Driver", "postgresql"),
    };
    let url = format!("jdbc:{scheme}://{}:{}/{}", client.host, client.port, encode(&client.database));
    format!(
        "#DataSourceSettings#\n#LocalDataSource: {title}\n#BEGIN#\n\
         <data-source source=\"LOCAL\" name=\"{title}\">\n  <driver-ref>{driver}</driver-ref>\n  \
         <synchronize>true</synchronize>\n  <jdbc-driver>{class}</jdbc-driver>\n  <jdbc-url>{url}</jdbc-url>\n  \
         <user-name>{user}</user-name>\n</data-source>\n#END#\n",
        title = xml(name),
        user = xml(&client.principal),
        url = xml(&url),
    )
}

fn pgadmin(name: &str, client: &ClientSettings) -> String {
    let server = serde_json::json!({
        "Name": name, "Group": "connect", "Host": client.host, "Port": client.port,
        "MaintenanceDB": client.database, "Username": client.principal,
        "ConnectionParameters": {"sslmode": "disable"},
    });
    let servers = serde_json::json!({"Servers": {"1": server}});
    serde_json::to_string_pretty(&servers).unwrap_or_default() + "\n"
}

fn tableplus(name: &str, client: &ClientSettings) -> String {
    format!("{}&name={}&env=production", client.url(), encode(name))
}

fn xml(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control()).fold(String::new(), |mut escaped, letter| {
        match letter {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '"' => escaped.push_str("&quot;"),
            other => escaped.push(other),
        }
        escaped
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::listen::LocalAddress;

    fn client(address: &LocalAddress, principal: &str) -> ClientSettings {
        ClientSettings::new(Engine::PostgreSql, address, "shop", principal)
    }

    #[test]
    fn each_client_gets_the_form_that_it_takes() {
        let client = client(&LocalAddress::Port(15432), "ana@example.com");
        let all = [Program::Dbeaver, Program::Datagrip, Program::Pgadmin, Program::Tableplus];
        let shown = all.map(|program| profile(program, "prod-db", &client).expect("a profile"));
        insta::assert_snapshot!(shown.join("\n"));
    }

    #[test]
    fn no_name_says_more_than_a_value() {
        let client = client(&LocalAddress::Port(15432), "auth0|<&\"x\nhost=evil");
        let dbeaver = profile(Program::Dbeaver, "prod-db", &client).expect("a profile");
        assert!(dbeaver.contains("user=auth0_<&\"x_host=evil|"), "{dbeaver}");
        let datagrip = profile(Program::Datagrip, "prod-db", &client).expect("a profile");
        assert!(datagrip.contains("<user-name>auth0|&lt;&amp;&quot;xhost=evil</user-name>"), "{datagrip}");
    }

    #[test]
    fn a_session_on_a_socket_has_no_profile() {
        let client = client(&LocalAddress::Socket("/run/x/.s.PGSQL.5432".into()), "ana");
        assert_eq!(profile(Program::Dbeaver, "prod-db", &client).expect_err("no port").exit.code(), 2);
    }
}
