use super::*;

fn address(text: &str) -> Address {
    text.parse().expect("an address")
}

fn proxy(https: &str, no: &str, agent: &str) -> Outcome<Option<Proxy>> {
    let matcher = Matcher::builder().https(https.to_owned()).no(no.to_owned()).build();
    chosen(&matcher, &address(agent))
}

fn place(https: &str, no: &str, agent: &str) -> Option<String> {
    proxy(https, no, agent).expect("a good one").map(|proxy| proxy.to_string())
}

const AGENT: &str = "https://agent.example.com:7443";

#[test]
fn the_proxy_is_told_without_its_user_and_password() {
    for url in ["http://ana:s3cret@proxy.example.com:3128", "socks5h://ana:s3cret@proxy.example.com:1080"] {
        let proxy = proxy(url, "", AGENT).expect("good").expect("a proxy");
        for shown in
            [proxy.to_string(), format!("{proxy:?}"), proxy.help(&address(AGENT)), clause(Some(&proxy))]
        {
            assert!(!shown.contains("s3cret") && !shown.contains("ana"), "{shown}");
        }
    }
    let told = place("ana:s3cret@proxy.example.com:3128", "", AGENT);
    assert_eq!(told.as_deref(), Some("http://proxy.example.com:3128"), "without a scheme it is http");
}

#[test]
fn what_is_named_to_go_without_a_proxy_does_by_the_rules_of_curl() {
    let goes_alone = |no: &str, agent: &str| place("http://proxy:3128", no, agent).is_none();
    assert!(!goes_alone("", AGENT));
    for no in ["*", "agent.example.com", ".example.com", "example.com", "other.org, example.com"] {
        assert!(goes_alone(no, AGENT), "{no}");
    }
    assert!(!goes_alone("xample.com", AGENT) && !goes_alone("b.example.com", AGENT));
    assert!(
        goes_alone("10.0.0.0/8", "https://10.1.2.3:7443") && !goes_alone("10.0.0.0/8", "https://11.1.2.3")
    );
    assert!(goes_alone("fd00::/8", "https://[fd00::1]:7443"));
}

#[test]
fn what_is_on_this_machine_goes_without_a_proxy() {
    for agent in ["https://127.0.0.1:7443", "https://localhost:7443", "https://[::1]:7443"] {
        assert_eq!(place("http://proxy:3128", "", agent), None, "{agent}");
    }
    let elsewhere = place("http://proxy:3128", "", "https://localhost.example.com:7443");
    assert_eq!(elsewhere.as_deref(), Some("http://proxy:3128"));
}

#[test]
fn a_proxy_that_cannot_carry_a_tunnel_is_refused_and_not_gone_around() {
    for url in
        ["https://ana:s3cret@proxy:3128", "socks4://ana:s3cret@proxy:1080", "socks5h://ana:s3cret@proxy"]
    {
        let report = proxy(url, "", AGENT).expect_err("refused");
        assert_eq!(report.exit.code(), 2, "{url}");
        assert!(!format!("{report:?}").contains("s3cret"), "{report:?}");
    }
}

#[test]
fn a_variable_that_names_no_proxy_is_an_error_that_does_not_show_it() {
    for text in ["ftp://ana:s3cret@proxy:21", "http://", "://s3cret", "http://ana:s3cret@pro xy:3128"] {
        let report = refused(text);
        assert!(report.message.contains("https_proxy"), "{}", report.message);
        assert!(!format!("{report:?}").contains("s3cret"), "{report:?}");
    }
    Surroundings::read(|_| Some(String::new())).expect("empty is as good as unset");
    Surroundings::read(|_| Some("socks5://proxy:1080".to_owned())).expect("a proxy");
}

fn refused(text: &str) -> ErrorReport {
    let read = Surroundings::read(|name| (name == "https_proxy").then(|| text.to_owned()));
    read.err().unwrap_or_else(|| panic!("taken: {text}"))
}

#[test]
fn an_at_in_a_password_shows_no_part_of_it() {
    for text in [
        "http://me:p@ssw0rd@proxy:3128",
        "socks5h://me:p@ssw0rd@proxy:1080",
        "me:p@ssw0rd@proxy:3128",
        "http://ssw0rd:12/3@proxy:3128",
        "http://ssw0rd?3@proxy:3128",
        "http://me:p@ssw0rd/x@proxy:3128",
    ] {
        let report = refused(text);
        assert!(report.message.contains("https_proxy") && report.help[0].contains("%40"), "{report:?}");
        assert!(!format!("{report:?}").contains("ssw0rd"), "{report:?}");
    }
    let report = proxy("http://me:p@ssw0rd@proxy:3128", "", AGENT).expect_err("however it came here");
    assert!(!format!("{report:?}").contains("ssw0rd"), "{report:?}");
    let matcher = Matcher::builder().https("http://me:p@ssw0rd@proxy:3128").build();
    let found = matcher.intercept(&http::Uri::from_static(AGENT)).expect("a proxy");
    let told = Proxy { found, speech: Speech::Http }.to_string();
    assert_eq!(told, "http://proxy:3128");
    let told = place("http://me:p%40ssw0rd@[fd00::1]:3128/", "", AGENT);
    assert_eq!(told.as_deref(), Some("http://[fd00::1]:3128"));
}

/// The proxy that these variables come to.
fn by(variables: &[(&str, &str)], agent: &str) -> Option<String> {
    let value =
        |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, text)| (*text).to_owned());
    let matcher = Surroundings::read(value).expect("good ones").matcher();
    chosen(&matcher, &address(agent)).expect("a good one").map(|proxy| proxy.to_string())
}

#[test]
fn a_variable_that_is_empty_hides_no_other() {
    let proxy = Some("http://p:3128".to_owned());
    assert_eq!(by(&[("HTTPS_PROXY", ""), ("https_proxy", "http://p:3128")], AGENT), proxy);
    assert_eq!(by(&[("HTTPS_PROXY", "p:3128"), ("https_proxy", "http://other:1")], AGENT), proxy);
    assert_eq!(by(&[("https_proxy", ""), ("ALL_PROXY", ""), ("all_proxy", "http://p:3128")], AGENT), proxy);
    assert_eq!(by(&[("https_proxy", "http://p:3128"), ("ALL_PROXY", "http://other:1")], AGENT), proxy);
    let no = [("all_proxy", "http://p:3128"), ("NO_PROXY", ""), ("no_proxy", "agent.example.com")];
    assert_eq!((by(&no, AGENT), by(&no, "https://other.example.com")), (None, proxy));
}

#[tokio::test]
async fn the_http_client_goes_where_the_variables_say_and_not_where_it_would_look_itself() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let text = format!("ana:s3cret@{}", listener.local_addr().expect("its address"));
    let read = Surroundings::read(|name| match name {
        "HTTPS_PROXY" => Some(String::new()),
        "https_proxy" => Some(text.clone()),
        _ => None,
    });
    let _installed_already = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let builder = read.expect("good").around(reqwest::Client::builder()).expect("a proxy");
    let client = builder.build().expect("a client");
    let asked = async {
        let (mut stream, _) = listener.accept().await.expect("somebody");
        let mut head = [0; 25];
        tokio::io::AsyncReadExt::read_exact(&mut stream, &mut head).await.expect("a request");
        String::from_utf8_lossy(&head).into_owned()
    };
    let (head, answer) = tokio::join!(asked, client.get("https://agent.invalid/").send());
    assert_eq!(head, "CONNECT agent.invalid:443");
    assert!(answer.is_err(), "the proxy hung up");
}
