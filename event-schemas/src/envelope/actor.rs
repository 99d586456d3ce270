//! Who did it, as a pseudonymous id: `user:<uuid>`, `key:<uuid>`, `operator`, `system:timer`, `system:scan`,
//! `anonymous`. Never a name or an address.

use std::fmt;
use std::str::FromStr;

use domain::vocabulary::{ApiKeyId, UserId};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::Uuid;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Actor {
    User(UserId),
    ApiKey(ApiKeyId),
    Operator,
    /// Time was up: an acceptance lapsed, a session ended.
    Timer,
    /// Follows from a report rather than from a person's wish.
    Scan,
    /// Nobody we know: a failed log in.
    Anonymous,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an actor")]
pub struct UnknownActor;

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(id) => write!(f, "user:{}", id.uuid()),
            Self::ApiKey(id) => write!(f, "key:{}", id.uuid()),
            Self::Operator => f.write_str("operator"),
            Self::Timer => f.write_str("system:timer"),
            Self::Scan => f.write_str("system:scan"),
            Self::Anonymous => f.write_str("anonymous"),
        }
    }
}

impl FromStr for Actor {
    type Err = UnknownActor;

    fn from_str(text: &str) -> Result<Self, UnknownActor> {
        let id = |text: &str| text.parse::<Uuid>().map_err(|_| UnknownActor);
        match text {
            "operator" => Ok(Self::Operator),
            "system:timer" => Ok(Self::Timer),
            "system:scan" => Ok(Self::Scan),
            "anonymous" => Ok(Self::Anonymous),
            _ => match text.split_once(':') {
                Some(("user", text)) => Ok(Self::User(UserId::new(id(text)?))),
                Some(("key", text)) => Ok(Self::ApiKey(ApiKeyId::new(id(text)?))),
                _ => Err(UnknownActor),
            },
        }
    }
}

impl Serialize for Actor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Actor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}
