//! The few pages that the browser sees at the end of a sign-in. No script, nothing from elsewhere.

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:32rem;margin:18vh auto;padding:0 1.5rem;\
color:#1d2733;background:#f6f8fa}h1{font-size:1.4rem;margin:0 0 .5rem}p{margin:.25rem 0;color:#4a5766}\
@media(prefers-color-scheme:dark){body{color:#e6edf3;background:#0d1117}p{color:#9aa7b4}}";

/// It worked.
pub(super) fn signed_in(principal: &str) -> Vec<u8> {
    let body =
        format!("<p>as {}</p><p>You can close this page and go back to the terminal.</p>", escape(principal));
    page("200 OK", "You are signed in", &body)
}

/// It did not.
pub(super) fn failed(why: &str) -> Vec<u8> {
    let body = format!("<p>{}</p><p>The terminal says what to do next.</p>", escape(why));
    page("400 Bad Request", "The sign-in did not work", &body)
}

/// An answer, but to somebody else's question.
pub(super) fn not_ours() -> Vec<u8> {
    let body = "<p>This answer does not belong to the sign-in that is under way.</p>\
                <p>Go back to the terminal and use the address that it shows.</p>";
    page("400 Bad Request", "Not this sign-in", body)
}

/// Anything else.
pub(super) fn nothing_here() -> Vec<u8> {
    page("404 Not Found", "Nothing here", "<p>This address only waits for a sign-in to end.</p>")
}

fn page(status: &str, title: &str, body: &str) -> Vec<u8> {
    let html = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>{title}</title>\
         <style>{STYLE}</style><main><h1>{title}</h1>{body}</main></html>"
    );
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\n\
         Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'\r\n\
         Referrer-Policy: no-referrer\r\nX-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\n\
         Connection: close\r\n\r\n",
        html.len()
    );
    format!("{head}{html}").into_bytes()
}

fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_provider_says_cannot_become_markup() {
        let page = String::from_utf8(failed("<script>alert(1)</script>")).expect("text");
        assert!(page.contains("&lt;script&gt;"));
        assert!(!page.contains("<script"));
        assert!(page.contains("default-src 'none'"));
    }
}
