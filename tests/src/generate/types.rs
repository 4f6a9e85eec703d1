//! Types that expressions are made to.

/// A type, or a family of them that goes wherever one of them does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Type {
    Integer,
    Big,
    Numeric,
    Float,
    Text,
    Boolean,
    Date,
    Stamp,
    Json,
    Integers,
    Texts,
    /// The schema's composite type `pair (a integer, b text)`.
    Pair,
    /// The schema's enum `mood`.
    Mood,
    /// Whatever else: only projected.
    Other,
}

impl Type {
    /// Those that columns are given.
    pub const STORED: [Self; 13] = [
        Self::Integer,
        Self::Big,
        Self::Numeric,
        Self::Float,
        Self::Text,
        Self::Boolean,
        Self::Date,
        Self::Stamp,
        Self::Json,
        Self::Integers,
        Self::Texts,
        Self::Pair,
        Self::Mood,
    ];

    /// Those that are made most.
    pub const COMMON: [Self; 8] = [
        Self::Integer,
        Self::Integer,
        Self::Text,
        Self::Text,
        Self::Numeric,
        Self::Boolean,
        Self::Date,
        Self::Big,
    ];

    /// Its name in SQL.
    #[must_use]
    pub const fn sql(self) -> &'static str {
        match self {
            Self::Integer => "integer",
            Self::Big => "bigint",
            Self::Numeric => "numeric",
            Self::Float => "double precision",
            Self::Text | Self::Other => "text",
            Self::Boolean => "boolean",
            Self::Date => "date",
            Self::Stamp => "timestamp with time zone",
            Self::Json => "jsonb",
            Self::Integers => "integer[]",
            Self::Texts => "text[]",
            Self::Pair => "pair",
            Self::Mood => "mood",
        }
    }

    /// Whether values of it can be ordered and grouped without a thought.
    #[must_use]
    pub const fn sorts(self) -> bool {
        !matches!(self, Self::Other)
    }
}
