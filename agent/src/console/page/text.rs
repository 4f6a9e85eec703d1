//! Text of others, so that it is read as what it is: neither as markup, nor as something that is not there.

use std::fmt::{self, Write as _};

/// Text that is safe between tags and in a quoted attribute.
pub(super) struct Shown<'a>(pub(super) &'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for letter in self.0.chars() {
            match letter {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                '\n' | '\t' => f.write_char(letter)?,
                hidden if is_hidden(hidden) => write!(f, "⟨U+{:04X}⟩", u32::from(hidden))?,
                seen => f.write_char(seen)?,
            }
        }
        Ok(())
    }
}

/// The same for what is no markup: a chat's message.
#[must_use]
pub(crate) fn plain(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\n' | '\t' => shown.push(letter),
            hidden if is_hidden(hidden) => {
                let _infallible = write!(shown, "⟨U+{:04X}⟩", u32::from(hidden));
            }
            seen => shown.push(seen),
        }
    }
    shown
}

/// Controls, letters without a picture of their own, and those that say in which direction others are read.
fn is_hidden(letter: char) -> bool {
    letter.is_control()
        || matches!(letter,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_is_text_and_nothing_hides_or_turns_round() {
        let nasty = "a<b>&\"'\u{202e}evil\u{200b}\u{7}\r\n\tx\u{e0041}";
        let shown = Shown(nasty).to_string();
        assert_eq!(shown, "a&lt;b&gt;&amp;&quot;&#39;⟨U+202E⟩evil⟨U+200B⟩⟨U+0007⟩⟨U+000D⟩\n\tx⟨U+E0041⟩");
        assert_eq!(plain("<!channel>\u{2066}"), "<!channel>⟨U+2066⟩");
        assert_eq!(plain("größer, 大, 👍"), "größer, 大, 👍");
    }
}
