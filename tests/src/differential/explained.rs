//! Disagreements that somebody has looked into.

/// Statements on which both sides may differ, with the reason.
#[derive(Debug, Default)]
pub struct Explained(Vec<(String, String)>);

impl Explained {
    /// Reads paragraphs: a statement, then lines that start with `--` and say why.
    ///
    /// # Panics
    /// A statement stands without a reason.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let paragraphs = text.split("\n\n").map(str::trim).filter(|paragraph| !paragraph.is_empty());
        let one = |paragraph: &str| {
            let (reasons, sql): (Vec<&str>, Vec<&str>) =
                paragraph.lines().partition(|line| line.starts_with("--"));
            assert!(!reasons.is_empty(), "a disagreement is listed without a reason: {paragraph}");
            (sql.join("\n"), reasons.join("\n"))
        };
        Self(paragraphs.map(one).filter(|(sql, _)| !sql.is_empty()).collect())
    }

    /// Why a statement may differ.
    #[must_use]
    pub fn reason(&self, sql: &str) -> Option<&str> {
        self.0.iter().find(|(own, _)| own == sql.trim()).map(|(_, reason)| reason.as_str())
    }
}
