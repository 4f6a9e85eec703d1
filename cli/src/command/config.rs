//! `connect config list`: every setting, its value, and where that came from.

use serde_json::json;

use crate::{
    application::{Application, Ending},
    console::Rows,
    failure::Outcome,
    settings::Key,
};

pub(super) fn list(application: &Application) -> Outcome<Ending> {
    let mut rows = Rows::new("connect.config/1", "settings", &["SETTING", "VALUE", "ORIGIN", "FOR"]);
    for key in Key::ALL {
        let (value, origin) = application.settings.explain(key);
        let shown = if value.is_empty() { "-".to_owned() } else { value.clone() };
        let cells = vec![key.name().to_owned(), shown, origin.clone(), key.meaning().to_owned()];
        rows.add(key.name(), cells, &json!({"name": key.name(), "value": value, "origin": origin}))?;
    }
    application.console.rows(&rows)?;
    Ok(Ending::Done)
}
