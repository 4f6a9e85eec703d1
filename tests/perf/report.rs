//! Figures and how they are printed.

/// One figure, with its target if it has one.
pub(crate) struct Figure {
    name: String,
    value: f64,
    unit: &'static str,
    target: Option<Target>,
    note: String,
}

enum Target {
    AtLeast(f64),
    AtMost(f64),
}

impl Figure {
    pub(crate) fn new(name: &str, value: f64, unit: &'static str) -> Self {
        Self { name: name.to_owned(), value, unit, target: None, note: String::new() }
    }

    /// A target of zero is none.
    pub(crate) fn at_least(mut self, target: f64) -> Self {
        self.target = (target > 0.0).then_some(Target::AtLeast(target));
        self
    }

    pub(crate) const fn at_most(mut self, target: f64) -> Self {
        self.target = Some(Target::AtMost(target));
        self
    }

    pub(crate) fn note(mut self, note: &str) -> Self {
        note.clone_into(&mut self.note);
        self
    }

    fn verdict(&self) -> String {
        let (word, target, met) = match self.target {
            None => return String::new(),
            Some(Target::AtLeast(target)) => ("≥", target, self.value >= target),
            Some(Target::AtMost(target)) => ("≤", target, self.value <= target),
        };
        format!("{word} {target}{} {}", self.unit, if met { "PASS" } else { "MISS" })
    }
}

/// All figures of a run.
#[derive(Default)]
pub(crate) struct Report(Vec<Figure>);

impl Report {
    pub(crate) fn add(&mut self, figure: Figure) {
        self.0.push(figure);
    }

    pub(crate) fn print(&self) {
        println!("\n{:<52} {:>10}  {:<14} note", "figure", "value", "target");
        for figure in &self.0 {
            let value = match figure.unit {
                "×" => format!("{:.2}×", figure.value),
                unit => format!("{:.0} {unit}", figure.value),
            };
            println!("{:<52} {value:>10}  {:<14} {}", figure.name, figure.verdict(), figure.note);
        }
    }
}

/// The middle one. None is not a number.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
