//! The pages that a person sees. No script, no inline style, nothing from elsewhere; every text is escaped.

use std::fmt;

use axum::{
    http::{HeaderName, StatusCode, header},
    response::{Html, IntoResponse, Response},
};

use super::people::{AccountKind, Person};

/// The only style sheet.
pub const STYLE: &str = include_str!("page/style.css");
/// The small picture of the tab and of the page's head.
pub const MARK: &str = include_str!("page/mark.svg");

/// What the sign-in page shows.
pub struct SignInPage<'a> {
    pub people: &'a [Person],
    pub client: &'a str,
    /// The secret that makes the form ours.
    pub question: &'a str,
    /// Who should come first.
    pub hint: Option<&'a str>,
    /// Who is signed in at this browser.
    pub current: Option<&'a str>,
    /// Where the answer may lead, as a source of the content policy.
    pub form_action: &'a str,
}

/// A page and the addresses that its forms may reach.
#[derive(Debug)]
pub struct Page {
    status: StatusCode,
    html: String,
    form_action: String,
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        let policy = format!(
            "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self' {}; \
             frame-ancestors 'none'; base-uri 'none'",
            self.form_action
        );
        let headers: [(HeaderName, String); 2] =
            [(header::CONTENT_SECURITY_POLICY, policy), (header::REFERRER_POLICY, "same-origin".into())];
        (self.status, headers, Html(self.html)).into_response()
    }
}

/// The list of people, a button each.
pub fn sign_in(page: &SignInPage<'_>) -> Page {
    let mut people: Vec<&Person> = page.people.iter().collect();
    people.sort_by_key(|person| page.hint != Some(person.email.as_str()));
    let buttons: String = people.iter().map(|person| button(person, page.current)).collect();
    let body = format!(
        "<h1>Who are you today?</h1>\n\
         <p class=\"lead\">Choose an account to continue to <strong>{client}</strong>.</p>\n\
         <form method=\"post\" action=\"/sign-in\">\n\
         <input type=\"hidden\" name=\"question\" value=\"{question}\">\n\
         <ul class=\"people\">\n{buttons}</ul>\n</form>\n",
        client = Escaped(page.client),
        question = Escaped(page.question),
    );
    framed("Sign in", &body, page.form_action)
}

fn button(person: &Person, current: Option<&str>) -> String {
    let groups: String = person
        .groups
        .iter()
        .map(|group| format!("<span class=\"group\">{}</span>", Escaped(group)))
        .collect();
    let (shape, kind) = match person.kind {
        AccountKind::Human => ("face", ""),
        AccountKind::Service => ("face service", "<span class=\"group kind\">service account</span>"),
    };
    let here = if current == Some(person.email.as_str()) {
        "<span class=\"group here\">signed in</span>"
    } else {
        ""
    };
    format!(
        "<li><button class=\"person\" name=\"person\" value=\"{email}\">\
         <span class=\"{shape}\" aria-hidden=\"true\">{initials}</span>\
         <span class=\"who\"><span class=\"name\">{name}</span><span class=\"email\">{email}</span>\
         <span class=\"about\">{about}</span><span class=\"groups\">{groups}{kind}{here}</span></span>\
         <span class=\"arrow\" aria-hidden=\"true\">→</span></button></li>\n",
        email = Escaped(&person.email),
        initials = Escaped(&person.initials()),
        name = Escaped(&person.name),
        about = Escaped(&person.about),
    )
}

/// Asks before a sign-out that no token proves to be wanted.
pub fn sign_out(question: &str, form_action: &str) -> Page {
    let body = format!(
        "<h1>Sign out?</h1>\n<p class=\"lead\">This ends the sign-in of this browser.</p>\n\
         <form method=\"post\" action=\"/logout\">\
         <input type=\"hidden\" name=\"question\" value=\"{}\">\
         <button class=\"plain\">Sign out</button></form>\n",
        Escaped(question)
    );
    framed("Sign out", &body, form_action)
}

/// The end of a sign-out that leads nowhere else.
pub fn signed_out() -> Page {
    framed("Signed out", "<h1>Signed out</h1>\n<p class=\"lead\">You can close this window.</p>\n", "")
}

/// For whoever opens the provider's address by hand.
pub fn welcome() -> Page {
    let body = "<h1>Nothing to sign in to</h1>\n<p class=\"lead\">Start in your terminal with \
                <code>connect login</code>: it opens the right page here.</p>\n";
    framed("Welcome", body, "")
}

/// A request that cannot be answered elsewhere.
pub fn refused(why: &str) -> Page {
    let body = format!(
        "<h1>This sign-in cannot go on</h1>\n<p class=\"lead\">{}.</p>\n\
         <p class=\"lead\">Go back to your terminal and start again with <code>connect login</code>.</p>\n",
        Escaped(why)
    );
    Page { status: StatusCode::BAD_REQUEST, ..framed("Cannot sign in", &body, "") }
}

/// Our own failure; its cause is in the log.
pub fn failed() -> Page {
    Page { status: StatusCode::INTERNAL_SERVER_ERROR, ..refused("the provider failed; its log says why") }
}

fn framed(title: &str, body: &str, form_action: &str) -> Page {
    let html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{title} · development identity provider</title>\n\
         <link rel=\"icon\" href=\"/mark.svg\" type=\"image/svg+xml\">\n\
         <link rel=\"stylesheet\" href=\"/style.css\">\n</head>\n<body>\n<main>\n\
         <p class=\"brand\"><img src=\"/mark.svg\" alt=\"\" width=\"28\" height=\"28\">connect</p>\n\
         {body}\
         <p class=\"note\">Development identity provider. Nobody here is real and nothing asks for a \
         password: it runs on this machine only and ends with the command that started it.</p>\n\
         </main>\n</body>\n</html>\n",
        title = Escaped(title),
    );
    Page { status: StatusCode::OK, html, form_action: form_action.to_owned() }
}

/// Text that is safe between tags and in a quoted attribute.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write as _;
        for character in self.0.chars() {
            match character {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                other => f.write_char(other)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_full_of_markup_stays_text() {
        let nasty = "\"><script>alert('&')</script>";
        let person = Person::new(nasty, nasty, &[nasty], nasty);
        let page = sign_in(&SignInPage {
            people: &[person],
            client: nasty,
            question: nasty,
            hint: None,
            current: Some(nasty),
            form_action: "http://127.0.0.1:1",
        });
        assert!(!page.html.contains("<script"), "{}", page.html);
        assert!(page.html.contains("&quot;&gt;&lt;script&gt;alert(&#39;&amp;&#39;)&lt;/script&gt;"));
    }

    #[test]
    fn no_page_has_a_script_or_an_inline_style() {
        for page in [signed_out(), refused("x"), sign_out("q", "")] {
            let handler = page.html.split(" on").skip(1).any(|rest| {
                rest.trim_start_matches(|letter: char| letter.is_ascii_alphabetic()).starts_with('=')
            });
            assert!(
                !page.html.contains("<script") && !page.html.contains("style=") && !handler,
                "{}",
                page.html
            );
        }
    }

    #[test]
    fn the_hinted_person_comes_first() {
        let people = super::super::people::demo_people();
        let page = sign_in(&SignInPage {
            people: &people,
            client: "c",
            question: "q",
            hint: Some("sam@demo.test"),
            current: None,
            form_action: "",
        });
        let place = |email: &str| page.html.find(&format!("value=\"{email}\"")).expect("is listed");
        assert!(place("sam@demo.test") < place("ana@demo.test"));
        assert!(place("ana@demo.test") < place("li@demo.test"));
    }
}
