//! `[log]`: its mode, what is kept beside it, who cosigns it and where its entries go.

use super::*;

#[test]
fn the_log_is_strict_unless_it_says_how_much_may_be_lost() {
    let folder = tempfile::tempdir().expect("a folder");
    let mode = |lines: &str| {
        let text = GOOD.replace("[log]\n", &format!("[log]\n{lines}\n"));
        parse(&text, &folder).map(|config| config.log.mode.to_string())
    };
    assert_eq!(mode("").as_deref(), Ok("strict"));
    assert_eq!(mode("mode = \"strict\"").as_deref(), Ok("strict"));
    assert_eq!(mode("mode = \"batch\"").as_deref(), Ok("batch(100 ms, 1000 entries)"));
    let both = "mode = \"batch\"\nbatch_ms = 20\nbatch_entries = 50";
    assert_eq!(mode(both).as_deref(), Ok("batch(20 ms, 50 entries)"));
    for wrong in ["mode = \"none\"", "batch_ms = 20", "mode = \"batch\"\nbatch_ms = 0"] {
        assert!(mode(wrong).is_err(), "{wrong}");
    }
    assert!(mode("mode = \"batch\"\nbatch_entries = 1000000").is_err());
}

#[test]
fn exact_texts_are_kept_only_where_that_is_said() {
    let folder = tempfile::tempdir().expect("a folder");
    let texts = |lines: &str| {
        let text = GOOD.replace("[log]\n", &format!("[log]\n{lines}\n"));
        parse(&text, &folder).map(|config| config.log.texts.map(|rule| rule.name))
    };
    assert_eq!(texts(""), Ok(None));
    let readers = "texts = \"30d\"\ntext_readers = [\"group:security\"]";
    assert_eq!(texts(readers), Ok(Some("30d".to_owned())));
    assert!(texts("texts = \"0d\"").is_err() && texts("texts = \"long\"").is_err());
}

#[test]
fn a_sink_of_openlineage_has_its_own_format_and_perhaps_a_token() {
    let folder = tempfile::tempdir().expect("a folder");
    let sink = |lines: &str| format!("{GOOD}\n[[log.sink]]\nname = \"l\"\n{lines}\n");
    let good = sink("openlineage = \"https://marquez.example.com/api/v1/lineage\"\ntoken_env = \"PROD_DB\"");
    let config = parse(&good, &folder).expect("it is good");
    assert_eq!(config.log.sinks[0].format, SinkFormat::OpenLineage(EventsOf::Statements));
    assert!(!format!("{config:?}").contains("hunter2"));
    let runs = "openlineage = \"https://m.example.com/\"\nopenlineage_events = \"run\"";
    let runs = parse(&sink(runs), &folder).expect("it is good");
    assert_eq!(runs.log.sinks[0].format, SinkFormat::OpenLineage(EventsOf::Runs));
    let file = parse(&sink("file = \"out\"\nformat = \"openlineage\""), &folder).expect("it is good");
    assert_eq!(file.log.sinks[0].format, SinkFormat::OpenLineage(EventsOf::Statements));
    for (lines, word) in [
        ("openlineage = \"http://marquez.example.com/\"", "https://"),
        ("openlineage = \"https://m.example.com/\"\nopenlineage_events = \"job\"", "`statement` or `run`"),
        ("file = \"out\"\nopenlineage_events = \"run\"", "only where the format is `openlineage`"),
        ("openlineage = \"https://m.example.com/\"\nformat = \"ocsf\"", "format"),
        ("openlineage = \"https://m.example.com/\"\nfile = \"out\"", "only one of"),
        ("file = \"out\"\ntoken_env = \"PROD_DB\"", "token_env"),
    ] {
        let problems = problems(&sink(lines));
        assert!(problems.contains(word), "{lines}: {problems}");
    }
    // What is wrong with one line makes no other one wrong.
    let token =
        "openlineage = \"https://m.example.com/\"\ntoken_env = \"NO_SUCH\"\nopenlineage_events = \"run\"";
    let problems = problems(&sink(token));
    assert!(problems.contains("token_env") && !problems.contains("openlineage_events"), "{problems}");
}

