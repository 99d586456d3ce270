//! One stored event type with every version it was ever written in, and the way from each to the newest.
//!
//! An old version is read as its own struct and then carried forward, typed, one version at a time; JSON is never
//! patched. [`written_events!`] writes the table of an aggregate.

use domain::vocabulary::StreamKind;
use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// One step forward: how a version reads in the next one. A fact that the old version lacks gets its honest value
/// (none, unknown), never an invented one.
#[cfg_attr(not(test), expect(dead_code, reason = "no event has a second version yet"))]
pub(crate) trait Upcast {
    type Next: Stored;
    fn upcast(self) -> Self::Next;
}

/// A version of an event type. [`written_events!`] implements it; only [`Upcast`] is written by hand.
pub(crate) trait Stored: Serialize + DeserializeOwned + JsonSchema {
    const NAME: &'static str;
    const VERSION: i16;
    type Newest: Stored;
    fn newest(self) -> Self::Newest;
}

/// An event type. `W` is what every version of it reads as: a `Written`, which knows newest versions only.
pub(crate) struct Family<W: 'static> {
    pub name: &'static str,
    pub kind: StreamKind,
    /// Oldest first.
    pub versions: &'static [Version<W>],
}

pub(crate) struct Version<W> {
    pub version: i16,
    reaches: i16,
    pub read: fn(&[u8]) -> Result<W, serde_json::Error>,
    pub schema: fn() -> Schema,
}

/// A catalogue that could not read what it says is stored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("two event types are called {0}")]
    NameTwice(&'static str),
    #[error("{0} has no version")]
    NoVersion(&'static str),
    #[error("{name} lacks version {version} or lists it out of order")]
    VersionMissing { name: &'static str, version: i16 },
    #[error("{name} version {version} is carried to version {reaches} and no further")]
    ShortOfNewest { name: &'static str, version: i16, reaches: i16 },
}

impl<W> Version<W> {
    pub(crate) const fn of<T: Stored>(read: fn(&[u8]) -> Result<W, serde_json::Error>) -> Self {
        let reaches = <T::Newest as Stored>::VERSION;
        Self { version: T::VERSION, reaches, read, schema: schema_of::<T> }
    }
}

impl<W> Family<W> {
    pub(crate) fn newest_version(&self) -> i16 {
        self.versions.last().map_or(0, |newest| newest.version)
    }

    pub(crate) fn version(&self, version: i16) -> Option<&'static Version<W>> {
        self.versions.iter().find(|candidate| candidate.version == version)
    }

    /// Versions are 1, 2, 3 … without a hole, and each is carried to the last.
    pub(crate) fn check(&self, faults: &mut Vec<Fault>) {
        let (name, newest) = (self.name, self.newest_version());
        if self.versions.is_empty() {
            faults.push(Fault::NoVersion(name));
        }
        for (expected, found) in (1..).zip(self.versions) {
            if found.version != expected {
                faults.push(Fault::VersionMissing { name, version: expected });
            }
            if found.reaches != newest {
                let (version, reaches) = (found.version, found.reaches);
                faults.push(Fault::ShortOfNewest { name, version, reaches });
            }
        }
    }
}

/// References are inlined, so that a schema can be compared and published by itself.
fn schema_of<T: Stored>() -> Schema {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    let mut schema = SchemaGenerator::new(settings).into_root_schema_for::<T>();
    schema.insert("title".into(), format!("{}.v{}", T::NAME, T::VERSION).into());
    schema
}

/// Writes an aggregate's `Written` and its `FAMILIES` from lines of
/// `"stored.name" => Variant(newest struct) newest version, after 1: oldest struct, 2: …;`
/// The head names the kind of stream and how the aggregate's `Written` becomes the whole log's.
macro_rules! written_events {
    ($(#[$doc:meta])* $kind:ident in $whole:ty = $lift:path {
        $($name:literal => $variant:ident($newest:ty) $version:literal
            $(, after $($old_version:literal: $old:ty),+)?;)+
    }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Written {
            $($variant($newest),)+
        }

        impl Written {
            pub const fn type_name(&self) -> &'static str {
                match self {
                    $(Self::$variant(_) => $name,)+
                }
            }

            pub const fn schema_version(&self) -> i16 {
                match self {
                    $(Self::$variant(_) => $version,)+
                }
            }

            pub(crate) fn body(&self) -> Result<Vec<u8>, serde_json::Error> {
                match self {
                    $(Self::$variant(event) => serde_json::to_vec(event),)+
                }
            }
        }

        $(impl $crate::family::Stored for $newest {
            const NAME: &'static str = $name;
            const VERSION: i16 = $version;
            type Newest = Self;

            fn newest(self) -> Self {
                self
            }
        })+

        $($($(impl $crate::family::Stored for $old {
            const NAME: &'static str = $name;
            const VERSION: i16 = $old_version;
            type Newest = <<Self as $crate::family::Upcast>::Next as $crate::family::Stored>::Newest;

            fn newest(self) -> Self::Newest {
                $crate::family::Stored::newest($crate::family::Upcast::upcast(self))
            }
        })+)?)+

        pub(crate) const FAMILIES: &[$crate::family::Family<$whole>] = &[$({
            use $crate::family::{Family, Version};
            Family {
                name: $name,
                kind: domain::vocabulary::StreamKind::$kind,
                versions: &[
                    $($(Version::of::<$old>(|body| {
                        let event = serde_json::from_slice::<$old>(body)?;
                        Ok($lift(Written::$variant($crate::family::Stored::newest(event))))
                    }),)+)?
                    Version::of::<$newest>(|body| {
                        let event = serde_json::from_slice::<$newest>(body)?;
                        Ok($lift(Written::$variant($crate::family::Stored::newest(event))))
                    }),
                ],
            }
        },)+];
    };
}

pub(crate) use written_events;

#[cfg(test)]
#[expect(unreachable_pub, reason = "the macro writes what other crates match on, and here there are none")]
mod tests;
