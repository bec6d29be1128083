//! Alerts in the Common Alerting Protocol 1.2 (OASIS, 2010).
//!
//! An [`Alert`] is what the sender says. [`check`] lists everything that is wrong with it, [`write`] makes the text and refuses
//! an alert with errors, [`read`] makes an alert from bytes and refuses what the schema of the standard refuses. What has been
//! read has the form of the schema; whether it keeps the rules of section 3.2 is for [`check`] to say. Elements of other
//! namespaces, such as a signature, are skipped and **not verified**.
//!
//! # Example
//!
//! A cut cable between two ports. Ports, cable and authority are synthetic, so the alert is an exercise.
//!
//! ```
//! use buttress_wire::cap::*;
//!
//! # fn main() -> Result<(), BadValue> {
//! let corridor = "54.60,11.90 54.60,12.10 54.20,12.10 54.20,11.90 54.60,11.90".parse()?;
//! let info = Info {
//!     response_type: vec![ResponseType::Execute, ResponseType::Monitor],
//!     audience: Some("Operators of cables and of ports on both shores".into()),
//!     event_code: vec![Named::new("buttress.event", "cable-cut")],
//!     onset: Some("2026-01-15T04:12:00-00:00".parse()?),
//!     expires: Some("2026-01-16T06:00:00-00:00".parse()?),
//!     sender_name: Some("Synthetic Cable Authority".into()),
//!     headline: Some("Data cable between Port Alder and Port Birch is cut".into()),
//!     description: Some("Light was lost 21 km from Port Alder at 04:12 UTC; 4 of 4 fibre pairs are dark.".into()),
//!     instruction: Some("Move traffic to the land route. Keep ships from anchoring in the corridor.".into()),
//!     contact: Some("duty desk, +00 0000 000".into()),
//!     parameter: vec![Named::new("capacity_lost_gbit_per_s", "1200"), Named::new("repair_time_h", "360")],
//!     area: vec![Area {
//!         polygon: vec![corridor],
//!         circle: vec!["54.41,12.00 1.5".parse()?],
//!         geocode: vec![Named::new("UN/LOCODE", "XX ALD"), Named::new("UN/LOCODE", "XX BIR")],
//!         ..Area::new("Corridor between Port Alder and Port Birch")
//!     }],
//!     ..Info::new(Category::Infra, "Cable cut", Urgency::Immediate, Severity::Severe, Certainty::Observed)
//! };
//! let sent = "2026-01-15T05:00:00-00:00".parse()?;
//! let alert = Alert {
//!     source: Some("Optical supervision".into()),
//!     restriction: Some("TLP:AMBER, members of the exchange alone".into()),
//!     code: vec!["buttress-1".into()],
//!     note: Some("Exercise EX-7: nothing has happened.".into()),
//!     incidents: vec!["cable cut 7".into()],
//!     info: vec![info],
//!     ..Alert::new("EX-7-1", "desk@cable.example", sent, Status::Exercise, MsgType::Alert, Scope::Restricted)
//! };
//!
//! assert_eq!(check(&alert), []);
//! let text = write(&alert).expect("no finding, so it can be written");
//! assert!(text.contains("<incidents>\"cable cut 7\"</incidents>"));
//! assert_eq!(read(text.as_bytes()).expect("own text is read"), alert);
//!
//! // Without its rule the restricted alert is refused, and the finding says where and what to do.
//! let findings = write(&Alert { restriction: None, ..alert }).unwrap_err();
//! assert_eq!(findings[0].path, "alert/restriction");
//! # Ok(())
//! # }
//! ```

mod check;
pub mod draft;
pub mod grade;
mod read;
pub mod shape;
#[cfg(test)]
mod tests;
mod value;
mod write;
mod xml;

pub use check::{Finding, Level, check};
pub use read::{CapError, Position, read};
pub use value::{BadValue, Time};
pub use write::write;

/// Namespace of CAP 1.2 ("Declared XML Namespace" on the title page of the standard).
pub const NAMESPACE: &str = "urn:oasis:names:tc:emergency:cap:1.2";

/// Most bytes of one alert, read or written: 256 KiB. A bound of ours, not of the standard.
pub const MAX_BYTES: usize = 256 * 1024;

