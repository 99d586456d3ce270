//! What somebody looks for, as typed: words, phrases, prefixes and words that must not be there.
//!
//! | typed | finds what has |
//! |---|---|
//! | `outdated openssl` | both words, in any order |
//! | `"remote code execution"` | the words in this order, one after the other |
//! | `log4j-core`, `org.apache` | the parts of the name, one after the other |
//! | `CVE-2024-6387`, `cve-2024` | this very CVE; one of that year |
//! | `open*`, `log4j-co*` | a word that begins so |
//! | `-debian`, `-"end of life"` | not this |
//!
//! Here a question is only read and written down for Postgres; how words are cut is the index's own module's to know.

use platform::words::{tenant_mark, words};
use uuid::Uuid;

use crate::parameters::Fault;

/// The longest question. Sixteen words of it are as many as anybody types.
pub const SEARCH_MAX_BYTES: usize = 256;
const SEARCH_MAX_WORDS: usize = 32;
/// A shorter beginning is that of too many words.
const PREFIX_MIN_CHARACTERS: usize = 3;
/// Where the words before it narrow it down.
const PREFIX_IN_NAME_MIN_CHARACTERS: usize = 2;

/// A question that can be asked. The same words in another order are the same question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchText(Vec<Clause>);

/// Words in a row, which must or must not be there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Clause {
    absent: bool,
    words: Vec<String>,
    /// The last word is only a beginning.
    is_prefix: bool,
}

impl SearchText {
    pub fn parse(text: &str) -> Result<Self, Fault> {
        if text.len() > SEARCH_MAX_BYTES {
            return Err(Fault::new("too-long", format!("must not exceed {SEARCH_MAX_BYTES} bytes")));
        }
        let mut clauses = Vec::new();
        let mut rest = text.trim_start();
        while !rest.is_empty() {
            let (term, after) = next_term(rest)?;
            clauses.extend(Clause::of(&term)?);
            rest = after.trim_start();
        }
        clauses.sort_unstable();
        clauses.dedup();
        if clauses.iter().map(|clause| clause.words.len()).sum::<usize>() > SEARCH_MAX_WORDS {
            return Err(Fault::new("too-many", format!("must not have more than {SEARCH_MAX_WORDS} words")));
        }
        if clauses.iter().all(|clause| clause.absent) {
            return Err(Fault::new("nothing-to-find", "must name a word that is to be found"));
        }
        Ok(Self(clauses))
    }

    /// As Postgres reads a `tsquery`, for the words of a tenant.
    pub fn query(&self, tenant: Uuid) -> String {
        let mark = tenant_mark(tenant);
        let clauses: Vec<String> = self.0.iter().map(|clause| clause.query(&mark)).collect();
        clauses.join(" & ")
    }
}

/// A term as typed.
#[derive(Debug)]
struct Term<'a> {
    absent: bool,
    text: &'a str,
    is_prefix: bool,
}

fn next_term(text: &str) -> Result<(Term<'_>, &str), Fault> {
    let (absent, text) = text.strip_prefix('-').map_or((false, text), |text| (true, text));
    if let Some(quoted) = text.strip_prefix('"') {
        let (text, after) = quoted
            .split_once('"')
            .ok_or_else(|| Fault::new("unbalanced-quote", "has a quotation mark without its other one"))?;
        return Ok((Term { absent, text, is_prefix: false }, after));
    }
    let (term, after) = text.split_at(text.find(char::is_whitespace).unwrap_or(text.len()));
    let (text, is_prefix) = term.strip_suffix('*').map_or((term, false), |text| (text, true));
    Ok((Term { absent, text, is_prefix }, after))
}

impl Clause {
    /// Nothing if the term has no word: punctuation finds nothing and forbids nothing.
    fn of(term: &Term<'_>) -> Result<Option<Self>, Fault> {
        let words: Vec<String> = words(term.text).into_iter().map(|word| word.text).collect();
        let Some(last) = words.last() else { return Ok(None) };
        let least = if words.len() > 1 { PREFIX_IN_NAME_MIN_CHARACTERS } else { PREFIX_MIN_CHARACTERS };
        if term.is_prefix && last.chars().count() < least {
            let detail = format!("needs at least {least} letters or digits before a *");
            return Err(Fault::new("prefix-too-short", detail));
        }
        Ok(Some(Self { absent: term.absent, words, is_prefix: term.is_prefix }))
    }

    fn query(&self, mark: &str) -> String {
        let mut words: Vec<String> = self.words.iter().map(|word| format!("'{mark}{word}'")).collect();
        if let Some(last) = words.last_mut().filter(|_| self.is_prefix) {
            last.push_str(":*");
        }
        let row = words.join(" <-> ");
        match (self.absent, self.words.len()) {
            (true, _) => format!("!({row})"),
            (false, 1) => row,
            (false, _) => format!("({row})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TENANT: Uuid = Uuid::from_u128(0xAB_CDEF);

    fn asked(text: &str) -> Result<String, Fault> {
        SearchText::parse(text).map(|text| text.query(TENANT).replace("abcdef", ""))
    }

    #[test]
    fn words_phrases_prefixes_and_negations_are_told_apart() {
        for (text, query) in [
            ("openssl", "'openssl'"),
            ("Outdated  OpenSSL openssl", "'openssl' & 'outdated'"),
            ("\"Remote code\" execution", "'execution' & ('remote' <-> 'code')"),
            ("CVE-2024-6387", "'cve-2024-6387'"),
            ("cve-2024-63*", "'cve-2024-63':*"),
            ("log4j-co*", "('log4j' <-> 'co':*)"),
            ("tls -\"end of\" -debian", "'tls' & !('debian') & !('end' <-> 'of')"),
            ("tls & | ! <-> :* 'x", "'tls' & 'x'"),
        ] {
            assert_eq!(asked(text).as_deref(), Ok(query), "{text}");
        }
    }

    #[test]
    fn what_finds_nothing_or_everything_is_refused() {
        let long = "a".repeat(SEARCH_MAX_BYTES + 1);
        let many = "a b c d e f g h i j k l m n o p q r s t u v w x y z 0 1 2 3 4 5 6";
        for text in ["", " ", "-", "-tls", "***", "\"\"", "\"tls", "tls \"", "ab*", "a\0*", &long, many] {
            assert!(SearchText::parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        /// Whatever is typed is refused or becomes words and the operators between them.
        #[test]
        fn nothing_typed_reaches_the_query_unquoted(text in "\\PC{0,80}|[-a-c0-9\"'*:&|!<>()\\\\ \u{0}.]{0,80}") {
            if let Ok(search) = SearchText::parse(&text) {
                let query = search.query(TENANT);
                let outside: String = query.split('\'').step_by(2).collect();
                prop_assert!(outside.chars().all(|character| " &!()<->:*".contains(character)), "{}", query);
                prop_assert_eq!(query.matches('\'').count() % 2, 0);
                prop_assert!(!query.contains('\\') && !query.contains('\0'));
            }
        }
    }
}