#[test]
fn a_sink_of_nats_speaks_plainly_with_this_machine_only_and_signs_in_in_one_way() {
    let folder = TempDir::new().expect("a temporary folder");
    let sink = |lines: &str| format!("{GOOD}\n[[log.sink]]\nname = \"n\"\n{lines}\n");
    let read = |lines: &str| {
        let config = parse(&sink(lines), &folder).expect("it is good");
        assert!(!format!("{config:?}").contains("hunter2"));
        match &config.log.sinks[0].target {
            SinkTarget::Nats(nats) => (**nats).clone(),
            other => panic!("{other:?}"),
        }
    };
    let usual = read("nats = \"nats://127.0.0.1\"");
    assert_eq!((usual.subject.as_str(), usual.login.clone()), ("connect.audit", NatsLogin::Nobody));
    assert!(usual.is_plain());
    let tls = "nats = \"tls://nats.example.com:4222\"";
    let signed = read(&format!("{tls}\nsubject = \"a.b-c\"\nuser = \"connect\"\npassword_env = \"PROD_DB\""));
    assert!(!signed.is_plain() && signed.subject == "a.b-c");
    assert!(matches!(signed.login, NatsLogin::Password { user, .. } if user == "connect"));
    assert!(matches!(read(&format!("{tls}\ntoken_env = \"PROD_DB\"")).login, NatsLogin::Token(_)));
    for (lines, word) in [
        ("nats = \"nats://nats.example.com\"", "plain `nats://` is for this machine only"),
        ("nats = \"https://nats.example.com\"", "must begin with `tls://`"),
        ("nats = \"tls://me:hush@nats.example.com\"", "name them in `user` and `password_file`"),
        ("nats = \"tls://h\"\nsubject = \"a.>\"", "is no subject"),
        ("nats = \"tls://h\"\nsubject = \"a..b\"", "is no subject"),
        ("nats = \"tls://h\"\nuser = \"u\"", "password_file"),
        ("nats = \"tls://h\"\nuser = \"u\"\ntoken_env = \"PROD_DB\"", "in one way"),
        ("nats = \"tls://h\"\ncredentials_file = \"none.creds\"", "cannot be read"),
        ("file = \"out\"\nsubject = \"a\"", "subject"),
    ] {
        let found = problems(&sink(lines));
        assert!(found.contains(word), "{lines}: {found}");
    }
}

/// GOOD with more lines in `[log]` and sections at the end.
fn with_log(lines: &str, sections: &str) -> String {
    format!("{}\n{sections}", GOOD.replace("[log]\n", &format!("[log]\n{lines}\n")))
}

fn witness_key() -> String {
    let key = connect_shared::proof::cosignature::CosigningKey::from_seed("witness.test/one", [1; 32]);
    key.expect("a key").witness().to_string()
}

#[test]
fn a_log_says_who_cosigns_it_and_where_its_events_go() {
    let folder = tempfile::tempdir().expect("a folder");
    let sections = format!(
        "[[log.witness]]\nurl = \"https://witness.example.com/\"\nkey = \"{}\"\n\
         [[log.sink]]\nname = \"archive\"\nfile = \"out.jsonl\"\nformat = \"entries\"\n\
         [[log.sink]]\nname = \"collector\"\nsyslog = \"logs.example.com:6514\"\n",
        witness_key()
    );
    let config =
        parse(&with_log("require_witness = 1\nwitness_age = \"90s\"", &sections), &folder).expect("good");
    let rules = &config.log.witnesses;
    assert_eq!((rules.required, rules.age, rules.witnesses.len()), (1, Duration::from_secs(90), 1));
    let [archive, collector] = config.log.sinks.as_slice() else { panic!("two sinks") };
    assert_eq!(
        (archive.format, &archive.target),
        (SinkFormat::Entries, &SinkTarget::File(folder.path().join("out.jsonl")))
    );
    assert!(matches!(&collector.target, SinkTarget::Syslog { address, .. } if address.1 == 6514));
}

#[test]
fn what_cannot_be_meant_about_witnesses_and_sinks_is_named() {
    let key = witness_key();
    let witness = format!("[[log.witness]]\nurl = \"https://w.example.com\"\nkey = \"{key}\"\n");
    for (lines, sections, words) in [
        ("require_witness = 2", witness.as_str(), "asks for 2 witnesses, and 1 are named"),
        ("require_witness = -1", "", "must be a whole number"),
        ("witness_age = \"0s\"", "", "the usual is `5m`"),
        ("", &format!("{witness}{witness}"), "two witnesses have one name"),
        ("", &witness.replace("https", "ftp"), "must be an http or https URL"),
        ("", &witness.replace("witness.test/one+", "witness.test/two+"), "is no key of a witness"),
        (
            "",
            "[[log.sink]]\nname = \"a\"\n",
            "name a file, a URL in `webhook`, `otlp`, `splunk`, `nats` or `openlineage`, or an address in `syslog`",
        ),
        ("", "[[log.sink]]\nname = \"a\"\nfile = \"x\"\nsyslog = \"h:1\"\n", "make two sinks of it"),
        ("", "[[log.sink]]\nname = \"../a\"\nfile = \"x\"\n", "lower-case letters"),
        (
            "",
            "[[log.sink]]\nname = \"a\"\nwebhook = \"http://siem.example.com\"\nsecret_env = \"PROD_DB\"\n",
            "plain http is for this machine only",
        ),
        (
            "",
            "[[log.sink]]\nname = \"a\"\nwebhook = \"https://siem.example.com\"\nsecret_env = \"PROD_DB\"\n",
            "holds no secret of 24 to 64 bytes",
        ),
    ] {
        let found = problems(&with_log(lines, sections));
        assert!(found.contains(words), "{lines} {sections}: {found}");
    }
}