/// Deepest nesting of elements; CAP itself needs 5, the rest is for a signature. A bound of ours.
pub const MAX_DEPTH: usize = 8;

/// Most elements of one kind in one parent. A bound of ours.
pub const MAX_OF_A_KIND: usize = 1000;

/// An enum of the standard whose variants are written exactly as they are named.
macro_rules! tokens {
    ($(#[$doc:meta])* $name:ident { $(#[$first_doc:meta])* $first:ident $(, $(#[$variant_doc:meta])* $variant:ident)* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name { $(#[$first_doc])* $first, $($(#[$variant_doc])* $variant),* }

        impl $name {
            /// Every value, in the order of the standard.
            pub const ALL: &[Self] = &[Self::$first, $(Self::$variant),*];

            /// The word as the standard writes it.
            pub const fn as_str(self) -> &'static str {
                match self { Self::$first => stringify!($first), $(Self::$variant => stringify!($variant)),* }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = BadValue;

            fn from_str(text: &str) -> Result<Self, BadValue> {
                const EXPECTED: &str = concat!("one of ", stringify!($first), $(", ", stringify!($variant)),*);
                Self::ALL.iter().copied().find(|token| token.as_str() == text).ok_or(BadValue { expected: EXPECTED })
            }
        }
    };
}

tokens! {
    /// How the alert is to be handled (`status`, section 3.2.1).
    Status {
        /// To be acted on by all who receive it.
        Actual,
        /// To be acted on by the participants of an exercise alone; the note names the exercise.
        Exercise,
        /// About the functions of the alerting network itself.
        System,
        /// A technical test, to be disregarded by all.
        Test,
        /// A draft, not to be acted on.
        Draft,
    }
}

tokens! {
    /// What the alert does to earlier ones (`msgType`, section 3.2.1).
    MsgType {
        /// A first message.
        Alert,
        /// Brings the referenced messages up to date and takes their place.
        Update,
        /// Ends the referenced messages.
        Cancel,
        /// Says that the referenced messages were received and accepted.
        Ack,
        /// Says that the referenced messages were rejected; the note says why.
        Error,
    }
}

tokens! {
    /// For whom the alert is meant (`scope`, section 3.2.1).
    Scope {
        /// For everyone.
        Public,
        /// For those whom the restriction names.
        Restricted,
        /// For the addresses alone.
        Private,
    }
}

tokens! {
    /// Kind of the event (`category`, section 3.2.2).
    Category {
        /// Geophysical, landslides included.
        Geo,
        /// Weather, floods included.
        Met,
        /// General emergency and public safety.
        Safety,
        /// Law enforcement, military, home and private security.
        Security,
        /// Rescue and recovery.
        Rescue,
        /// Fire suppression and rescue.
        Fire,
        /// Medical and public health.
        Health,
        /// Pollution and other harm to the environment.
        Env,
        /// Public and private transport.
        Transport,
        /// Utilities, telecommunication and other infrastructure that is not transport.
        Infra,
        /// Chemical, biological, radiological, nuclear or high-yield explosive threat.
        CBRNE,
        /// Other events.
        Other,
    }
}

tokens! {
    /// What the audience should do (`responseType`, section 3.2.2).
    ResponseType {
        /// Take shelter in place or as instructed.
        Shelter,
        /// Leave as instructed.
        Evacuate,
        /// Make ready as instructed.
        Prepare,
        /// Carry out the activity planned beforehand.
        Execute,
        /// Keep away from the event.
        Avoid,
        /// Watch the sources of information.
        Monitor,
        /// Evaluate the information; not for public warnings.
        Assess,
        /// The event no longer threatens, and what follows from it is described.
        AllClear,
        /// Nothing is recommended.
        None,
    }
}

tokens! {
    /// How soon to act (`urgency`, section 3.2.2).
    Urgency {
        /// At once.
        Immediate,
        /// Soon, within the next hour.
        Expected,
        /// In the near future.
        Future,
        /// No longer needed.
        Past,
        /// Not known.
        Unknown,
    }
}

tokens! {
    /// How great the threat to life or property is (`severity`, section 3.2.2).
    Severity {
        /// Extraordinary threat.
        Extreme,
        /// Significant threat.
        Severe,
        /// Possible threat.
        Moderate,
        /// Minimal or no known threat.
        Minor,
        /// Not known.
        Unknown,
    }
}

tokens! {
    /// How certain the event is (`certainty`, section 3.2.2).
    Certainty {
        /// It has happened or goes on.
        Observed,
        /// Probability above about 50 %.
        Likely,
        /// Probability at or below about 50 %.
        Possible,
        /// Probability near 0.
        Unlikely,
        /// Not known.
        Unknown,
    }
}

/// One message (`alert`, section 3.2.1); fields stand in the order of the schema.
#[derive(Debug, Clone, PartialEq)]
pub struct Alert {
    /// Name of the message, unique for its sender, without space, comma, `<` and `&`.
    pub identifier: String,
    /// Who sends it, unique in the world (often a domain name), without space, comma, `<` and `&`.
    pub sender: String,
    /// When it was sent.
    pub sent: Time,
    /// How it is to be handled.
    pub status: Status,
    /// What it does to earlier messages.
    pub msg_type: MsgType,
    /// Where the message comes from, such as an operator or a device.
    pub source: Option<String>,
    /// For whom it is meant.
    pub scope: Scope,
    /// Rule of distribution of a restricted message.
    pub restriction: Option<String>,
    /// Whom a private message is for; in the text a list with spaces between, and quotes round an item with a space.
    pub addresses: Vec<String>,
    /// Codes of special handling, such as a profile.
    pub code: Vec<String>,
    /// Purpose of the message, for exercises, cancellations and errors.
    pub note: Option<String>,
    /// Earlier messages it is about.
    pub references: Vec<Reference>,
    /// Names of the incidents it is about; in the text a list like the addresses.
    pub incidents: Vec<String>,
    /// What is said, once for each event or language.
    pub info: Vec<Info>,
}

impl Alert {
    /// A message with the six elements the schema requires and no other.
    pub fn new(identifier: &str, sender: &str, sent: Time, status: Status, msg_type: MsgType, scope: Scope) -> Self {
        Self {
            identifier: identifier.to_owned(),
            sender: sender.to_owned(),
            sent,
            status,
            msg_type,
            source: None,
            scope,
            restriction: None,
            addresses: Vec::new(),
            code: Vec::new(),
            note: None,
            references: Vec::new(),
            incidents: Vec::new(),
            info: Vec::new(),
        }
    }

    /// The triple by which later messages refer to this one.
    pub fn reference(&self) -> Reference {
        Reference { sender: self.sender.clone(), identifier: self.identifier.clone(), sent: self.sent }
    }
}

/// An earlier message, in the text `sender,identifier,sent` (`references`, section 3.2.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// Sender of the earlier message.
    pub sender: String,
    /// Identifier of the earlier message.
    pub identifier: String,
    /// When the earlier message was sent.
    pub sent: Time,
}

