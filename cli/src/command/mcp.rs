//! `connect mcp`: serve an AI agent, or print what its program needs to start us.

use serde_json::json;

use crate::{
    application::{Application, Ending},
    arguments::{Mcp, McpClient},
    failure::{self, Outcome},
    mcp,
};

pub(super) async fn run(application: &Application, command: &Mcp) -> Outcome<Ending> {
    match command {
        Mcp::Serve(wish) => mcp::serve(application, wish).await.map(|()| Ending::Done),
        Mcp::Config { client } => config(application, *client),
    }
}

fn config(application: &Application, client: McpClient) -> Outcome<Ending> {
    let program = std::env::current_exe()
        .map_err(|error| failure::unexpected(failure::reason(&error)))?
        .display()
        .to_string();
    application.console.say(&format!("Add this {}:", place(client)));
    application.console.data(&snippet(client, &program)?)?;
    Ok(Ending::Done)
}

const fn place(client: McpClient) -> &'static str {
    match client {
        McpClient::Claude => "to claude_desktop_config.json (Settings, Developer, Edit Config)",
        McpClient::ClaudeCode => "by running it in the project's folder",
        McpClient::Codex => "to ~/.codex/config.toml",
        McpClient::Cursor => "to .cursor/mcp.json of the project, or to ~/.cursor/mcp.json",
        McpClient::Gemini => "to ~/.gemini/settings.json",
        McpClient::Vscode => "to .vscode/mcp.json of the project",
        McpClient::Windsurf => "to ~/.codeium/windsurf/mcp_config.json",
        McpClient::Zed => "to Zed's settings.json",
    }
}

fn snippet(client: McpClient, program: &str) -> Outcome<String> {
    let server = json!({ "command": program, "args": ["mcp", "serve"] });
    let document = match client {
        McpClient::ClaudeCode => {
            return Ok(format!("claude mcp add connect -- {} mcp serve", quoted(program)));
        }
        McpClient::Codex => {
            let table = |value: &str| toml::Value::String(value.to_owned()).to_string();
            return Ok(format!(
                "[mcp_servers.connect]\ncommand = {}\nargs = [\"mcp\", \"serve\"]",
                table(program)
            ));
        }
        McpClient::Vscode => {
            json!({ "servers": { "connect": { "type": "stdio", "command": program, "args": ["mcp", "serve"] } } })
        }
        McpClient::Zed => json!({ "context_servers": { "connect": server } }),
        McpClient::Claude | McpClient::Cursor | McpClient::Gemini | McpClient::Windsurf => {
            json!({ "mcpServers": { "connect": server } })
        }
    };
    serde_json::to_string_pretty(&document).map_err(|error| failure::unexpected(error.to_string()))
}

/// For a POSIX shell.
fn quoted(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte);
    if text.bytes().all(plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;

    use super::*;

    #[test]
    fn every_client_gets_a_snippet_that_its_own_format_can_read() {
        let path = "/opt/it's \"here\"/connect";
        for client in McpClient::value_variants() {
            let text = snippet(*client, path).expect("a snippet");
            let found = match client {
                McpClient::ClaudeCode => text.ends_with("mcp serve"),
                McpClient::Codex => {
                    let read: toml::Table = toml::from_str(&text).expect("TOML");
                    read["mcp_servers"]["connect"]["command"].as_str() == Some(path)
                }
                _ => {
                    // As each client's own manual has it; under another key it would see no server.
                    let key = match client {
                        McpClient::Vscode => "servers",
                        McpClient::Zed => "context_servers",
                        _ => "mcpServers",
                    };
                    let read: serde_json::Value = serde_json::from_str(&text).expect("JSON");
                    assert_eq!(read.as_object().map(serde_json::Map::len), Some(1), "{text}");
                    read[key]["connect"]["command"] == path
                }
            };
            assert!(found, "{client:?}: {text}");
        }
    }
}
