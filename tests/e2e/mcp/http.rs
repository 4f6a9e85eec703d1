//! The same door over HTTP: to whoever has the token, and to nobody else.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
};

use connect_tests::{
    place,
    process::{Process, Signal},
};
use rmcp::transport::{
    StreamableHttpClientTransport, streamable_http_client::StreamableHttpClientTransportConfig,
};

use super::*;

/// `connect mcp serve --http`.
struct Served {
    process: Process,
    port: u16,
    token: String,
}

impl Served {
    fn of(person: &Person) -> Self {
        let mut command = person.connect(&["mcp", "serve", "--http", "0"]);
        let process = Process::start("connect mcp serve", &mut command).ended_with(Signal::INT);
        let behind = |text: &'static str| {
            process.wait_for(text, |line| {
                line.split_once(text).map(|(_, rest)| rest.split(' ').next().unwrap_or_default().to_owned())
            })
        };
        let port = behind("http://127.0.0.1:").trim_end_matches("/mcp").parse().expect("a port");
        let token = behind("Authorization: Bearer ");
        Self { process, port, token }
    }

    fn assistant(&self, token: &str) -> Result<Assistant, String> {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let about = ClientConfig::new(ClientCapabilities::default(), Implementation::new("far", "3.0"));
        let address = format!("http://127.0.0.1:{}/mcp", self.port);
        let client = runtime.block_on(async {
            let config = StreamableHttpClientTransportConfig::with_uri(address).auth_header(token);
            let transport = StreamableHttpClientTransport::from_config(config);
            about.serve(transport).await.map_err(|error| error.to_string())
        })?;
        Ok(Assistant { runtime, client })
    }

    /// The status of the answer to a request with these lines of head.
    fn status(&self, head: &str) -> String {
        let body = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("connected");
        let request = format!(
            "POST /mcp HTTP/1.1\r\n{head}Content-Type: application/json\r\n\
             Accept: application/json, text/event-stream\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).expect("written");
        let mut answer = Vec::new();
        let _closed = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).split(' ').nth(1).unwrap_or_default().to_owned()
    }
}

#[test]
fn a_program_elsewhere_reads_with_the_token_and_as_its_own_actor() {
    let _set_once = tokio_rustls::rustls::crypto::aws_lc_rs::default_provider().install_default();
    let mut world = World::start();
    let li = world.person("li");
    let served = Served::of(&li);
    let (one, two) =
        (served.assistant(&served.token).expect("one"), served.assistant(&served.token).expect("two"));
    assert_eq!(one.names(), TOOLS);
    let rows = one.query("SELECT id, email FROM customers ORDER BY id LIMIT 3");
    assert_eq!((&rows["status"], &rows["actor"]), (&json!("done"), &json!("far/3.0")), "{rows:#}");
    assert_eq!(rows["masked_positions"], json!([2]));
    assert_eq!(two.query("DELETE FROM scratch")["status"], "denied");
    one.leave();
    assert_eq!(two.query("SELECT 1")["status"], "done");

    // Without it nothing is answered; nor to a page in a browser that has it from somewhere.
    assert!(served.assistant("x").is_err());
    let (host, token) = (format!("Host: 127.0.0.1:{}\r\n", served.port), &served.token);
    let authorized = format!("Authorization: Bearer {token}\r\n");
    let half = &token[..token.len() / 2];
    for (head, expected) in [
        (host.clone(), "401"),
        (format!("{host}Authorization: Bearer {half}\r\n"), "401"),
        (format!("{host}Authorization: Basic {token}\r\n"), "401"),
        (format!("{host}Authorization: Bearer \r\n"), "401"),
        (format!("Host: evil.example\r\n{authorized}"), "403"),
        (format!("{host}{authorized}Origin: http://evil.example\r\n"), "403"),
    ] {
        assert_eq!(served.status(&head), expected, "{head}");
    }
    assert_ne!(served.status(&format!("{host}{authorized}")), "401");
    drop(two);

    // What people look at such servers with, from npm, sees the same both ways.
    let inspector =
        place::of_tests("clients/node_modules/@modelcontextprotocol/inspector/cli/build/index.js")
            .display()
            .to_string();
    let bearer = format!("Authorization: Bearer {token}");
    let address = format!("http://127.0.0.1:{}/mcp", served.port);
    let connect = place::built("connect").display().to_string();
    let ways =
        [vec![address.as_str(), "--transport", "http", "--header", &bearer], vec![&connect, "mcp", "serve"]];
    for way in ways {
        let look = |what: &[&str]| {
            let all = [&[inspector.as_str()], way.as_slice(), what].concat();
            let printed = process::run(&mut li.program(&place::installed("node"), &all)).good();
            assert_eq!(canary::found_in(printed.as_bytes()), None, "{printed}");
            serde_json::from_str::<Value>(&printed).expect("JSON")
        };
        let tools = look(&["--method", "tools/list"]);
        assert_eq!(tools["tools"].as_array().map(Vec::len), Some(TOOLS.len()), "{tools:#}");
        let asked =
            ["--tool-arg", "resource=shop-db", "--tool-arg", "sql=SELECT email FROM customers LIMIT 2"];
        let called = look(&[&["--method", "tools/call", "--tool-name", "query"], &asked[..]].concat());
        let rows = &called["structuredContent"];
        assert_eq!((&rows["status"], &rows["masked_positions"]), (&json!("done"), &json!([1])), "{called:#}");
    }
    drop(served.process);

    // A script reads where it is and the token as an object, and one that was given is not said again.
    let secret = "given-by-whoever-starts-it-0123456789";
    for given in [None, Some(secret)] {
        let mut command = li.connect(&["--json", "mcp", "serve", "--http", "0"]);
        command.envs(given.map(|secret| ("CONNECT_MCP_TOKEN", secret)));
        let process = Process::start("connect mcp serve", &mut command).ended_with(Signal::INT);
        let told = process.wait_for("where it is", |line| serde_json::from_str::<Value>(line).ok());
        let (url, token) = (told["url"].as_str().expect("a URL"), told["token"].as_str());
        let port =
            url.trim_start_matches("http://127.0.0.1:").trim_end_matches("/mcp").parse().expect("a port");
        assert_eq!(
            (told["schema"].as_str(), token.is_none()),
            (Some("connect.mcp_server/1"), given.is_some())
        );
        let token = token.or(given).expect("one of them").to_owned();
        let served = Served { process, port, token };
        served.assistant(&served.token).expect("an assistant").leave();
        assert!(!served.process.transcript().contains(secret));
    }

    world.agent.stop();
    let leaves = leaves::read(&world.agent.log());
    let closed = leaves::of_kind(&leaves, "session_closed").len();
    assert_eq!(closed, leaves::of_kind(&leaves, "session_opened").len(), "a session was left open");
}
