//! Laws that hold for any bytes.

use std::io::{BufReader, Read};

use proptest::prelude::*;
use scan_formats::{
    nmap::{Parser, Record},
    report::ParseError,
};

use crate::{fixture, folder};

fn read_to_the_end(report: impl Read) -> Result<Vec<Record>, (Vec<Record>, ParseError)> {
    // A small buffer, so that tokens span reads.
    let mut records = Vec::new();
    for record in Parser::new(BufReader::with_capacity(61, report)) {
        match record {
            Ok(record) => records.push(record),
            Err(error) => return Err((records, error)),
        }
    }
    Ok(records)
}

#[test]
fn a_report_cut_anywhere_is_truncated_and_keeps_what_came_before() {
    for name in [
        "real-vulners.xml",
        "real-everything.xml",
        "udp-and-down.xml",
        "masscan.xml",
        "vulners-several-products.xml",
        "broken-records.xml",
    ] {
        let report = fixture(name);
        let whole = read_to_the_end(&*report).unwrap();
        let end = report.trim_ascii_end().len();
        for length in 1..end {
            let (records, error) =
                read_to_the_end(&report[..length]).expect_err("a report without its last tag has no end");
            assert!(matches!(error, ParseError::Truncated { .. }), "{name} cut after {length} bytes: {error:?}");
            assert!(whole.starts_with(&records), "{name} cut after {length} bytes");
        }
        assert_eq!(read_to_the_end(&report[..end]).unwrap(), whole);
    }
}

#[test]
fn what_is_read_does_not_depend_on_how_the_bytes_arrive() {
    for entry in std::fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            continue;
        }
        let report = std::fs::read(&path).unwrap();
        let at_once: Vec<_> = Parser::new(&*report).map(Result::unwrap).collect();
        for capacity in [3, 7, 4096] {
            let reader = BufReader::with_capacity(capacity, &*report);
            let bit_by_bit: Vec<_> = Parser::new(reader).map(Result::unwrap).collect();
            assert_eq!(at_once, bit_by_bit, "{path:?} by {capacity} bytes");
        }
    }
}

fn real_report() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        Just(fixture("real-vulners.xml")),
        Just(fixture("real-everything.xml")),
        Just(fixture("real-tcp-and-udp-same-port.xml")),
        Just(fixture("refused/billion-laughs.xml")),
    ]
}

/// Bytes replaced, pieces cut out, pieces moved: what a bad disk or a bad person does to a file.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let any_place = any::<prop::sample::Index>();
    let damage = (any_place.clone(), any_place, any::<u8>(), 0..4_u8);
    (real_report(), prop::collection::vec(damage, 1..12)).prop_map(|(mut report, damages)| {
        for (at, to, byte, kind) in damages {
            if report.is_empty() {
                break;
            }
            let (at, to) = (at.index(report.len()), to.index(report.len()));
            let (from, until) = (at.min(to), at.max(to).min(at.min(to) + 200));
            match kind {
                0 => report[at] = byte,
                1 => report.insert(at, b"<>&\"'/=![]?-; \0"[usize::from(byte) % 15]),
                2 => drop(report.drain(from..until)),
                _ => {
                    let piece = report[from..until].to_vec();
                    report.splice(at..at, piece);
                }
            }
        }
        report
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..2048)) {
        let _ = read_to_the_end(&*bytes);
    }

    #[test]
    fn no_markup_makes_it_panic(pieces in prop::collection::vec(markup(), 0..64)) {
        let report = format!("<nmaprun>{}", pieces.concat());
        let _ = read_to_the_end(report.as_bytes());
    }

    #[test]
    fn no_damage_to_a_real_report_makes_it_panic(report in damaged()) {
        let (Ok(records) | Err((records, _))) = read_to_the_end(&*report);
        for record in records {
            if let Record::Host(host) = record {
                let _ = scan_formats::nmap::findings(&host);
            }
        }
    }
}

fn markup() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "<host>",
        "</host>",
        "<host/>",
        "<ports>",
        "</ports>",
        "<port protocol=\"tcp\" portid=\"1\">",
        "</port>",
        "<state state=\"open\"/>",
        "<script id=\"vulners\" output=\"CVE-1 https://vulners.com/\">",
        "</script>",
        "<table key=\"\">",
        "</table>",
        "<elem key=\"id\">",
        "</elem>",
        "<![CDATA[",
        "]]>",
        "<!--",
        "-->",
        "<?",
        "?>",
        "<!DOCTYPE",
        "[",
        "]",
        ">",
        "<",
        "&",
        "&amp;",
        "&#x;",
        "&#99999999999;",
        ";",
        "\"",
        "'",
        "=",
        " ",
        "\0",
        "ä",
        "</nmaprun>",
        "<runstats>",
        "</runstats>",
        "<finished time=\"-1\"/>",
        "<cpe>",
        "</cpe>",
        "<service>",
        "</service>",
        "<os>",
        "</os>",
        "<osmatch name=\"x\" accuracy=\"300\">",
        "</osmatch>",
        "<osclass>",
        "</osclass>",
        "<!",
        "</",
        "/>",
    ])
}
