//! Reads licence expressions (`(MIT OR Apache-2.0) AND Unicode-3.0`) as far as crates write them.

/// Whether a licence list satisfies the expression. What cannot be read satisfies nothing.
pub(super) fn is_satisfied(expression: &str, allows: &impl Fn(&str) -> bool) -> bool {
    // Before SPDX, crates wrote a slash for "or".
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut reader = Reader { words: &words, allows };
    reader.any() == Some(true) && reader.words.is_empty()
}

struct Reader<'a, F> {
    words: &'a [&'a str],
    allows: &'a F,
}

impl<'a, F: Fn(&str) -> bool> Reader<'a, F> {
    /// `OR` binds weakest.
    fn any(&mut self) -> Option<bool> {
        let mut satisfied = self.all()?;
        while self.take("OR") {
            satisfied |= self.all()?;
        }
        Some(satisfied)
    }

    fn all(&mut self) -> Option<bool> {
        let mut satisfied = self.one()?;
        while self.take("AND") {
            satisfied &= self.one()?;
        }
        Some(satisfied)
    }

    fn one(&mut self) -> Option<bool> {
        if self.take("(") {
            let satisfied = self.any()?;
            return self.take(")").then_some(satisfied);
        }
        let licence = self.next()?;
        if ["OR", "AND", "WITH", ")"].contains(&licence) {
            return None;
        }
        if self.take("WITH") {
            let exception = self.next()?;
            return Some((self.allows)(&format!("{licence} WITH {exception}")));
        }
        Some((self.allows)(licence))
    }

    fn take(&mut self, word: &str) -> bool {
        let is_next = self.words.first() == Some(&word);
        if is_next {
            self.words = &self.words[1..];
        }
        is_next
    }

    fn next(&mut self) -> Option<&'a str> {
        let (first, rest) = self.words.split_first()?;
        self.words = rest;
        Some(first)
    }
}

#[test]
fn a_licence_expression_is_satisfied_as_it_is_written() {
    let allows = |licence: &str| ["MIT", "Apache-2.0 WITH LLVM-exception"].contains(&licence);
    for satisfied in
        ["MIT", "GPL-3.0 OR MIT", "GPL-3.0/MIT", "(MIT OR GPL-3.0) AND MIT", "Apache-2.0 WITH LLVM-exception"]
    {
        assert!(is_satisfied(satisfied, &allows), "{satisfied}");
    }
    for refused in ["", "GPL-3.0", "MIT AND GPL-3.0", "GPL-3.0 OR ISC", "Apache-2.0", "MIT OR", "(MIT", "MIT MIT", "OR"]
    {
        assert!(!is_satisfied(refused, &allows), "{refused}");
    }
    assert!(is_satisfied("GPL-3.0 AND ISC OR MIT", &allows), "AND binds stronger than OR");
    assert!(!is_satisfied("MIT AND (GPL-3.0 OR ISC)", &allows));
}
