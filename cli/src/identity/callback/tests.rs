use super::*;

const STATE: &str = "state-of-this-sign-in";
const ISSUER: &str = "https://id.example.com";

fn expected() -> Expected {
    Expected { state: STATE.to_owned(), issuer: ISSUER.to_owned(), issuer_required: false }
}

fn read_target(target: &str, expected: &Expected) -> Reading {
    let head = format!("GET {target} HTTP/1.1\r\nHost: 127.0.0.1:9\r\n\r\n");
    let request = Request::parse(head.as_bytes()).flatten().expect("a request");
    request.answer("127.0.0.1:9", expected)
}

fn code(text: &str) -> Reading {
    Reading::Answer(Answer::Code(text.to_owned()))
}

#[test]
fn the_code_with_our_state_is_the_answer() {
    assert_eq!(read_target("/callback?code=abc&state=state-of-this-sign-in", &expected()), code("abc"));
    let more = "/callback?code=a%2Bb&state=state-of-this-sign-in&session_state=x&scope=openid";
    assert_eq!(read_target(more, &expected()), code("a+b"), "unknown parameters are ignored");
}

#[test]
fn another_state_an_empty_one_and_none_are_no_answer() {
    for query in ["code=abc&state=other", "code=abc&state=", "code=abc", "state=state-of-this-sign-in", ""] {
        assert_eq!(read_target(&format!("/callback?{query}"), &expected()), Reading::Bad, "{query}");
    }
}

#[test]
fn a_parameter_that_is_there_twice_is_no_answer() {
    for extra in ["code=b", "state=state-of-this-sign-in", "error=x", "iss=https://id.example.com&iss=a"] {
        let target = format!("/callback?code=abc&state={STATE}&{extra}");
        assert_eq!(read_target(&target, &expected()), Reading::Bad, "{extra}");
    }
}

#[test]
fn an_answer_of_another_issuer_is_no_answer() {
    let with = |issuer: &str| format!("/callback?code=abc&state={STATE}&iss={issuer}");
    assert_eq!(read_target(&with("https%3A%2F%2Fid.example.com"), &expected()), code("abc"));
    assert_eq!(read_target(&with("https%3A%2F%2Fevil.example"), &expected()), Reading::Bad);
    let strict = Expected { issuer_required: true, ..expected() };
    assert_eq!(read_target(&format!("/callback?code=abc&state={STATE}"), &strict), Reading::Bad);
}

#[test]
fn a_refusal_by_the_provider_is_an_answer_only_with_our_state() {
    let refused = Answer::Refused { error: "access_denied".into(), description: Some("not today".into()) };
    let target = format!("/callback?error=access_denied&error_description=not+today&state={STATE}");
    assert_eq!(read_target(&target, &expected()), Reading::Answer(refused));
    assert_eq!(read_target("/callback?error=access_denied&state=x", &expected()), Reading::Bad);
}

#[test]
fn another_path_host_or_method_is_no_answer() {
    for target in ["/", "/callback/", "/Callback", "/favicon.ico", "/a/../callbac"] {
        let target = format!("{target}?code=abc&state={STATE}");
        assert_eq!(read_target(&target, &expected()), Reading::Nothing, "{target}");
    }
    let request = |head: String| Request::parse(head.as_bytes()).flatten().expect("a request");
    let target = format!("/callback?code=abc&state={STATE}");
    let other_host = request(format!("GET {target} HTTP/1.1\r\nHost: evil.example:9\r\n\r\n"));
    assert_eq!(other_host.answer("127.0.0.1:9", &expected()), Reading::Nothing);
    let no_host = request(format!("GET {target} HTTP/1.1\r\n\r\n"));
    assert_eq!(no_host.answer("127.0.0.1:9", &expected()), Reading::Nothing);
    let post = request(format!("POST {target} HTTP/1.1\r\nHost: 127.0.0.1:9\r\n\r\n"));
    assert_eq!(post.answer("127.0.0.1:9", &expected()), Reading::Bad);
}

#[test]
fn what_has_not_the_form_of_a_request_is_dropped() {
    for head in ["\u{1}\u{2}\r\n\r\n", "GET /\r\n\r\n", "GET x HTTP/1.1\r\n\r\n", "GET / HTTP/2\r\n\r\n"] {
        assert_eq!(Request::parse(head.as_bytes()), None, "{head:?}");
    }
    let twice = "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n";
    assert_eq!(Request::parse(twice.as_bytes()), None);
    assert_eq!(Request::parse(b"GET / HTTP/1.1\r\nHost"), Some(None), "more is to come");
}

async fn get(address: SocketAddr, target: &str) -> String {
    let mut stream = TcpStream::connect(address).await.expect("connected");
    let head = format!("GET {target} HTTP/1.1\r\nHost: {address}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("read");
    answer
}

#[tokio::test]
async fn strangers_cannot_end_the_waiting_and_a_replayed_answer_finds_nobody() {
    let callback = Callback::listen().await.expect("listening");
    let address = callback.address;
    let waiting = tokio::spawn(async move { callback.answer(&expected()).await });
    assert!(get(address, "/callback?code=evil&state=guess").await.starts_with("HTTP/1.1 400"));
    assert!(get(address, "/favicon.ico").await.starts_with("HTTP/1.1 404"));
    let good = format!("/callback?code=abc&state={STATE}");
    let browser = tokio::spawn(async move { get(address, &good).await });
    let (answer, visitor) = waiting.await.expect("no panic").expect("an answer");
    assert_eq!(answer, Answer::Code("abc".into()));
    visitor.show(Ok("ana@example.com")).await;
    assert!(browser.await.expect("no panic").contains("ana@example.com"));
    assert!(TcpStream::connect(address).await.is_err(), "the port is closed after the answer");
}

#[tokio::test]
async fn a_visitor_that_says_nothing_holds_nobody_up() {
    let callback = Callback::listen().await.expect("listening");
    let address = callback.address;
    let waiting = tokio::spawn(async move { callback.answer(&expected()).await });
    let _silent = TcpStream::connect(address).await.expect("connected");
    let good = format!("/callback?code=abc&state={STATE}");
    let browser = tokio::spawn(async move { get(address, &good).await });
    let (_, visitor) = waiting.await.expect("no panic").expect("an answer");
    visitor.show(Err("no")).await;
    assert!(browser.await.expect("no panic").starts_with("HTTP/1.1 400"));
}
