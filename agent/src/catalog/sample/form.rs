//! Telling the agent's own samples from other texts, as a server remembers them: with parameters for constants.

use connect_core::label::CONFIDENTIAL_SCHEMA;

use super::COLUMNS;

/// Whether a text is one that the agent may have asked for a sample: all of it, to the last letter. That somebody
/// else asked the same cannot be seen from it.
pub(crate) fn is_sample(text: &str) -> bool {
    Reader(text).sample().is_some_and(str::is_empty)
}

/// What of a text is not read yet. Each step gives `None` where the text is another one.
struct Reader<'a>(&'a str);

impl<'a> Reader<'a> {
    fn sample(mut self) -> Option<&'a str> {
        self.skip("SELECT ")?;
        let mut columns = vec![self.expression()?];
        while self.skip(", ").is_some() {
            columns.push(self.expression()?);
        }
        self.skip(" FROM ")?;
        let schema = self.name()?;
        self.skip(".")?;
        self.name()?;
        // Neither is ever sampled.
        let is_kept_off = matches!(schema, "pg_catalog" | "information_schema" | CONFIDENTIAL_SCHEMA);
        if self.skip(" TABLESAMPLE SYSTEM (").is_some() {
            self.parameter()?;
            self.skip(")")?;
        } else if self.skip(" WHERE ").is_some() {
            let name = self.name()?;
            self.skip(" IS NOT NULL")?;
            if columns != [name] {
                return None;
            }
        }
        self.skip(" LIMIT ")?;
        self.parameter()?;
        (columns.len() <= COLUMNS && !is_kept_off).then_some(self.0)
    }

    /// One of those that `expression` writes: gives its column.
    fn expression(&mut self) -> Option<&'a str> {
        if self.skip("left(format(").is_some() {
            self.parameter()?;
            self.skip(", ")?;
            let name = self.name()?;
            self.skip("), ")?;
            self.parameter()?;
            self.skip(")")?;
            return Some(name);
        }
        if self.skip("substr(").is_some() {
            return self.part("::text, ");
        }
        self.parameter()?;
        self.skip(" || encode(substr(")?;
        let name = self.part("::bytea, ")?;
        self.skip(", ")?;
        self.parameter()?;
        self.skip(")")?;
        Some(name)
    }

    /// The arguments of `substr`, and its end.
    fn part(&mut self, cast: &str) -> Option<&'a str> {
        let name = self.name()?;
        self.skip(cast)?;
        self.parameter()?;
        self.skip(", ")?;
        self.parameter()?;
        self.skip(")")?;
        Some(name)
    }

    /// A name in its quotes, as `quoted` writes it: a quote in it is two. Gives what is between them.
    fn name(&mut self) -> Option<&'a str> {
        self.skip("\"")?;
        let text = self.0;
        let mut end = 0;
        loop {
            end += text.get(end..)?.find('"')?;
            let after = text.get(end + 1..)?;
            if !after.starts_with('"') {
                self.0 = after;
                return text.get(..end).filter(|name| !name.is_empty());
            }
            end += 2;
        }
    }

    fn parameter(&mut self) -> Option<()> {
        self.skip("$")?;
        let rest = self.0.trim_start_matches(|digit: char| digit.is_ascii_digit());
        let is_number = rest.len() < self.0.len();
        self.0 = rest;
        is_number.then_some(())
    }

    fn skip(&mut self, word: &str) -> Option<()> {
        self.0 = self.0.strip_prefix(word)?;
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use connect_core::catalog::{Oid, quoted};
    use tokio_postgres::types::Type;

    use super::{
        super::{Wanted, question},
        *,
    };

    /// As `pg_stat_statements` does for these texts.
    fn remembered(text: &str) -> String {
        let (mut kept, mut number, mut rest) = (String::new(), 0, text);
        while let Some(letter) = rest.chars().next() {
            let length = match letter {
                '"' => 1 + rest[1..].find('"').expect("its end") + 1,
                '\'' => rest[1..].find('\'').expect("its end") + 2,
                '0'..='9' => {
                    rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(rest.len())
                }
                _ => letter.len_utf8(),
            };
            if letter == '\'' || letter.is_ascii_digit() {
                number += 1;
                kept.push_str(&format!("${number}"));
            } else {
                kept.push_str(&rest[..length]);
            }
            rest = &rest[length..];
        }
        kept
    }

    fn wanted(name: &str, base_type: &Type) -> Wanted {
        Wanted { number: 1, name: name.into(), base_type: Oid(base_type.oid()) }
    }

    #[test]
    fn whatever_is_asked_for_a_sample_is_known() {
        let names = ["email", "a, b", "say \"hi\"", "\"", "x) FROM \"y", " LIMIT $1", "größe", "7"];
        for name in names {
            let from = format!("{}.{}", quoted(name), quoted("t, u"));
            for base_type in [Type::TEXT, Type::BYTEA, Type::INT8] {
                let column = wanted(name, &base_type);
                let columns = [wanted("x", &Type::JSONB), column.clone(), wanted("y", &Type::BYTEA)];
                let filled = format!(" WHERE {} IS NOT NULL", quoted(name));
                for text in [
                    question(&from, "", 200, &columns),
                    question(&format!("{from} TABLESAMPLE SYSTEM (0.013000)"), "", 200, &columns),
                    question(&from, &filled, 20, &[column]),
                ] {
                    let text = remembered(&text);
                    assert!(is_sample(&text), "{text}");
                }
            }
        }
    }

    #[test]
    fn what_only_looks_like_one_is_none() {
        let good = "SELECT substr(\"a\"::text, $1, $2) FROM \"s\".\"t\" LIMIT $3";
        assert!(is_sample(good));
        for after in [" OFFSET $4", ";", " ", ", $4", " FOR UPDATE", "x"] {
            assert!(!is_sample(&format!("{good}{after}")), "{after}");
        }
        for other in [
            "SELECT email FROM users LIMIT $1",
            "SELECT \"a\" FROM \"s\".\"t\" LIMIT $1",
            "SELECT $1 || email FROM \"s\".\"t\" LIMIT $2",
            "SELECT $1 FROM \"s\".\"t\" LIMIT $2",
            "SELECT substr(a::text, $1, $2) FROM \"s\".\"t\" LIMIT $3",
            "SELECT substr(\"a\"::text, $1, $2), \"b\" FROM \"s\".\"t\" LIMIT $3",
            "SELECT substr(\"a\"::text, $1, $2) FROM \"s\".\"t\"",
            "SELECT substr(\"a\"::text, $1, $2) FROM \"t\" LIMIT $3",
            "SELECT substr(\"a\"::text, $1, $2) FROM \"s\".\"t\" LIMIT $",
            "SELECT substr(\"a\"::text, $1, $2) FROM \"s\".\"t\" JOIN \"c\".\"d\" ON true LIMIT $3",
            "SELECT substr(\"a\"::text, $1, $2) FROM \"s\".\"t\" WHERE \"b\" IS NOT NULL LIMIT $3",
            "SELECT substr(\"a\"::text, $1, $2) FROM \"s\".\"t\" WHERE \"a\" = $3 LIMIT $4",
            "SELECT substr(\"a\"::text, $1, $2) FROM \"s\".\"t\" UNION ALL SELECT secret FROM \"s\".\"u\" LIMIT $3",
            "SELECT substr(\"a\"::text, $1, $2) FROM \"s\".\"t\" UNION ALL SELECT substr(\"a\"::text, $3, $4) \
             FROM \"s\".\"u\" LIMIT $5",
            "SELECT substr(\"pg_read_file\"($1)::text, $2, $3) FROM \"s\".\"t\" LIMIT $4",
            "SELECT substr((SELECT \"pg_read_file\"($1)), $2, $3) FROM \"s\".\"t\" LIMIT $4",
            "SELECT left(format($1, \"f\"(\"a\")), $2) FROM \"s\".\"t\" LIMIT $3",
            "SELECT substr(\"rolpassword\"::text, $1, $2) FROM \"pg_catalog\".\"pg_authid\" LIMIT $3",
            "SELECT substr(\"\"::text, $1, $2) FROM \"s\".\"t\" LIMIT $3",
            "SELECT substr(\"a",
            "SELECT substr(\"a\"",
            "SELECT substr(\"é",
            "DELETE FROM users",
            "",
        ] {
            assert!(!is_sample(other), "{other}");
        }
        let many = vec!["substr(\"a\"::text, $1, $2)"; COLUMNS + 1].join(", ");
        assert!(!is_sample(&format!("SELECT {many} FROM \"s\".\"t\" LIMIT $3")));
    }
}
