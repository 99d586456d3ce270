use std::slice;

use proptest::prelude::*;

use super::*;

fn texts(text: &str) -> Vec<String> {
    words(text).into_iter().map(|word| word.text).collect()
}

#[test]
fn case_and_accents_do_not_matter() {
    assert_eq!(texts("Café MÜLLER İstanbul Ωμέγα"), ["cafe", "muller", "istanbul", "ωμεγα"]);
    assert_eq!(texts("ﬁle ２"), ["file", "2"]);
}

#[test]
fn what_ties_parts_of_a_name_ends_words() {
    assert_eq!(
        texts("pkg:maven/org.apache.logging.log4j/log4j-core@2.14.1"),
        ["pkg", "maven", "org", "apache", "logging", "log4j", "log4j", "core", "2.14.1"]
    );
    assert_eq!(texts("python_requests C:\\temp -- \0!"), ["python", "requests", "c", "temp"]);
}

#[test]
fn a_cve_is_one_word_and_is_found_by_its_year() {
    let known = Word { text: "cve-2024-6387".into(), also: vec!["cve-2024".into(), "cve".into()] };
    assert_eq!(words("CVE-2024-6387."), slice::from_ref(&known));
    assert_eq!(words("(cve_2024_6387)"), [known]);
    assert_eq!(texts("cve-2024"), ["cve-2024"]);
    assert_eq!(texts("CVE 2024 6387"), ["cve", "2024", "6387"]);
    assert_eq!(texts("CVE-2024- 6387"), ["cve-2024", "6387"]);
    assert_eq!(texts("cve-24-6387"), ["cve", "24", "6387"]);
}

#[test]
fn versions_and_addresses_are_one_word_and_ends_of_sentences_are_not_part_of_it() {
    assert_eq!(
        texts("v1.2.3, 1.2.3. 10.0.0.7 2.4.49-debian 3"),
        ["1.2.3", "1.2.3", "10.0.0.7", "2.4.49", "debian", "3"]
    );
    assert_eq!(texts("1.2.3p1 a.1.2"), ["1.2", "3p1", "a", "1.2"]);
}

#[test]
fn scripts_without_spaces_are_cut_by_character() {
    assert_eq!(texts("脆弱性 テスト"), ["脆", "弱", "性", "テ", "ス", "ト"]);
}

#[test]
fn tenants_marks_are_of_their_random_end() {
    assert_eq!(tenant_mark(Uuid::from_u128(0xABC_DEF0)), "bcdef0");
}

proptest! {
    #[test]
    fn words_never_need_escaping_and_are_never_long(text in "\\PC{0,200}|[a-zA-Z0-9._\\- '\\\\:&|!<>()*\u{0}]{0,200}") {
        for word in words(&text) {
            for text in word.also.iter().chain([&word.text]) {
                prop_assert!(!text.is_empty() && text.len() <= WORD_MAX_BYTES);
                prop_assert!(text.chars().all(|character| character.is_alphanumeric() || "-.".contains(character)));
            }
        }
    }

    /// A question for a word of the text is cut as the text was.
    #[test]
    fn a_word_is_cut_into_itself(text in "[a-zA-Zäß0-9._ -]{0,80}") {
        for word in words(&text) {
            prop_assert_eq!(&texts(&word.text), slice::from_ref(&word.text), "{}", text);
        }
    }
}
