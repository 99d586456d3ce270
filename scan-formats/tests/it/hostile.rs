//! Files made to hurt, and files that are something else.

use std::io::{self, BufReader, Read};

use scan_formats::{nmap::Parser, report::ParseError};

use crate::{Reading, fixture, report_with};

fn refusal(name: &str) -> ParseError {
    let reading = Reading::of(&fixture(&format!("refused/{name}")));
    assert!(reading.hosts.is_empty());
    reading.error.unwrap()
}

#[test]
fn a_document_type_that_is_more_than_a_name_is_refused() {
    for (name, part) in [
        ("billion-laughs.xml", "an internal subset"),
        ("external-entity.xml", "an internal subset"),
        ("empty-internal-subset.xml", "an internal subset"),
        ("system-identifier.xml", "an external identifier"),
        ("public-identifier.xml", "an external identifier"),
    ] {
        let error = refusal(name);
        assert!(matches!(&error, ParseError::DocumentType { part: told, .. } if *told == part), "{name}: {error:?}");
    }
}

#[test]
fn an_entity_that_xml_does_not_know_by_itself_is_refused() {
    for name in ["unknown-entity-in-attribute.xml", "unknown-entity-in-text.xml"] {
        let error = refusal(name);
        assert!(matches!(&error, ParseError::Entity { name, .. } if name == "nbsp"), "{name}: {error:?}");
    }
}

#[test]
fn another_encoding_is_refused_by_its_name() {
    let error = refusal("latin-1.xml");
    assert_eq!(error.to_string(), "the report is encoded in iso-8859-1, only UTF-8 is read");
    let utf_16: Vec<u8> = "<?xml version=\"1.0\"?><nmaprun/>".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let marked = [b"\xff\xfe".as_slice(), &utf_16].concat();
    for report in [utf_16, marked] {
        let error = Reading::of(&report).error.unwrap();
        assert!(matches!(&error, ParseError::Encoding { found } if found == "UTF-16"), "{error:?}");
    }
}

#[test]
fn what_is_not_nmap_is_named() {
    let found = |report: &[u8]| {
        let error = Reading::of(report).error.unwrap();
        let ParseError::OtherFormat { found, .. } = error else { panic!("{error:?}") };
        found
    };
    assert_eq!(found(&fixture("refused/nessus.xml")), "<NessusClientData_v2>");
    assert_eq!(found(b"{\"SchemaVersion\": 2}"), "'{\"SchemaVersion\": 2}'");
    assert_eq!(found(b"PK\x03\x04zip"), "'PK\u{b7}\u{b7}zip'");
    assert_eq!(found(b"<?xml version=\"1.0\"?>words"), "'words'");
    assert_eq!(found(&[b'x'; 8 * 1024 * 1024]), format!("'{}'", "x".repeat(64)));
}

#[test]
fn nothing_at_all_is_an_empty_report() {
    for report in [b"".as_slice(), b" \n", b"\xef\xbb\xbf"] {
        let error = Reading::of(report).error.unwrap();
        assert!(matches!(error, ParseError::Empty), "{error:?}");
    }
}

#[test]
fn two_reports_in_one_file_are_refused_after_the_first() {
    let error = refusal("something-follows.xml");
    assert!(matches!(error, ParseError::Malformed { .. }), "{error:?}");
}

#[test]
fn deep_nesting_ends_the_reading() {
    let report = report_with(&"<a>".repeat(100_000));
    let error = Reading::of(&report).error.unwrap();
    assert_eq!(error.code(), "report-limit");
    let vulners = format!("<ports><port><script id=\"vulners\">{}", "<table>".repeat(100_000));
    let error = Reading::of(&report_with(&vulners)).error.unwrap();
    assert_eq!(error.code(), "report-limit");
}

#[test]
fn a_giant_attribute_a_giant_name_and_too_many_attributes_end_the_reading() {
    let giant = "x".repeat(2 * 1024 * 1024);
    let many: String = (0..1000).map(|n| format!(" a{n}=\"\"")).collect();
    for (host, of) in [
        (format!("<script output=\"{giant}\"/>"), "1048576 bytes in an attribute"),
        (format!("<{giant}/>"), "128 bytes in a name"),
        (format!("<a {giant}=\"\"/>"), "128 bytes in a name"),
        (format!("<a {many}/>"), "64 attributes in a tag"),
    ] {
        let error = Reading::of(&report_with(&host)).error.unwrap();
        assert!(error.to_string().contains(of), "{error}");
    }
}

#[test]
fn a_token_without_an_end_is_not_collected() {
    for beginning in ["<host comment=\"", "<!--", "<![CDATA[", "<!DOCTYPE nmaprun [", "<?", "<a><b>", "<a>&#"] {
        let beginning = format!("<nmaprun>{beginning}");
        let endless = beginning.as_bytes().chain(io::repeat(b'x'));
        let error = Parser::new(BufReader::new(endless)).find_map(Result::err).unwrap();
        assert_eq!(error.code(), "report-limit", "{beginning}: {error}");
    }
}

#[test]
fn crossed_tags_are_malformed_with_their_place() {
    let error = Reading::of(b"<nmaprun><host></nmaprun></host>").error.unwrap();
    assert_eq!(error.code(), "malformed-report");
    assert_eq!(error.position(), Some(15));
}

#[test]
fn after_an_error_nothing_more_comes() {
    let report = fixture("same-port-twice.xml");
    let mut parser = Parser::new(&report[..report.len() / 2]);
    assert!(parser.by_ref().any(|record| record.is_err()));
    assert!(parser.next().is_none());
}

#[test]
fn a_reader_that_fails_is_told_from_a_report_that_does() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::from(io::ErrorKind::ConnectionReset))
        }
    }
    let report = b"<nmaprun><host>".chain(Broken);
    let error = Parser::new(BufReader::new(report)).find_map(Result::err).unwrap();
    let ParseError::Read(source) = error else { panic!("{error:?}") };
    assert_eq!(source.kind(), io::ErrorKind::ConnectionReset);
}
