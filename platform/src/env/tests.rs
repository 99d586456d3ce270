use std::io::Write;

use base64::Engine;

use super::*;

fn env<const N: usize>(pairs: [(&str, &str); N]) -> Env {
    Env::from_pairs(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())))
}

fn faults(env: &Env) -> Vec<String> {
    env.finish().unwrap_err().iter().map(str::to_owned).collect()
}

/// A file that is gone with the test.
struct File(std::path::PathBuf);

impl File {
    fn with(text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("securenet-secret-{}", uuid::Uuid::now_v7()));
        std::fs::File::create(&path).unwrap().write_all(text.as_bytes()).unwrap();
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for File {
    fn drop(&mut self) {
        std::fs::remove_file(&self.0).unwrap();
    }
}

#[test]
fn every_fault_is_reported_at_once() {
    let env = env([
        ("PORT", "eighty"),
        ("WORKERS", "0"),
        ("EMPTY", ""),
        ("KEY_FILE", "/nowhere"),
        ("BOTH", "a"),
        ("BOTH_FILE", "b"),
    ]);
    env.required("URL");
    env.required("EMPTY");
    env.parse("PORT", 8080_u16);
    env.bounded("WORKERS", 2, 1..=64);
    env.secret("KEY");
    env.secret("TOKEN");
    env.secret("BOTH");
    env.check("URL", "nonsense".parse::<std::net::SocketAddr>());

    let faults = faults(&env);
    assert_eq!(faults.len(), 8, "{faults:?}");
    for (fault, start) in faults.iter().zip([
        "URL is not set",
        "EMPTY is not set",
        "PORT cannot be read",
        "WORKERS must lie between 1 and 64",
        "KEY_FILE cannot be read",
        "TOKEN is not set (nor TOKEN_FILE)",
        "BOTH and BOTH_FILE are both set",
        "URL cannot be used",
    ]) {
        assert!(fault.starts_with(start), "{fault}");
    }
}

#[test]
fn a_sound_environment_has_no_fault() {
    let env = env([("SECURENET_ENVIRONMENT", "dev"), ("URL", "u"), ("PORT", "81")]);
    assert_eq!((env.required("URL").as_str(), env.parse("PORT", 80), env.parse("WORKERS", 4)), ("u", 81, 4));
    assert_eq!(env.optional_secret("KEY"), None);
    assert_eq!(env.environment(), Environment::Dev);
    assert_eq!(env.finish(), Ok(()));
}

#[test]
fn production_is_what_nobody_says_and_a_third_environment_is_a_fault() {
    assert_eq!(env([]).environment(), Environment::Production);
    assert!(faults(&env([("SECURENET_ENVIRONMENT", "staging")]))[0].starts_with("SECURENET_ENVIRONMENT"));
}

#[test]
fn a_secret_comes_from_its_file_without_the_line_end() {
    let file = File::with("top secret\r\n");
    let env = env([("KEY_FILE", file.path())]);
    assert_eq!(env.secret("KEY").expose(), "top secret");
    assert_eq!(env.finish(), Ok(()));
}

#[test]
fn an_empty_or_enormous_file_holds_no_secret() {
    for text in ["\n", &"x".repeat(70_000)] {
        let file = File::with(text);
        let env = env([("KEY_FILE", file.path())]);
        env.secret("KEY");
        assert_eq!(faults(&env).len(), 1);
    }
}

#[test]
fn a_published_sample_is_refused_outside_of_dev_however_it_is_dressed() {
    let base64 = base64::engine::general_purpose::STANDARD.encode("insecure-sample-root-key-32bytes");
    let pem = format!(
        "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
        base64::engine::general_purpose::STANDARD.encode(b"0.\x02\x01\x00insecure-sample-signing-key-32b")
    );
    for sample in ["insecure-sample-operator-token", &base64, &pem] {
        let production = env([("KEY", sample)]);
        production.secret("KEY");
        assert!(faults(&production)[0].contains("sample"), "{sample}");

        let dev = env([("KEY", sample), ("SECURENET_ENVIRONMENT", "dev")]);
        dev.secret("KEY");
        assert_eq!(dev.finish(), Ok(()));
    }
}

#[test]
fn neither_a_secret_nor_a_fault_shows_the_secret() {
    let env = env([("PORT", "hunter2")]);
    assert_eq!(format!("{:?}", Secret::new("hunter2".to_owned())), "Secret(…)");
    env.parse("PORT", 80_u16);
    assert!(!env.finish().unwrap_err().to_string().contains("hunter2"));
}