/// What is said of one event in one language (`info`, section 3.2.2); fields stand in the order of the schema.
#[derive(Debug, Clone, PartialEq)]
pub struct Info {
    /// Language of the text (RFC 3066); absent means `en-US`, see [`Info::language_or_default`].
    pub language: Option<String>,
    /// Kinds of the event, at least one.
    pub category: Vec<Category>,
    /// The event in words.
    pub event: String,
    /// What the audience should do.
    pub response_type: Vec<ResponseType>,
    /// How soon to act.
    pub urgency: Urgency,
    /// How great the threat is.
    pub severity: Severity,
    /// How certain the event is.
    pub certainty: Certainty,
    /// For whom the text is meant.
    pub audience: Option<String>,
    /// Codes of the event in systems that the names tell.
    pub event_code: Vec<Named>,
    /// When the information takes effect; absent means when the alert was sent.
    pub effective: Option<Time>,
    /// When the event is expected to begin.
    pub onset: Option<Time>,
    /// When the information ends.
    pub expires: Option<Time>,
    /// Name of the sender in words.
    pub sender_name: Option<String>,
    /// The message in one line.
    pub headline: Option<String>,
    /// The event at length.
    pub description: Option<String>,
    /// What to do, at length.
    pub instruction: Option<String>,
    /// Page with more information, an absolute URI.
    pub web: Option<String>,
    /// Whom to ask.
    pub contact: Option<String>,
    /// Further values in systems that the names tell.
    pub parameter: Vec<Named>,
    /// Files that go with the text.
    pub resource: Vec<Resource>,
    /// Where.
    pub area: Vec<Area>,
}

