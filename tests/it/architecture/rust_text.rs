//! Rust source with everything blanked out that only looks like code: comments, strings, characters. Lines stay where
//! they are. Enough for counting braces and finding macros; it parses nothing.

/// Every character inside a comment, a string or a character literal becomes a space.
pub(super) fn code_only(source: &str) -> String {
    let mut code = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let length = match literal_length(rest, code.chars().next_back()) {
            Some(length) => {
                code.extend(rest[..length].chars().map(|character| if character == '\n' { '\n' } else { ' ' }));
                length
            }
            None => {
                code.push(first);
                first.len_utf8()
            }
        };
        rest = &rest[length..];
    }
    code
}

/// The first line of each function, and how many lines it has, from its signature to its closing brace.
pub(super) fn functions(code: &str) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    for (start, _) in code.match_indices("fn ") {
        let is_word = !code[..start].chars().next_back().is_some_and(is_name);
        let signature = code[start..].find(['{', ';']);
        let Some(brace) = signature.filter(|at| is_word && code[start + at..].starts_with('{')) else { continue };
        let body = start + brace;
        let end = body + block_length(&code[body..]);
        found.push((line(code, start), line(code, end) - line(code, start) + 1));
    }
    found
}

fn line(code: &str, at: usize) -> usize {
    code[..at].matches('\n').count() + 1
}

/// From an opening brace to the one that closes it.
fn block_length(code: &str) -> usize {
    let mut depth = 0_usize;
    for (at, character) in code.char_indices() {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at;
        }
    }
    code.len()
}

fn literal_length(text: &str, before: Option<char>) -> Option<usize> {
    if text.starts_with("//") {
        return Some(text.find('\n').unwrap_or(text.len()));
    }
    if text.starts_with("/*") {
        return Some(text.find("*/").map_or(text.len(), |end| end + 2));
    }
    // `r"` after a letter is the end of a name, such as in `for"`; a raw string has its prefix to itself.
    if !before.is_some_and(is_name)
        && let Some(length) = raw_string_length(text)
    {
        return Some(length);
    }
    match text.as_bytes()[0] {
        b'"' => Some(quoted_length(text, '"')),
        b'\'' => character_length(text),
        _ => None,
    }
}

fn raw_string_length(text: &str) -> Option<usize> {
    let prefix = text.strip_prefix("br").or_else(|| text.strip_prefix('r'))?;
    let hashes = prefix.len() - prefix.trim_start_matches('#').len();
    let body = prefix[hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let length = body.find(&end).map_or(body.len(), |at| at + end.len());
    Some(text.len() - body.len() + length)
}

fn quoted_length(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, character) in text.char_indices().skip(1) {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if character == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// `'a'` is a character, `'a` a lifetime.
fn character_length(text: &str) -> Option<usize> {
    let mut characters = text.chars().skip(1);
    let first = characters.next()?;
    (first == '\\' || characters.next() == Some('\'')).then(|| quoted_length(text, '\''))
}

fn is_name(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

#[test]
fn what_only_looks_like_code_is_blank() {
    let source = "a // {\n\"{ \\\" }\" 'x' '{' '\\'' <'a> r#\"\"{\"\"# br\"{\" /* { */ z";
    let code = code_only(source);
    assert_eq!(code.lines().count(), 2);
    assert_eq!(code.split_whitespace().collect::<Vec<_>>(), ["a", "<'a>", "z"]);
}

#[test]
fn a_function_runs_from_its_signature_to_its_closing_brace() {
    let code =
        code_only("fn one() {}\n\nfn two(\n    a: u8,\n) {\n    if a == 1 { \"}\"; }\n}\ntrait T { fn none(); }\n");
    assert_eq!(functions(&code), [(1, 1), (3, 5)]);
}
