use std::sync::{Arc, Mutex};

use super::*;
use crate::auth::api_key::ApiKey;

#[test]
fn secrets_are_taken_out_by_their_shape() {
    let key = ApiKey::generate().unwrap();
    let jwt = "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl_-x";
    for (line, clean) in [
        (format!("key {} used", key.expose()), "key snk_[redacted] used".to_owned()),
        (format!(r#"{{"a":"{}"}}"#, key.expose()), r#"{"a":"snk_[redacted]"}"#.to_owned()),
        (format!("token={jwt}"), "token=[redacted]".to_owned()),
        (format!("Authorization: Bearer {jwt}, x"), "Authorization: Bearer [redacted] x".to_owned()),
        ("authorization: bearer abc+/=~ end".to_owned(), "authorization: bearer [redacted] end".to_owned()),
        ("hash $argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA end".to_owned(), "hash [redacted] end".to_owned()),
        (
            "at postgres://writer:p@ss:w@db:5432/x?y=z".to_owned(),
            "at postgres://writer:[redacted]@db:5432/x?y=z".to_owned(),
        ),
        (format!("{jwt} {jwt}"), "[redacted] [redacted]".to_owned()),
        (format!("é{}é", key.expose()), "ésnk_[redacted]é".to_owned()),
    ] {
        assert_eq!(redact(&line), clean);
    }
}

#[test]
fn ordinary_lines_stay_as_they_are() {
    for line in [
        "",
        "a request was answered",
        "https://example.org/a@b",
        "bearer",
        "snk_",
        "keyjoint",
        "ünïcode ✓",
        "http://[::1]:8080/",
    ] {
        assert!(matches!(redact(line), std::borrow::Cow::Borrowed(same) if same == line), "{line}");
    }
}

proptest::proptest! {
    #[test]
    fn redaction_never_fails_and_never_leaves_a_key(before in ".{0,20}", after in "[^0-9A-Za-z_].{0,20}") {
        let key = ApiKey::generate().unwrap();
        let line = format!("{before}{}{after}", key.expose());
        let clean = redact(&line);
        proptest::prop_assert!(!clean.contains(&key.expose()[4..]));
    }
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn what_goes_through_the_log_is_redacted_json() {
    let lines = Lines::default();
    let writer = {
        let lines = lines.clone();
        move || lines.clone()
    };
    let log = tracing_subscriber::fmt().json().flatten_event(true).with_writer(Redacting(writer)).finish();
    tracing::subscriber::with_default(log, || tracing::warn!(header = "Bearer abc.def", "a caller was refused"));

    let written = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let line: serde_json::Value = serde_json::from_str(&written).unwrap();
    assert_eq!(line["header"], "Bearer [redacted]");
    assert_eq!(line["message"], "a caller was refused");
    assert!(!written.contains("abc.def"));
}

#[test]
fn the_format_follows_the_environment_unless_it_is_named() {
    let settings = |pairs: &[(&str, &str)]| {
        let env = Env::from_pairs(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        (Settings::from_env(&env).format, env.finish().is_ok())
    };
    assert_eq!(settings(&[]), (Format::Json, true));
    assert_eq!(settings(&[("SECURENET_ENVIRONMENT", "dev")]), (Format::Pretty, true));
    assert_eq!(settings(&[("SECURENET_LOG_FORMAT", "pretty")]), (Format::Pretty, true));
    assert_eq!(settings(&[("SECURENET_LOG_FORMAT", "xml")]), (Format::Json, false));
    assert_eq!(settings(&[("SECURENET_LOG", "info,=,nonsense=loud")]), (Format::Json, false));
}