impl Info {
    /// What is said with the five elements the schema requires and no other.
    pub fn new(category: Category, event: &str, urgency: Urgency, severity: Severity, certainty: Certainty) -> Self {
        Self {
            language: None,
            category: vec![category],
            event: event.to_owned(),
            response_type: Vec::new(),
            urgency,
            severity,
            certainty,
            audience: None,
            event_code: Vec::new(),
            effective: None,
            onset: None,
            expires: None,
            sender_name: None,
            headline: None,
            description: None,
            instruction: None,
            web: None,
            contact: None,
            parameter: Vec::new(),
            resource: Vec::new(),
            area: Vec::new(),
        }
    }

    /// Language of the text, `en-US` where none is written (section 3.2.2).
    pub fn language_or_default(&self) -> &str {
        self.language.as_deref().unwrap_or("en-US")
    }
}

/// A value in a system that the name tells (`eventCode`, `parameter`, `geocode`; sections 3.2.2 and 3.2.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// Name of the system (`valueName`).
    pub name: String,
    /// The value in it (`value`).
    pub value: String,
}

impl Named {
    /// A value with its name.
    pub fn new(name: &str, value: &str) -> Self {
        Self { name: name.to_owned(), value: value.to_owned() }
    }
}

/// A file that goes with the text (`resource`, section 3.2.3); fields stand in the order of the schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// What the file is, in words.
    pub resource_desc: String,
    /// Its type, such as `image/png` (RFC 2046).
    pub mime_type: String,
    /// Its size in bytes.
    pub size_bytes: Option<u64>,
    /// Where it is.
    pub uri: Option<String>,
    /// The file itself in base 64.
    pub deref_uri: Option<String>,
    /// Its SHA-1 digest in hexadecimal digits.
    pub digest: Option<String>,
}

impl Resource {
    /// A file with the two elements the standard requires and no other.
    pub fn new(resource_desc: &str, mime_type: &str) -> Self {
        Self {
            resource_desc: resource_desc.to_owned(),
            mime_type: mime_type.to_owned(),
            size_bytes: None,
            uri: None,
            deref_uri: None,
            digest: None,
        }
    }
}

/// Where an event is: the union of all its shapes and codes (`area`, section 3.2.4); fields stand in the order of the schema.
#[derive(Debug, Clone, PartialEq)]
pub struct Area {
    /// The area in words.
    pub area_desc: String,
    /// Polygons.
    pub polygon: Vec<Polygon>,
    /// Circles.
    pub circle: Vec<Circle>,
    /// Codes of the area in systems that the names tell.
    pub geocode: Vec<Named>,
    /// Altitude, or the lower end of a range, in feet above mean sea level.
    pub altitude_ft: Option<f64>,
    /// Upper end of the range in feet above mean sea level; only with an altitude.
    pub ceiling_ft: Option<f64>,
}

impl Area {
    /// An area with its description and nothing else.
    pub fn new(area_desc: &str) -> Self {
        Self {
            area_desc: area_desc.to_owned(),
            polygon: Vec::new(),
            circle: Vec::new(),
            geocode: Vec::new(),
            altitude_ft: None,
            ceiling_ft: None,
        }
    }
}

/// A point in WGS 84, in the text `lat,lon` (section 3.2.4).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Latitude in degrees, north positive, -90 to 90.
    pub lat_deg: f64,
    /// Longitude in degrees, east positive, -180 to 180.
    pub lon_deg: f64,
}

/// A closed ring of at least four points, the last equal to the first (`polygon`, section 3.2.4).
#[derive(Debug, Clone, PartialEq)]
pub struct Polygon {
    /// The points in order.
    pub points: Vec<Point>,
}

/// A circle, in the text `lat,lon radius` (`circle`, section 3.2.4).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Circle {
    /// Its centre.
    pub centre: Point,
    /// Its radius in kilometres; 0 is a point.
    pub radius_km: f64,
}
