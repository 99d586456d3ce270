//! What cannot be seen through a format: the bound of the whole.

use super::Xml;

#[test]
fn a_report_past_its_bound_is_given_up_at_the_bound() {
    let report = format!("<r>{}</r>", "<a/>".repeat(1000));
    let mut xml = Xml::new(report.as_bytes(), "test", 1000);
    let root = xml.root("r").unwrap().level();
    let error = loop {
        match xml.child(root) {
            Ok(child) => assert!(child.is_some(), "the bound comes before the end"),
            Err(error) => break error,
        }
    };
    assert_eq!(error.to_string(), "the report has more than 1000 bytes at byte 999");
}

#[test]
fn a_report_of_just_its_bound_is_read_to_the_end() {
    let report = "<r><a/></r>";
    let mut xml = Xml::new(report.as_bytes(), "test", report.len() as u64);
    let root = xml.root("r").unwrap().level();
    assert!(xml.child(root).unwrap().is_some());
    assert!(xml.child(root).unwrap().is_none());
    xml.end().unwrap();
}
