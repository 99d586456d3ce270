//! A family with a past, which no real event has yet: the way from an old version to the newest must work before the
//! first event needs it.

use serde::Deserialize;

use super::*;

mod v1 {
    use super::*;

    #[derive(Serialize, Deserialize, JsonSchema)]
    pub(super) struct Measured {
        pub(super) celsius: i32,
    }
}

mod v2 {
    use super::*;

    #[derive(Serialize, Deserialize, JsonSchema)]
    pub(super) struct Measured {
        pub(super) millikelvin: i32,
    }
}

mod v3 {
    use super::*;

    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
    pub struct Measured {
        pub millikelvin: i32,
        pub by: Option<String>,
    }
}

impl Upcast for v1::Measured {
    type Next = v2::Measured;

    fn upcast(self) -> v2::Measured {
        v2::Measured { millikelvin: self.celsius * 1_000 + 273_150 }
    }
}

impl Upcast for v2::Measured {
    type Next = v3::Measured;

    fn upcast(self) -> v3::Measured {
        v3::Measured { millikelvin: self.millikelvin, by: None }
    }
}

written_events! {
    Device in Written = std::convert::identity {
        "test.measured" => Measured(v3::Measured) 3, after 1: v1::Measured, 2: v2::Measured;
    }
}

fn read(version: i16, body: &str) -> Written {
    (FAMILIES[0].version(version).unwrap().read)(body.as_bytes()).unwrap()
}

fn faults(versions: &'static [Version<Written>]) -> Vec<Fault> {
    let mut faults = vec![];
    Family { name: "test.measured", kind: StreamKind::Device, versions }.check(&mut faults);
    faults
}

const fn version_carried_to(version: i16, reaches: i16) -> Version<Written> {
    Version { version, reaches, read: |_| unreachable!(), schema: schema_of::<v3::Measured> }
}

#[test]
fn every_stored_version_reads_as_the_newest() {
    let measured = |by: Option<&str>| Written::Measured(v3::Measured { millikelvin: 293_150, by: by.map(Into::into) });
    assert_eq!(read(1, r#"{"celsius":20}"#), measured(None));
    assert_eq!(read(2, r#"{"millikelvin":293150}"#), measured(None));
    assert_eq!(read(3, r#"{"millikelvin":293150,"by":"ana"}"#), measured(Some("ana")));
}

#[test]
fn what_is_written_is_the_newest_version() {
    let written = read(1, r#"{"celsius":20}"#);
    assert_eq!((written.type_name(), written.schema_version()), ("test.measured", 3));
    assert_eq!(written.body().unwrap(), br#"{"millikelvin":293150,"by":null}"#);
}

#[test]
fn a_family_with_a_whole_past_has_no_fault() {
    let mut faults = vec![];
    FAMILIES[0].check(&mut faults);
    assert_eq!(faults, []);
}

#[test]
fn a_version_that_was_stored_and_cannot_be_read_is_a_fault() {
    const HOLE: &[Version<Written>] = &[version_carried_to(1, 3), version_carried_to(3, 3)];
    assert_eq!(faults(HOLE), [Fault::VersionMissing { name: "test.measured", version: 2 }]);
    assert_eq!(faults(&[]), [Fault::NoVersion("test.measured")]);
}

#[test]
fn a_version_that_is_not_carried_to_the_newest_is_a_fault() {
    const SHORT: &[Version<Written>] = &[version_carried_to(1, 2), version_carried_to(2, 3), version_carried_to(3, 3)];
    let fault = Fault::ShortOfNewest { name: "test.measured", version: 1, reaches: 2 };
    assert_eq!(faults(SHORT), [fault]);
}

#[test]
fn each_version_has_its_own_schema() {
    let schema = |version| (FAMILIES[0].version(version).unwrap().schema)().to_value();
    assert_eq!(schema(1)["title"], "test.measured.v1");
    assert!(schema(1)["properties"]["celsius"].is_object());
    assert!(schema(3)["properties"]["millikelvin"].is_object());
}
