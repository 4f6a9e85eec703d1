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
        let report = check_variables(|name| (name == "https_proxy").then(|| text.to_owned()));
        let report = report.expect_err(text);
        assert!(report.message.contains("https_proxy"), "{}", report.message);
        assert!(!format!("{report:?}").contains("s3cret"), "{report:?}");
    }
    check_variables(|_| Some(String::new())).expect("empty is as good as unset");
    check_variables(|_| Some("socks5://proxy:1080".to_owned())).expect("a proxy");
}
