//! Sentences about texts and what they may hold.

use proptest::prelude::*;

use super::code;
use crate::vocabulary::*;

#[test]
fn a_title_may_have_five_hundred_of_the_longest_characters() {
    let longest = "😀".repeat(TITLE_MAX_CHARACTERS);
    assert!(Title::parse(&longest).is_ok());
    assert_eq!(code(Title::parse(&"a".repeat(TITLE_MAX_CHARACTERS + 1))), "too-long");
    assert!(Title::parse(&"\"".repeat(TITLE_MAX_CHARACTERS)).is_ok());
}

#[test]
fn a_text_is_measured_as_it_will_be_written() {
    let half = DESCRIPTION_MAX_BYTES / 2;
    assert!(Description::parse(&"\"".repeat(half)).is_ok());
    assert_eq!(code(Description::parse(&"\"".repeat(half + 1))), "too-long");
    assert!(Description::parse(&"a".repeat(DESCRIPTION_MAX_BYTES)).is_ok());
    assert_eq!(encoded_len("a\"\\\n\té😀"), 1 + 2 + 2 + 2 + 2 + 2 + 4);
    assert_eq!(encoded_len("\u{1}"), 6);
}

#[test]
fn nul_and_other_control_characters_are_refused_with_their_number() {
    let refused = Description::parse("a\0b").unwrap_err();
    assert_eq!(refused.code, "control-character");
    assert_eq!(refused.detail, "must not contain the control character U+0000");
    assert_eq!(code(Title::parse("a\nb")), "control-character");
    assert_eq!(code(Name::parse("a\u{7f}b")), "control-character");
    assert_eq!(code(Evidence::parse("\u{1b}[31mred")), "control-character");
}

#[test]
fn a_passage_keeps_its_lines_and_tabs() {
    assert_eq!(Description::parse("a\r\nb\rc\n\td").unwrap().as_str(), "a\nb\nc\n\td");
}

#[test]
fn a_line_is_trimmed_and_composed() {
    assert_eq!(Name::parse("  cafe\u{301} ").unwrap().as_str(), "caf\u{e9}");
}

#[test]
fn an_empty_text_is_left_out_rather_than_sent() {
    assert_eq!(code(Title::parse("  ")), "empty");
    assert_eq!(code(Description::parse("\n \t")), "empty");
}

#[test]
fn a_slug_has_two_to_sixty_three_of_its_few_characters() {
    for slug in ["ab", "acme-2", &"a".repeat(63)] {
        assert!(Slug::parse(slug).is_ok(), "{slug}");
    }
    for malformed in ["a", "", "Acme", "-a", "a-", "a_b", "é2", &"a".repeat(64)] {
        assert_eq!(code(Slug::parse(malformed)), "malformed-slug", "{malformed}");
    }
}

#[test]
fn a_label_begins_with_a_letter_or_digit() {
    for label in ["a", "9", "open-port", "a_b.c", &"a".repeat(64)] {
        assert!(Label::parse(label).is_ok(), "{label}");
    }
    for malformed in ["", "-a", ".a", "A", "a b", "a:b", &"a".repeat(65)] {
        assert_eq!(code(Label::parse(malformed)), "malformed-label", "{malformed}");
    }
    assert_eq!(Label::parse("manual"), Ok(Label::manual()));
    assert_eq!(Network::parse("default"), Ok(Network::default()));
}

#[test]
fn no_two_login_names_look_like_one_for_what_nobody_sees() {
    let hidden =
        ["admin\u{fe0f}", "adm\u{34f}in", "admin\u{3164}", "\u{115f}admin", "ａｄｍｉｎ", "ﬁn", "admin\u{200b}"];
    for name in hidden {
        assert_eq!(code(LoginName::parse(name)), "malformed-login-name", "{name:?}");
    }
    for name in ["ana", "čapek", "नीता", "山田.太郎"] {
        assert!(LoginName::parse(name).is_ok(), "{name}");
    }
}

#[test]
fn a_login_name_is_one_name_in_any_case() {
    assert_eq!(LoginName::parse(" Ana.B ").unwrap().as_str(), "ana.b");
    assert!(LoginName::parse("ana@example.org").is_ok());
    for malformed in ["", "   ", "a b", "a/b", "...", "a\0", &"a".repeat(LOGIN_NAME_MAX_BYTES + 1)] {
        assert_eq!(code(LoginName::parse(malformed)), "malformed-login-name", "{malformed}");
    }
}

#[test]
fn an_email_address_has_a_name_and_a_domain() {
    assert_eq!(EmailAddress::parse("Ana@Example.ORG").unwrap().as_str(), "Ana@example.org");
    let long = format!("{}@example.org", "a".repeat(65));
    for malformed in
        ["", "ana", "@example.org", "ana@", "ana@local", "a b@example.org", "a..b@example.org", "ana@-x.org", &long]
    {
        assert_eq!(code(EmailAddress::parse(malformed)), "malformed-email", "{malformed}");
    }
}

fn entry(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

#[test]
fn metadata_is_bounded_in_number_and_in_size() {
    let numbered = |count: usize| (0..count).map(|number| entry(&format!("k{number}"), "v"));
    assert!(Metadata::parse(numbered(METADATA_MAX_ENTRIES)).is_ok());
    assert_eq!(code(Metadata::parse(numbered(METADATA_MAX_ENTRIES + 1))), "too-many-entries");
    // {"k":"…"} leaves eight bytes to the frame and one to the name.
    let fits = METADATA_MAX_BYTES - 9;
    assert!(Metadata::parse([entry("k", &"v".repeat(fits))]).is_ok());
    assert_eq!(code(Metadata::parse([entry("k", &"v".repeat(fits + 1))])), "too-long");
    assert_eq!(code(Metadata::parse([entry("k", &"\"".repeat(fits / 2 + 1))])), "too-long");
}

#[test]
fn metadata_names_are_lines_and_used_once() {
    assert_eq!(code(Metadata::parse([entry("", "v")])), "empty");
    assert_eq!(code(Metadata::parse([entry("a\n", "v"), entry("a", "v")])), "duplicate-name");
    assert_eq!(code(Metadata::parse([entry("a\nb", "v")])), "control-character");
    assert_eq!(code(Metadata::parse([entry("a", "v\0")])), "control-character");
    assert_eq!(Metadata::parse([entry("a", "")]).unwrap().iter().collect::<Vec<_>>(), [("a", "")]);
}

proptest! {
    #[test]
    fn an_accepted_text_takes_no_more_than_its_limit_and_holds_no_control_character(raw in any::<String>()) {
        if let Ok(name) = Name::parse(&raw) {
            prop_assert!(encoded_len(name.as_str()) <= NAME_MAX_BYTES);
            prop_assert!(!name.as_str().chars().any(char::is_control));
        }
        if let Ok(passage) = Description::parse(&raw) {
            prop_assert!(!passage.as_str().contains(|c: char| c.is_control() && c != '\n' && c != '\t'));
        }
    }
}
